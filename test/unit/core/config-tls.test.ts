import { streamListener } from '@shoal/core/internal/config/limits';
import { expect } from 'chai';
import { tcp } from '@shoal/core';
import { ConfigProblems, loadSettings, type Settings } from '@shoal/core/internal/config/load';
import { writtenText } from '@shoal/core/internal/config/written';
import { tlsText } from '../../fixtures/tls/files.js';

const environment = { cpus: 1, name: 'test', directory: '/srv' };
const files = { cert: 'a.crt', key: '/etc/a.key' };

const inputWith = (tls: object): { listeners: object[] } => ({
  listeners: [tcp({ port: 1, tls: tls as never })],
});
const load = (tls: object): Settings => loadSettings(inputWith(tls), environment);

function problems(options: object): string[] {
  try {
    loadSettings({ listeners: [{ type: 'tcp', port: 1, ...options }] }, environment);
    return [];
  } catch (error) {
    return (error as ConfigProblems).problems.map(
      ({ path, found, reason, remedy }) =>
        `${path.replace('listeners[0].', '')}: ${found} ${reason}; ${remedy}`,
    );
  }
}

describe('The options of TLS', () => {
  it('have absolute paths and every default', () => {
    expect(streamListener(load(files), 0).tls).to.deep.equal({
      cert: '/srv/a.crt',
      key: '/etc/a.key',
      sni: {},
      alpn: [],
      requestCert: false,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      handshakeTimeout: 10_000,
      maxHandshakes: 1_024,
    });
  });

  it('hold no secret, and stay what they are when they are loaded again', () => {
    const key = tlsText('localhost.key');
    const passphrase = 'opensesame';
    const settings = load({
      ...files,
      key,
      passphrase,
      sni: { 'A.example': { cert: tlsText('a.example.crt'), key, passphrase } },
    });
    const text = JSON.stringify(settings);
    expect(text).to.not.include('BEGIN').and.not.include(passphrase);
    expect(streamListener(settings, 0).tls!.key).to.match(/^inline:\d+:[\da-f]{8}$/);
    expect(Object.keys(streamListener(settings, 0).tls!.sni)).to.deep.equal(['a.example']);
    expect(loadSettings(settings, environment)).to.deep.equal(settings);
  });

  it('are told apart by their written text, which holds no secret', () => {
    const key = tlsText('localhost.key');
    const written = (tls: object): string => writtenText(inputWith(tls), environment, '1')!;
    const text = written({ ...files, key, passphrase: 'opensesame' });
    expect(text).to.not.include('BEGIN').and.not.include('opensesame');
    expect(written({ ...files, key, passphrase: 'opensesame' })).to.equal(text);
    expect(written({ ...files, key, passphrase: 'opensesamf' })).to.not.equal(text);
    expect(written({ ...files, key: tlsText('device.key'), passphrase: 'opensesame' })).to.not.equal(text);
  });

  it('are refused with path and remedy, and never with a secret', () => {
    const secret = '-----BEGIN PRIVATE KEY-----\nMIGHAgEA';
    expect(problems({ tls: { cert: 'a.crt' } })).to.deep.equal([
      'tls.key: nothing was given; write the path of a private key in PEM, or its text',
    ]);
    expect(problems({ tls: { ...files, key: secret } })).to.deep.equal([
      'tls.key: a string of 36 characters has no end; write the whole of a private key in PEM',
    ]);
    expect(problems({ tls: { ...files, minVersion: 'TLSv1.1' } })).to.deep.equal([
      "tls.minVersion: 'TLSv1.1' is none of its words; did you mean 'TLSv1.2'? It takes 'TLSv1.2' or 'TLSv1.3'",
    ]);
    expect(problems({ tls: 'a.crt' })[0]).to.include(
      "is not an object; write an object: { cert: 'server.crt'",
    );
    expect(problems({ tls: { ...files, sni: ['x'] } })[0]).to.match(/^tls\.sni: .* is not an object; /);
    expect(problems({ tls: { ...files, sni: { 'a.example': 'x' } } })[0]).to.match(/is not an object; /);
    expect(problems({ tls: { ...files, alpn: [''] } })[0]).to.match(/^tls\.alpn: /);
    expect(problems({ tls: { ...files, alpn: ['x'.repeat(256)] } })[0]).to.match(/^tls\.alpn: /);
    expect(problems({ tls: { ...files, alpn: ['x'.repeat(255)] } })).to.deep.equal([]);
    expect(problems({ tls: { ...files, passPhrase: 'opensesame' } })).to.deep.equal([
      'tls.passPhrase: a string of 10 characters has no such name; did you mean passphrase?',
    ]);
    expect(problems({ tls: { ...files, handshakeTimeout: 10 } })[0]).to.include('for 10 seconds write');
  });

  it('refuse names that nobody can ask for', () => {
    const named = (name: string): string[] => problems({ tls: { ...files, sni: { [name]: files } } });
    for (const name of ['a', 'a.example', '*.example', 'x_y.example'])
      expect(named(name), name).to.deep.equal([]);
    for (const name of ['', '*', 'a.*', '*.*.b', '10.0.0.7', '::1', 'a..b', `${'a'.repeat(64)}.b`])
      expect(named(name)[0], name).to.include('its name is not the name of a host');
  });

  it('refuse what matters only for certificates of clients where none is asked for', () => {
    for (const option of [{ ca: 'a.crt' }, { rejectUnauthorized: false }]) {
      expect(problems({ tls: { ...files, ...option } })[0]).to.include('has no effect');
      expect(problems({ tls: { ...files, ...option, requestCert: true } })).to.deep.equal([]);
    }
  });
});

describe('The options of the PROXY protocol', () => {
  it('name who is trusted, which has no default', () => {
    const settings = loadSettings(
      { listeners: [tcp({ port: 1, proxyProtocol: { trusted: ['::1'] } })] },
      environment,
    );
    expect(streamListener(settings, 0).proxyProtocol).to.deep.equal({ trusted: ['::1'], timeout: 5_000 });
    expect(problems({ proxyProtocol: {} })[0]).to.include('proxyProtocol.trusted: nothing was given');
    expect(problems({ proxyProtocol: { trusted: [] } })[0]).to.include('trusts nobody');
    expect(problems({ proxyProtocol: { trusted: ['localhost'] } })[0]).to.include(
      'neither an address nor a range',
    );
    expect(problems({ proxyProtocol: true })[0]).to.include("write an object: { trusted: ['10.0.0.0/8'] }");
  });
});
