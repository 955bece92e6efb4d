import { z } from 'zod';
import { bytes } from './bytes.js';
import { lengthTypes } from './length-type.js';
import { facts, kind, option, optional, required } from './option.js';
import { boolean, integer } from './scalar.js';
import { moduleUrl } from './text.js';
import { words } from './words.js';

const lengthWords = Object.fromEntries(
  Object.entries(lengthTypes).map(([word, { aliases }]) => [word, aliases]),
) as { readonly [Word in keyof typeof lengthTypes]: (typeof lengthTypes)[Word]['aliases'] };

const lengthType = { ...words(lengthWords), type: 'length type', range: 'see the table below' };

/** The framings, by kind. */
export const framings = {
  raw: z.strictObject({
    kind: kind('raw', 'No framing: what one read of the socket brought is one packet.'),
  }),
  delimiter: z.strictObject({
    kind: kind('delimiter', 'A packet ends with the same bytes each time, a line feed for example.'),
    bytes: required(bytes(64), 'The bytes that end a packet.'),
    strip: option(boolean(), {
      default: false,
      sentence: 'Leaves the delimiter out of the packet that the handler gets.',
    }),
  }),
  lengthPrefix: z.strictObject({
    kind: kind(
      'lengthPrefix',
      'A number at a fixed place tells the length; the whole packet has `bodyOffset` bytes plus that number.',
    ),
    type: option(lengthType, {
      default: 'uint32be',
      sentence: 'Width, sign and byte order of the number; a negative one closes the connection.',
    }),
    lengthOffset: option(integer(0, 65_535), {
      default: 0,
      sentence: 'How many bytes come before the number.',
    }),
    bodyOffset: optional(integer(0, 65_535), {
      default: '`lengthOffset` plus the bytes of the number',
      sentence:
        'From which byte on the number counts; 0 means that it counts the whole packet, header included.',
    }),
    strip: option(boolean(), {
      default: false,
      sentence:
        'Leaves the first `bodyOffset` bytes out of the packet that the handler gets, and in any case all up to the end of the number.',
    }),
  }),
  custom: z.strictObject({
    kind: kind('custom', 'A module of yours tells how long the next packet is.'),
    module: required(moduleUrl('./framing.js'), 'The module, loaded by every process that owns sockets.'),
  }),
};

export const framing = z
  .discriminatedUnion('kind', [framings.raw, framings.delimiter, framings.lengthPrefix, framings.custom])
  .default({ kind: 'raw' })
  .register(facts, {
    type: 'framing',
    default: '`raw()`',
    range: '`raw()`, `delimiter(…)`, `lengthPrefix({ … })` or `custom(url)`',
    sentence: 'How the bytes that come are cut into packets.',
  });
