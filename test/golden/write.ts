/** Writes the hashes that the golden traces have now, and the exploration that docs/testing.md shows. */
import { writeFile } from 'node:fs/promises';
import { writeShownOutput } from '../documents/testing-page.js';
import { traceHashes } from './golden-traces.js';

const file = new URL('../../golden/hashes.json', import.meta.url);
await writeFile(file, `${JSON.stringify(await traceHashes(), null, 2)}\n`);
await writeShownOutput();
