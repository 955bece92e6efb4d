import type { z } from 'zod';
import { ExitCode } from '../errors.js';
import { lengthTypes } from './length-type.js';
import { loadSettings } from './load.js';
import { ConfigProblems } from './problem.js';
import { alternatives } from './reader.js';
import { moved, reserved, reservedFamilies } from './reserved.js';
import { framings } from './framing-options.js';
import { inheritedOptions, listeners } from './listener-options.js';
import { facts } from './option.js';
import { proxySchema } from './proxy-options.js';
import { tlsSchema } from './tls-options.js';
import { serverSchema } from './schema.js';

/** Renders `docs/configuration.md` from the schema, so that the manual cannot say anything else. */
export function describeConfiguration(): string {
  return `${[
    '# Configuration',
    '<!-- Generated from packages/core/src/config/schema.ts by `npm run docs`. -->',
    ...introduction(),
    ...durationsAndSizes(),
    '## Server',
    table(without(serverSchema.shape, inheritedOptions)),
    '## Server and listeners',
    'Set on the server, these hold for every listener; a listener may set its own. Those of TCP are at the end, from `maxConnectionPerAddress` on.',
    table(only(serverSchema.shape, inheritedOptions)),
    '## Listeners',
    'A listener is written `tcp({ port: 9501 })`. Besides the options above it has these:',
    table(without(listeners.tcp.shape, inheritedOptions)),
    "Clients on the same machine come to `unix({ path: '/run/chat.sock' })`, which has nothing of TCP, and these:",
    table(without(listeners.unix.shape, inheritedOptions)),
    'A listener of datagrams is written `udp({ port: 9501 })`. These are all its options; what is written for the whole server holds for it where it has the option.',
    table(listeners.udp.shape),
    ...framingSections(),
    ...tlsSection(),
    ...proxySection(),
    ...namesOfTheReference(),
    ...namesOfLater(),
  ].join('\n\n')}\n`;
}

function introduction(): string[] {
  return [
    [
      'A server reads its settings once, in the master, and sends what is valid to all of its processes.',
      'Only `listeners` has to be written:',
    ].join('\n'),
    code(
      'ts',
      "@ServerConfig({ listeners: [tcp({ port: 9501, framing: delimiter('\\n') })], handlers: [Chat] })",
    ),
    [
      'Where Swoole has a number for a word, the number is accepted too. An option that is `undefined` counts',
      'as absent.',
    ].join('\n'),
    '## When settings do not hold',
    [
      'Settings that do not hold never start a server. The process says everything that is wrong, one line for each',
      `problem, and leaves with exit code ${ExitCode.config}:`,
    ].join('\n'),
    code('text', exampleProblems()),
  ];
}

/** What loading really says, so that the example stays true. */
function exampleProblems(): string {
  const wrong = {
    listeners: [{ type: 'tcp', port: 95_010 }],
    worker_num: 2,
    heartbeatIdleTime: 60,
  };
  try {
    loadSettings(wrong, { cpus: 1, name: 'example', directory: '/' });
  } catch (error) {
    if (error instanceof ConfigProblems) return error.message;
    throw error;
  }
  throw new Error('The example of wrong settings has become valid.');
}

function durationsAndSizes(): string[] {
  return [
    '## Durations and sizes',
    [
      "A **duration** is a number of milliseconds, or a string with a unit: `'500ms'`, `'60s'`, `'5m'`, `'1h'`. Each has a",
      'minimum that catches seconds written by habit: `heartbeatIdleTime: 60` is an error that names both ways to write a',
      'minute. No duration is longer than a timer takes, a little less than 25 days.',
    ].join('\n'),
    [
      "A **size** is a number of bytes, or a string with a binary unit: `'64KiB'`, `'2MiB'`, `'1GiB'` (1024, 1024² and 1024³",
      "bytes). Decimal units such as `'2MB'` are refused.",
    ].join('\n'),
  ];
}

