import { z } from 'zod';
import { duration } from './duration.js';
import { parseRange } from './ip-address.js';
import { option, required } from './option.js';
import { Refusal, type Reader } from './reader.js';

const mostRanges = 1_000;

function ranges(): Reader<readonly string[], readonly string[]> {
  const takes = `an array of 1 to ${mostRanges} addresses or ranges such as '127.0.0.1', '::1' or '10.0.0.0/8'`;
  return {
    type: 'array of strings',
    range: `1 to ${mostRanges} addresses or ranges, of IPv4 or IPv6`,
    takes,
    read(value) {
      if (!Array.isArray(value)) return new Refusal('is not an array', `write ${takes}`);
      if (value.length === 0) return new Refusal('trusts nobody', `write ${takes}`);
      const isRange = (each: unknown): boolean => typeof each === 'string' && parseRange(each) !== undefined;
      if (value.length > mostRanges || !value.every(isRange))
        return new Refusal('has something that is neither an address nor a range', `write ${takes}`);
      return value as readonly string[];
    },
  };
}

export const proxySchema = z.strictObject({
  trusted: required(
    ranges(),
    'Who may say where a client comes from: the addresses of the load balancers. All others are refused.',
  ),
  timeout: option(duration(100), {
    default: 5_000,
    sentence: 'How long the header may take to come.',
  }),
});

export type ProxySettings = z.output<typeof proxySchema>;
