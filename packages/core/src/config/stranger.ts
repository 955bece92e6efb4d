import { nearest } from './nearest.js';
import { Refusal } from './reader.js';
import { isReserved, moved, reserved } from './reserved.js';
import { framings } from './framing-options.js';
import { listeners } from './listener-options.js';
import { proxySchema } from './proxy-options.js';
import { serverName, tlsSchema } from './tls-options.js';
import { serverSchema } from './schema.js';

/** Objects inside a listener. */
const groups = { tls: tlsSchema, sni: serverName, proxyProtocol: proxySchema };

/** Where a name was written: among the server's options, those of a listener of some transport, of one kind of framing, or of a group in a listener. */
export type Place = 'server' | keyof typeof listeners | keyof typeof framings | keyof typeof groups;

const serverOptions = Object.keys(serverSchema.shape);

const transports = Object.keys(listeners) as (keyof typeof listeners)[];

const where: Readonly<Record<Place, string>> = {
  server: 'of the server',
  tcp: 'of tcp()',
  udp: 'of udp()',
  unix: 'of unix()',
  raw: 'of raw()',
  delimiter: 'of delimiter()',
  lengthPrefix: 'of lengthPrefix()',
  custom: 'of custom()',
  tls: 'of tls',
  sni: 'of a name in sni',
  proxyProtocol: 'of proxyProtocol',
};

/** Tells somebody who wrote a name that is no option there which one was probably meant. */
export function explainStranger(key: string, place: Place): Refusal {
  const own = optionsOf(place);
  const name = camelCase(key);
  return (
    handlersElsewhere(key) ??
    respelled(key, name, own) ??
    misplaced(name, place) ??
    fromReference(name) ??
    misspelled(name, own, place)
  );
}

function optionsOf(place: Place): readonly string[] {
  if (place === 'server') return serverOptions;
  if (isTransport(place)) return Object.keys(listeners[place].shape);
  return Object.keys(isGroup(place) ? groups[place].shape : framings[place].shape);
}

function isTransport(place: Place): place is keyof typeof listeners {
  return Object.hasOwn(listeners, place);
}

function isGroup(place: Place): place is keyof typeof groups {
  return Object.hasOwn(groups, place);
}

/** `worker_num`, `worker-num`, `WORKER_NUM` and `WorkerNum` are all `workerNum`. */
function camelCase(key: string): string {
  const words = /[_-]/.test(key) ? key.toLowerCase() : key;
  return words
    .replace(/[_-]+(\w)/g, (_, letter: string) => letter.toUpperCase())
    .replace(/^[A-Z]/, (letter) => letter.toLowerCase());
}

function handlersElsewhere(key: string): Refusal | undefined {
  if (key !== 'handlers' && key !== 'providers') return undefined;
  return new Refusal(
    'is not a setting',
    `${key} belong to @ServerConfig of @shoal/decorators; with createServer() use server.on(…)`,
  );
}

function respelled(key: string, name: string, own: readonly string[]): Refusal | undefined {
  const option = own.find((each) => each === name || each.toLowerCase() === key.toLowerCase());
  return option === undefined ? undefined : new Refusal('has no such name', `did you mean ${option}?`);
}

function misplaced(name: string, place: Place): Refusal | undefined {
  const owners = transports.filter((each) => each !== place && name in listeners[each].shape);
  if (isTransport(place) && owners.length > 0) {
    const names = owners.map((each) => `${each}()`).join(' and ');
    return new Refusal(
      `is not an option ${where[place]}`,
      `remove it: only ${names} ${owners.length > 1 ? 'have' : 'has'} it`,
    );
  }
  if (place !== 'server' && serverOptions.includes(name)) {
    return new Refusal(
      `is not an option ${where[place]}`,
      `write ${name} beside listeners, for the whole server`,
    );
  }
  const [transport] = owners;
  if (transport === undefined) return undefined;
  return new Refusal(
    `is not an option ${where[place]}`,
    `write it in a listener: listeners: [${transport}({ ${name}: … })]`,
  );
}

function fromReference(name: string): Refusal | undefined {
  const instead = Object.hasOwn(moved, name) ? moved[name] : undefined;
  if (instead !== undefined) return new Refusal('has no such name', `write ${instead}`);
  return isReserved(name) ? new Refusal('is not in this version', 'remove it') : undefined;
}

function misspelled(name: string, own: readonly string[], place: Place): Refusal {
  const guess = nearest(name, [...own, ...reserved]);
  if (guess === undefined) {
    return new Refusal(`is not an option ${where[place]}`, `remove it; the options are ${own.join(', ')}`);
  }
  const missing = own.includes(guess) ? '' : ' It is not in this version';
  return new Refusal(`is not an option ${where[place]}`, `did you mean ${guess}?${missing}`);
}
