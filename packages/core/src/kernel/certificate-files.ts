/**
 * Reads certificates and keys, in the first process alone, and finds what is
 * wrong with them before anybody is given them. That process has the settings as
 * they were written: texts and passphrases in them are known to nobody else.
 */
import { isStream } from '../config/limits.js';
import type { ListenerSettings, Settings } from '../config/load.js';
import { isInline } from '../config/pem.js';
import { ConfigProblems, pathInWords, valueAt, type Path, type Problem } from '../config/problem.js';
import type { IdentitySettings, TlsSettings } from '../config/tls-options.js';
import type { Logger } from '../log.js';
import type { Certificates } from '../pipe/notes.js';
import type { Platform, TlsFinding, TlsIdentity, TlsMaterial } from '../platform/platform.js';

interface Reading {
  readonly material: TlsMaterial | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export class CertificateFiles {
  #checked: Certificates = [];
  #warnings: readonly Problem[] = [];
  #logger: Logger | undefined;

  constructor(
    private readonly platform: Platform,
    private readonly settings: Settings,
    /** The settings as they were written. */
    private readonly given: object,
  ) {}

  /** What was read last of what holds. */
  get checked(): Certificates {
    return this.#checked;
  }

  /** Throws `ConfigError` CONFIG_INVALID with everything that is wrong. */
  check(): void {
    const problems = this.#read();
    if (problems.length > 0) throw new ConfigProblems(problems);
  }

  /** Says what holds, and will not for long; later readings say it here, too. */
  warn(logger: Logger): void {
    this.#logger = logger;
    for (const warning of this.#warnings) logger.warn(sentence(warning));
  }

  /** Reads everything anew. What does not hold is told and logged, and nothing is renewed then. */
  read(): { readonly certificates?: Certificates; readonly problems: readonly string[] } {
    if (this.settings.listeners.every((listener) => tlsOf(listener) === undefined)) return { problems: [] };
    const problems = this.#read().map(sentence);
    for (const problem of problems) this.#logger?.error(`the certificates of before stay: ${problem}`);
    if (problems.length > 0) return { problems };
    for (const warning of this.#warnings) this.#logger?.warn(sentence(warning));
    this.#logger?.info('read the certificates anew: new connections get them');
    return { problems, certificates: this.#checked };
  }

  #read(): readonly Problem[] {
    const readings = this.settings.listeners.map((listener, index) => {
      const tls = tlsOf(listener);
      return tls === undefined ? undefined : this.#readListener(tls, ['listeners', index, 'tls']);
    });
    const problems = readings.flatMap((reading) => reading?.problems ?? []);
    if (problems.length > 0) return problems;
    this.#checked = readings.map((reading) => reading?.material ?? null);
    this.#warnings = readings.flatMap((reading) => reading?.warnings ?? []);
    return [];
  }

  #readListener(tls: TlsSettings, path: Path): Reading {
    const problems: Problem[] = [];
    const { sni, ca, alpn, ciphers, minVersion, requestCert, rejectUnauthorized } = tls;
    const identity = this.#identity(tls, path, problems);
    const authorities = ca === undefined ? undefined : this.#text(ca, [...path, 'ca'], problems);
    const named = Object.keys(sni).map((name) => {
      const at = [...path, 'sni', this.#asWritten(path, name)];
      return [name, this.#identity(sni[name]!, at, problems)] as const;
    });
    if (problems.length > 0) return { material: undefined, problems, warnings: [] };
    const material: TlsMaterial = {
      ...identity,
      sni: Object.fromEntries(named),
      ...(authorities !== undefined && { ca: authorities }),
      alpn,
      ...(ciphers !== undefined && { ciphers }),
      minVersion,
      requestCert,
      rejectUnauthorized,
    };
    const { network, clock } = this.platform;
    const findings = network.examineTls(material, clock.wallTime());
    const asProblems = (warning: boolean): Problem[] =>
      findings.filter((each) => each.warning === warning).map((each) => this.#problem(each, tls, path));
    const sealed = { ...material, ticketKeys: network.ticketKeys(material) };
    return { material: sealed, problems: asProblems(false), warnings: asProblems(true) };
  }

  #identity({ cert, key, passphrase }: IdentitySettings, path: Path, problems: Problem[]): TlsIdentity {
    const secret = passphrase === undefined ? undefined : valueAt(this.given, [...path, 'passphrase']);
    return {
      cert: this.#text(cert, [...path, 'cert'], problems),
      key: this.#text(key, [...path, 'key'], problems),
      ...(typeof secret === 'string' && { passphrase: secret }),
    };
  }

  /** The content of the file, or what was written in its place. */
  #text(place: string, path: Path, problems: Problem[]): string {
    if (isInline(place)) return String(valueAt(this.given, path));
    try {
      return this.platform.files.readMaterial(place);
    } catch (error) {
      const { code, message } = error as Error & { readonly code?: unknown };
      const missing = code === 'ENOENT';
      const reason = missing
        ? 'is not there'
        : `cannot be read (${typeof code === 'string' ? code : message})`;
      const remedy = missing
        ? 'write the path of a file, absolute or relative to the working directory'
        : 'let the user who runs the server read it';
      problems.push({ path: pathInWords(path), found: quoted(place), reason, remedy });
      return '';
    }
  }

  #problem({ path: within, reason, remedy }: TlsFinding, tls: TlsSettings, path: Path): Problem {
    const [sni, name, ...rest] = within;
    const place =
      sni === 'sni' ? [...path, 'sni', this.#asWritten(path, name!), ...rest] : [...path, ...within];
    const value = valueAt(tls, within);
    const text = typeof value === 'string' ? value : '';
    const found =
      within.at(-1) === 'passphrase' ? 'what is written there' : isInline(text) ? 'its text' : quoted(text);
    return { path: pathInWords(place), found, reason, remedy };
  }

  /** Settings have names in lower case. */
  #asWritten(path: Path, name: string): string {
    const written = Object.keys(valueAt(this.given, [...path, 'sni']) ?? {});
    return written.find((each) => each.toLowerCase() === name) ?? name;
  }
}

function tlsOf(listener: ListenerSettings): TlsSettings | undefined {
  return isStream(listener) ? listener.tls : undefined;
}

/** Whole, for the end of a path tells most. */
function quoted(text: string): string {
  return `'${text.replaceAll(/\p{Cc}/gu, '?')}'`;
}

function sentence({ path, found, reason, remedy }: Problem): string {
  return `${path}: ${found} ${reason}; ${remedy}`;
}
