import { asSize, option, optional } from './option.js';
import { duration } from './duration.js';
import { integer } from './scalar.js';
import { GiB, KiB, MiB, size } from './size.js';
import { file, fileName, folder } from './text.js';
import { words } from './words.js';

/** What concerns tasks: how they travel, how many may wait, when a task worker is replaced. */
export const taskOptions = {
  taskIpcMode: option(words({ socket: [1], queue: [2], sharedQueue: [3] }), {
    default: 'socket',
    sentence:
      'How tasks reach task workers: over pipes, at most once; or through a queue on disk, from which they are handled at least once, also after a crash of everything: one line for each task worker, or one from which any of them takes.',
  }),
  messageQueueKey: optional(fileName(), {
    default: 'the name of the server, with `-` for characters that no file name should have',
    sentence:
      'The name of the queue, which is that of its directory in `queueDirectory`; no two servers have one queue at the same time.',
  }),
  queueDirectory: optional(file(), {
    default:
      '`$STATE_DIRECTORY` as systemd sets it, else `$XDG_STATE_HOME/shoal` or `~/.local/state/shoal`, for root `/var/lib/shoal`',
    sentence:
      'The directory in which queues are kept, made with mode 0700. It must be on a disk of this machine that survives a restart.',
  }),
  taskDurability: option(words({ interval: [], sync: [] }), {
    default: 'interval',
    sentence:
      'When a task is accepted: when the system has it, so that it survives every process, and it is on disk at most `taskSyncInterval` later; or when it is on disk.',
  }),
  taskSyncInterval: option(duration(5), {
    default: 100,
    sentence: "How much a failure of power may take with `taskDurability: 'interval'`.",
  }),
  taskRetries: option(integer(0, 1_000), {
    default: 1,
    sentence:
      'How often a task is tried again when its task worker dies, and in a queue also when its handler fails, after about a second and then ever later; then it fails, or is a dead letter, which is kept.',
  }),
  taskQueueLimit: option(integer(1, 10_000_000), {
    default: 10_000,
    sentence:
      'How many tasks may wait: in each process that posts some, or in the queue, delayed ones included.',
  }),
  taskQueuePolicy: option(words({ wait: [], reject: [] }), {
    default: 'wait',
    sentence:
      'What becomes of a task that is posted while `taskQueueLimit` tasks wait: it waits until there is room, or is rejected. `server.task`, which cannot wait, throws.',
  }),
  taskMaxRequest: option(integer(0, 2 ** 31 - 1), {
    default: 0,
    sentence:
      'After how many tasks a task worker is replaced; 0 is never. It goes on until its replacement is ready.',
  }),
  taskMaxRequestGrace: optional(integer(0, 2 ** 31 - 1), {
    default: 'half of `taskMaxRequest` if that is above 10, else `0`',
    sentence:
      'Each task worker draws a number up to this and adds it to `taskMaxRequest`, so that they are not replaced all at once.',
  }),
  taskConcurrency: option(integer(1, 10_000), {
    default: 1,
    sentence:
      'How many tasks one task worker does at the same time; above 1 it pays where handlers wait for something.',
  }),
  taskMaxLength: option(size(KiB, GiB), {
    default: 64 * MiB,
    shown: asSize(64 * MiB),
    sentence: 'The longest payload of a task and the longest result, encoded; a longer one is an error.',
  }),
  taskSpoolSize: option(size(64 * KiB, GiB), {
    default: 512 * KiB,
    shown: asSize(512 * KiB),
    sentence:
      'A task or a result that is longer than this travels through a file, so that it is in memory only while somebody works on it.',
  }),
  taskTmpdir: optional(folder(), {
    default: 'the directory that the server makes in `runtimeDirectory`',
    sentence:
      'The directory in which the server makes its own, with mode 0700, for the files of `taskSpoolSize`.',
  }),
};
