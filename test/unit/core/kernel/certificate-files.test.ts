import { dirname } from 'node:path';
import { expect } from 'chai';
import { loadSettings, type ConfigProblems } from '@shoal/core/internal/config/load';
import { CertificateFiles } from '@shoal/core/internal/kernel/certificate-files';
import { NodeFiles } from '@shoal/core/internal/platform/node/files';
import { NodeNetwork } from '@shoal/core/internal/platform/node/network';
import type { Platform } from '@shoal/core/internal/platform/platform';
import { tlsFile, tlsText } from '../../../fixtures/tls/files.js';
import { keptLog } from '../log-lines.js';

const NOW = Date.UTC(2030, 0, 1);

/** As much of the real world as certificates need. */
const platform = {
  files: new NodeFiles(),
  network: new NodeNetwork({ write: () => {} }),
  clock: { wallTime: () => NOW },
} as unknown as Platform;

function filesOf(...tls: object[]): CertificateFiles {
  const given = { listeners: tls.map((each, index) => ({ type: 'tcp', port: index + 1, tls: each })) };
  return new CertificateFiles(
    platform,
    loadSettings(given, { cpus: 1, name: 'test', directory: '/' }),
    given,
  );
}

function problems(...tls: object[]): string[] {
  try {
    filesOf(...tls).check();
    return [];
  } catch (error) {
    return (error as ConfigProblems).problems.map(({ path, reason }) => `${path} ${reason}`);
  }
}

const pair = (name: string): { cert: string; key: string } => ({
  cert: tlsFile(`${name}.crt`),
  key: tlsFile(`${name}.key`),
});

describe('Certificates, before anything is bound', () => {
  it('are read from files or from the settings, with their passphrase', () => {
    const files = filesOf(
      {
        ...pair('localhost'),
        sni: { 'A.example': { cert: tlsText('a.example.crt'), key: tlsText('a.example.key') } },
      },
      { cert: tlsFile('localhost.crt'), key: tlsText('encrypted.key'), passphrase: 'opensesame' },
    );
    files.check();
    const [first, second] = files.checked;
    expect(first).to.include({ cert: tlsText('localhost.crt'), key: tlsText('localhost.key') });
    expect(first?.sni).to.deep.equal({
      'a.example': { cert: tlsText('a.example.crt'), key: tlsText('a.example.key') },
    });
    expect(second).to.include({ key: tlsText('encrypted.key'), passphrase: 'opensesame' });
  });

  it('are refused with everything that is wrong, each with its path', () => {
    const nowhere = { cert: '/nowhere/a.crt', key: '/nowhere/a.key' };
    expect(problems(nowhere, { ...pair('localhost'), sni: { 'B.example': nowhere } })).to.deep.equal([
      'listeners[0].tls.cert is not there',
      'listeners[0].tls.key is not there',
      'listeners[1].tls.sni."B.example".cert is not there',
      'listeners[1].tls.sni."B.example".key is not there',
    ]);
    const [fits] = problems({ ...pair('localhost'), key: tlsFile('device.key') });
    expect(fits).to.equal('listeners[0].tls.key does not fit the certificate');
    const [inName] = problems({
      ...pair('localhost'),
      sni: { 'b.example': { cert: tlsFile('a.example.crt'), key: tlsFile('device.key') } },
    });
    expect(inName).to.equal('listeners[0].tls.sni."b.example".key does not fit the certificate');
    expect(problems({ ...pair('localhost'), cert: tlsFile('make.sh') })[0]).to.include(
      'tls.cert is not a certificate',
    );
    expect(problems({ ...pair('localhost'), key: tlsFile('make.sh') })[0]).to.include(
      'tls.key is not a private key',
    );
    expect(problems({ ...pair('localhost'), cert: dirname(tlsFile('localhost.crt')) })[0]).to.include(
      'tls.cert cannot be read (EISDIR)',
    );
    expect(problems({ ...pair('localhost'), ciphers: 'NONE-SUCH' })[0]).to.include(
      'tls.ciphers are not ciphers',
    );
    const ca = { ...pair('localhost'), requestCert: true, ca: tlsFile('localhost.key') };
    expect(problems(ca)[0]).to.include('tls.ca holds no certificate');
  });

  it('are refused for a passphrase that is wrong or missing, which no message shows', () => {
    const encrypted = { cert: tlsFile('localhost.crt'), key: tlsFile('encrypted.key') };
    expect(problems(encrypted)[0]).to.include('tls.passphrase is missing');
    const [wrong] = problems({ ...encrypted, passphrase: 'not the one' });
    expect(wrong).to.include('tls.passphrase does not decrypt the key').and.not.include('not the one');
  });

  it('that have expired are a warning', () => {
    const files = filesOf(pair('expired'));
    files.check();
    const { logger, lines } = keptLog();
    files.warn(logger);
    expect(lines.map(({ level }) => level)).to.deep.equal(['warn']);
    expect(lines[0]!.message)
      .to.include('listeners[0].tls.cert')
      .and.include('has expired on Jan  1 00:00:00 2021 GMT');
  });
});
