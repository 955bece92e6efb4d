import { nearest } from './nearest.js';
import { Refusal } from './reader.js';
import { isReserved, moved, reserved, synonyms } from './reserved.js';
import { framings, listenerSchema, serverSchema } from './schema.js';

/** Where a name was written: among the server's options, a listener's, or those of one kind of framing. */
export type Place = 'server' | 'listener' | keyof typeof framings;

const serverOptions = Object.keys(serverSchema.shape);
const listenerOptions = Object.keys(listenerSchema.shape);

const where: Readonly<Record<Place, string>> = {
  server: 'of the server',
  listener: 'of a listener',
  raw: 'of raw()',
  delimiter: 'of delimiter()',
  lengthPrefix: 'of lengthPrefix()',
  custom: 'of custom()',
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
  if (place === 'listener') return listenerOptions;
  return Object.keys(framings[place].shape);
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
  if (place !== 'server' && serverOptions.includes(name)) {
    return new Refusal(
      `is not an option ${where[place]}`,
      `write ${name} beside listeners, for the whole server`,
    );
  }
  if (place !== 'listener' && listenerOptions.includes(name)) {
    return new Refusal(
      `is not an option ${where[place]}`,
      `write it in a listener: listeners: [tcp({ ${name}: … })]`,
    );
  }
  return undefined;
}

function fromReference(name: string): Refusal | undefined {
  const instead = Object.hasOwn(moved, name) ? moved[name] : undefined;
  if (instead !== undefined) return new Refusal('has no such name', `write ${instead}`);
  const synonym = Object.hasOwn(synonyms, name) ? synonyms[name] : undefined;
  if (synonym !== undefined) {
    return new Refusal(`is not in this version, where its name would be ${synonym}`, 'remove it');
  }
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
