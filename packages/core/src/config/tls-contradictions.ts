import { pathInWords, valueAt, type Path, type Problem } from './problem.js';
import { count } from './reader.js';
import { show } from './show.js';
import type { TlsSettings } from './tls-options.js';

const mostNames = 1_000;

/** What the options of `tls` mean for each other, and names that nobody can ask for. */
export function tlsContradictions(input: unknown, path: Path, tls: TlsSettings | undefined): Problem[] {
  if (tls === undefined) return [];
  return [...names(path, valueAt(input, [...path, 'sni'])), ...withoutRequest(input, path, tls)];
}

function names(path: Path, sni: unknown): Problem[] {
  const all = Object.keys(sni ?? {});
  const found = all.filter((name) => !isServerName(name)).map((name) => wrongName([...path, 'sni', name]));
  if (all.length <= mostNames) return found;
  const reason = `has ${count(all.length, 'name')}`;
  const remedy = `write at most ${count(mostNames, 'name')}, or certificates that hold for several`;
  return [{ path: pathInWords([...path, 'sni']), found: 'an object', reason, remedy }, ...found];
}

function wrongName(path: Path): Problem {
  const remedy = "write 'name.example', or '*.name.example' for all names one level below";
  return { path: pathInWords(path), found: 'its name', reason: 'is not the name of a host', remedy };
}

/** Clients ask for names, never for addresses. */
function isServerName(name: string): boolean {
  const labels = name.replace(/^\*\./, '').split('.');
  return (
    name.length <= 253 &&
    labels.every((label) => /^[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?$/i.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/** What only matters for certificates of clients. */
function withoutRequest(input: unknown, path: Path, tls: TlsSettings): Problem[] {
  if (tls.requestCert) return [];
  const problems: Problem[] = [];
  for (const name of ['ca', 'rejectUnauthorized'] as const) {
    const written = valueAt(input, [...path, name]);
    if (written === undefined || (name === 'rejectUnauthorized' && written === true)) continue;
    const reason = 'has no effect, because no client is asked for a certificate';
    const remedy = 'write requestCert: true, or remove it';
    problems.push({ path: pathInWords([...path, name]), found: show(written), reason, remedy });
  }
  return problems;
}
