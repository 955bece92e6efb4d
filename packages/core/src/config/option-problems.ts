import type { z } from 'zod';
import { pathInWords, valueAt, type Path, type Problem } from './problem.js';
import { Refusal } from './reader.js';
import type { framings } from './framing-options.js';
import type { listeners } from './listener-options.js';
import type { RefusalParams } from './option.js';
import { show, showStranger } from './show.js';
import { explainStranger, type Place } from './stranger.js';

/** Options whose text is nobody's business. */
const secrets: readonly unknown[] = ['key', 'passphrase'];

type Issue = z.core.$ZodIssue;

/**
 * What is wrong with options taken one by one, from what the schema refused: in
 * the order of the schema; strangers last and sorted.
 */
export function optionProblems(input: unknown, error: z.ZodError | undefined): Problem[] {
  return error?.issues.flatMap((issue) => toProblems(input, issue)) ?? [];
}

function toProblems(input: unknown, issue: Issue): Problem[] {
  // Symbols cannot be written in settings that travel as JSON, so no schema has one in a path.
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') {
    const place = placeOf(input, path);
    return issue.keys.toSorted().map((key) => stranger(input, [...path, key], explainStranger(key, place)));
  }
  const value = valueAt(input, path);
  const { reason, remedy } =
    issue.code === 'custom' ? (issue.params as unknown as RefusalParams) : structural(issue, path, value);
  return [
    {
      path: pathInWords(path),
      found: secrets.includes(path.at(-1)) ? showStranger(value) : show(value),
      reason,
      remedy,
    },
  ];
}

function stranger(input: unknown, path: Path, { reason, remedy }: Refusal): Problem {
  return { path: pathInWords(path), found: showStranger(valueAt(input, path)), reason, remedy };
}

function placeOf(input: unknown, path: Path): Place {
  if (path.length === 0) return 'server';
  if (path.at(-1) === 'tls') return 'tls';
  if (path.at(-1) === 'proxyProtocol') return 'proxyProtocol';
  if (path.at(-2) === 'sni') return 'sni';
  if (path.at(-1) !== 'framing') return valueAt(input, [...path, 'type']) as keyof typeof listeners;
  return valueAt(input, [...path, 'kind']) as keyof typeof framings;
}

/** Issues of the objects and arrays that hold the options. */
function structural(issue: Issue, path: Path, value: unknown): Refusal {
  const last = path.at(-1);
  if (last === 'type') return unknownTransport(value);
  if (path.length > 2 && last !== 'framing' && last !== 'kind') return unknownGroup(path);
  const remedy = containerRemedy(last);
  if (value === undefined) return new Refusal('was given', remedy);
  if (last === 'kind' && laterKinds.includes(value)) return new Refusal('is not in this version', remedy);
  if (last === 'kind') return new Refusal('is not a kind of framing', remedy);
  if (issue.code === 'too_small') return new Refusal('has no listener', remedy);
  return new Refusal(`is not ${last === 'listeners' ? 'an array' : containerName(last)}`, remedy);
}

function unknownTransport(value: unknown): Refusal {
  const remedy = "write 'tcp', 'unix' or 'udp'";
  if (value === undefined) return new Refusal('was given', remedy);
  return new Refusal('is not a transport', remedy);
}

/** Objects inside a listener. */
function unknownGroup(path: Path): Refusal {
  const remedy =
    path.at(-1) === 'proxyProtocol'
      ? "write an object: { trusted: ['10.0.0.0/8'] }"
      : path.at(-1) === 'sni'
        ? "write an object: { 'name.example': { cert, key } }"
        : "write an object: { cert: 'server.crt', key: 'server.key' }";
  return new Refusal('is not an object', remedy);
}

const laterKinds: readonly unknown[] = ['http', 'http2', 'websocket', 'mqtt', 'redis'];

function containerName(step: string | number | undefined): string {
  if (step === undefined) return 'a configuration';
  return step === 'framing' ? 'a framing' : 'a listener';
}

function containerRemedy(step: string | number | undefined): string {
  if (step === undefined) return 'write an object with at least listeners: [tcp({ port: 9501 })]';
  if (step === 'listeners') return 'write at least one: listeners: [tcp({ port: 9501 })]';
  if (typeof step === 'number')
    return "write tcp({ port: 9501 }), unix({ path: '/run/app.sock' }) or udp({ port: 9501 })";
  return "write raw(), delimiter('\\n'), lengthPrefix({ … }) or custom(url)";
}
