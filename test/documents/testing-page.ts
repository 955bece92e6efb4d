import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { titledBlocks, type Block } from './pages.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
const page = join(root, 'docs/testing.md');
const run = promisify(execFile);

/** The block of the page that shows what a failing exploration prints. */
export const SHOWN_OUTPUT = 'forgetful.explored.out';

export interface Finished {
  readonly code: number;
  readonly output: string;
}

/** The files of docs/testing.md, compiled in a directory of their own, where packages resolve as for a user. */
export class TestingPage {
  readonly blocks: readonly Block[] = titledBlocks(readFileSync(page, 'utf8'));
  readonly #directory = mkdtempSync(fileURLToPath(new URL('../testing-', import.meta.url)));

  /** Rejects with what the compiler says when the files do not compile. */
  async compile(): Promise<void> {
    const guide = titledBlocks(readFileSync(join(root, 'docs/getting-started.md'), 'utf8'));
    const tsconfig = guide.find(({ title }) => title === 'tsconfig.json')!;
    writeFileSync(join(this.#directory, 'tsconfig.json'), tsconfig.text);
    mkdirSync(join(this.#directory, 'src'));
    for (const { title, text } of this.blocks) writeFileSync(join(this.#directory, 'src', title), text);
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { code, output } = await this.#finish([tsc, '-p', '.']);
    if (code !== 0) throw new Error(output);
  }

  async runTests(spec: string, environment: Readonly<Record<string, string>> = {}): Promise<Finished> {
    const options = ['--no-config', '--enable-source-maps', '--timeout', '20000'];
    return this.#finish([mocha, ...options, spec], environment);
  }

  /** What the failing exploration prints, without what the runner prints around it. */
  async explored(environment: Readonly<Record<string, string>> = {}): Promise<string> {
    const { output } = await this.runTests('dist/forgetful.explored.js', environment);
    const lines = output.split('\n');
    const first = lines.findIndex((line) => line.includes('ExplorationError: '));
    const last = lines.findIndex((line) => line.startsWith('to keep it:'));
    const [head = '', ...rest] = lines.slice(first, last + 1);
    return [head.slice(head.indexOf('ExplorationError: ')), ...rest].join('\n');
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #finish(
    program: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Finished> {
    try {
      const { stdout } = await run(process.execPath, program, {
        cwd: this.#directory,
        env: { ...process.env, SEED: '', ...environment },
      });
      return { code: 0, output: stdout };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, output: `${stdout}${stderr}` };
    }
  }
}

/** Puts into the page what its failing exploration prints now. */
export async function writeShownOutput(): Promise<void> {
  const files = new TestingPage();
  try {
    await files.compile();
    const output = await files.explored();
    const text = readFileSync(page, 'utf8');
    const fence = `\`\`\`text title="${SHOWN_OUTPUT}"\n`;
    const start = text.indexOf(fence) + fence.length;
    const end = text.indexOf('```', start);
    writeFileSync(page, `${text.slice(0, start)}${output}\n${text.slice(end)}`);
  } finally {
    files.remove();
  }
}
