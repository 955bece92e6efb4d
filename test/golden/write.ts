/** Writes the hashes that the golden traces have now. */
import { writeFile } from 'node:fs/promises';
import { traceHashes } from './golden-traces.js';

const file = new URL('../../golden/hashes.json', import.meta.url);
await writeFile(file, `${JSON.stringify(await traceHashes(), null, 2)}\n`);
