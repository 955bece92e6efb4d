import { availableParallelism } from 'node:os';

/** Examines each name, `atOnce` at a time; gives a map with the promise of each verdict, in order. */
export function examineAll(laboratory, names, atOnce = Math.min(2, availableParallelism())) {
  const waiting = [...names];
  const verdicts = new Map(names.map((name) => [name, withResolvers()]));
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      verdicts.get(name).resolve(await laboratory.examine(name));
  };
  for (let worker = 0; worker < atOnce; worker++) void work();
  return new Map([...verdicts].map(([name, { promise }]) => [name, promise]));
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}

/** What was wrong, in one line: the second of a failure, below the one that says where. */
export function headline({ message }) {
  const [first, second = first] = message.split('\n');
  const text = second.trim();
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
