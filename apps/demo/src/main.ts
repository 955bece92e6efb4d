/**
 * The program. It is loaded again in every process of the server: `run` finds
 * out which one this is, and resolves in the master alone.
 */
import { run } from '@shoal/decorators';
import { Tally } from './app.js';

const { listeners } = await run(Tally);
const [ingest, admin, datagrams, page] = listeners.map(({ port }) => port);

console.log(`
Tally is counting. In another terminal:

  printf 'hits:1|c\\n' | nc 127.0.0.1 ${ingest}
  echo counters | nc 127.0.0.1 ${admin}

Metrics may come over UDP, too:

  printf 'hits:1|c' | nc -u -w 1 127.0.0.1 ${datagrams}

A browser shows the totals, and goes on showing them:

  http://127.0.0.1:${page}/

Without nc, in bash:

  bash -c "echo 'hits:1|c' > /dev/tcp/127.0.0.1/${ingest}"
  bash -c "exec 3<>/dev/tcp/127.0.0.1/${admin}; printf 'counters\\nquit\\n' >&3; cat <&3"

Ctrl-C stops it.
`);
