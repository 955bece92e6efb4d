import { attribute } from './attribution.js';
import type { Owner } from './event-queue.js';

/** Where the test and the kernel of the virtual machine live: always alive, and errors are the test's. */
export const outside: Owner = {
  alive: true,
  enter: (event) => {
    attribute(undefined);
    event.run();
  },
};
