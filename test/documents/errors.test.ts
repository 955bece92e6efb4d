import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { CommandExit } from '@shoal/cli/internal/usage-error';
import { ExitCode } from '@shoal/core/internal/errors';

const source = readFileSync(new URL('../../../packages/core/src/errors.ts', import.meta.url), 'utf8');
const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

const classes = ['ConfigError', 'ProtocolError', 'HandlerError', 'ProcessError', 'TaskError'] as const;

/** The members of the union `<className>Code`, read from the source, as types are gone at run time. */
function codesOf(className: string): string[] {
  const union = new RegExp(`export type ${className}Code =([^;]+);`).exec(source)?.[1] ?? '';
  return [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code ?? '');
}

/** The titles of the entries below the heading of a section, each with its text. */
function entriesOf(section: string): Map<string, string> {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? '';
  const entries = text.split(/^### /m).slice(1);
  return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf('\n')), entry]));
}

describe('docs/errors.md', () => {
  for (const className of classes) {
    it(`has an entry for each code of ${className}, and for no other`, () => {
      expect(codesOf(className)).not.to.deep.equal([]);
      expect([...entriesOf(className).keys()]).to.have.members(codesOf(className));
    });
  }

  it('knows every class of errors', () => {
    const all = [...source.matchAll(/export class (\w+Error) extends ShoalError/g)].map(([, name]) => name);
    expect(all).to.have.members([...classes]);
  });

  it('has an entry for each exit code, and for no other', () => {
    const codes = Object.entries(ExitCode).map(([name, code]) => `Exit ${code}: ${name}`);
    expect([...entriesOf('Exit codes').keys()]).to.have.members(codes);
  });

  it('has an entry for each exit code of the command, and for no other', () => {
    const codes = Object.entries(CommandExit).map(([name, code]) => `shoal exit ${code}: ${name}`);
    expect([...entriesOf('Exit codes of the command').keys()]).to.have.members(codes);
  });

  it('gives the command no exit code that a server leaves with for another reason', () => {
    const servers = new Map<number, string>(Object.entries(ExitCode).map(([name, code]) => [code, name]));
    for (const [name, code] of Object.entries(CommandExit)) expect(servers.get(code) ?? name).to.equal(name);
  });

  it('says in each entry what happened, who acts and what the remedy is', () => {
    for (const section of [...classes, 'Exit codes', 'Exit codes of the command']) {
      for (const [title, text] of entriesOf(section)) {
        for (const part of ['What happened', 'Who acts', 'Remedy']) {
          expect(text, title).to.match(new RegExp(`^- \\*\\*${part}:\\*\\* \\S`, 'm'));
        }
      }
    }
  });

  it('links only to headings that it has', () => {
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links).not.to.deep.equal([]);
    expect(anchors).to.include.members(links);
  });
});