function framingSections(): string[] {
  const calls: Readonly<Record<keyof typeof framings, string>> = {
    raw: 'raw()',
    delimiter: 'delimiter(end, { strip })',
    lengthPrefix: 'lengthPrefix({ type, lengthOffset, bodyOffset, strip })',
    custom: 'custom(moduleUrl)',
  };
  const sections = Object.entries(framings).flatMap(([name, { shape }]) => {
    const { kind, ...options } = shape;
    return [
      `### \`${calls[name as keyof typeof framings]}\``,
      facts.get(kind)?.sentence ?? '',
      ...(Object.keys(options).length === 0 ? [] : [table(options)]),
      ...(name === 'lengthPrefix' ? lengthTypeTable() : []),
    ];
  });
  return [
    '## Framing',
    'A packet reaches its handler as it came, delimiter or header included, unless `strip` is true.',
    ...sections,
  ];
}

function tlsSection(): string[] {
  return [
    '## TLS',
    [
      "A listener with `tls` speaks TLS and nothing else: `tcp({ port: 9501, tls: { cert: 'server.crt', key: 'server.key' } })`.",
      'Files are read before the server binds, and again by every reload; see [TLS and PROXY protocol](tls.md).',
    ].join('\n'),
    table(tlsSchema.shape),
  ];
}

function proxySection(): string[] {
  return [
    '## PROXY protocol',
    "Versions 1 and 2, told apart by themselves: `tcp({ port: 9501, proxyProtocol: { trusted: ['10.0.0.0/8'] } })`.",
    table(proxySchema.shape),
  ];
}

function lengthTypeTable(): string[] {
  const rows = Object.entries(lengthTypes).map(
    ([name, { size, aliases }]) =>
      `| \`${name}\` | ${size} | ${aliases.map((each) => `\`${each}\``).join(' ')} |`,
  );
  return [
    [
      'The letters of Swoole stand for the same types; where it means the byte order of the machine, it is little',
      'endian here.',
    ].join('\n'),
    ['| length type | bytes | letters |', '|---|---|---|', ...rows].join('\n'),
  ];
}

function namesOfTheReference(): string[] {
  return [
    '## Names of Swoole',
    [
      'Most of its options have the same name here, in camelCase: `worker_num` is `workerNum`. Who writes the old spelling is',
      'told the new one. These have become something else:',
    ].join('\n'),
    [
      '| Swoole | here |',
      '|---|---|',
      ...Object.entries(moved).map(
        ([name, instead]) =>
          `| \`${snakeCase(name)}\` | ${instead.replace(/^(.*?)( in the listener)?$/, '`$1`$2')} |`,
      ),
    ].join('\n'),
  ];
}

function namesOfLater(): string[] {
  const families = reservedFamilies.map((family) => `\`${family}…\``);
  return [
    '## Not in this version',
    'These names are known and refused, so that nobody believes in a setting that does nothing:',
    reserved.map((name) => `\`${name}\``).join(', '),
    `The same holds for every name that begins with ${alternatives(families)}.`,
  ];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

type Shape = Readonly<Record<string, z.core.$ZodType>>;

function only(shape: Shape, names: readonly string[]): Shape {
  return Object.fromEntries(Object.entries(shape).filter(([name]) => names.includes(name)));
}

function without(shape: Shape, names: readonly string[]): Shape {
  return Object.fromEntries(Object.entries(shape).filter(([name]) => !names.includes(name)));
}

function table(shape: Shape): string {
  const rows = Object.entries(shape).map(([name, schema]) => {
    const about = facts.get(schema);
    if (about === undefined) throw new Error(`The option ${name} has no facts.`);
    const { type, range, sentence } = about;
    return `| \`${name}\` | ${type} | ${about.default} | ${range} | ${sentence} |`;
  });
  return ['| option | type | default | unit, range | what it does |', '|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

function code(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}
