/** The load client, a program of its own: does what the benchmark tells it, one thing at a time. */
import { checkEcho } from './check.js';
import type { FromClient, ToClient } from './messages.js';
import { runLoad } from './run.js';

function say(message: FromClient): void {
  process.send?.(message);
}

async function obey(message: ToClient): Promise<void> {
  if (message.type === 'check') {
    await checkEcho(message.load);
    say({ type: 'checked' });
    return;
  }
  await runLoad({
    ...message,
    began: () => say({ type: 'began' }),
    ended: (figures) => say({ type: 'ended', figures }),
  });
  say({ type: 'done' });
}

process.on('message', (message) => {
  obey(message as ToClient).catch((error: unknown) => {
    say({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
  });
});
process.once('disconnect', () => process.exit(0));
