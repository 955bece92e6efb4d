/** Writes the pages under `docs/` that are generated from the source. Run it after a build. */
import { writeFile } from 'node:fs/promises';
import { describeConfiguration } from '@shoal/core/internal/config/describe';

await writeFile(new URL('../docs/configuration.md', import.meta.url), describeConfiguration());
