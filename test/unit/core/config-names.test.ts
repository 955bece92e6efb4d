import { expect } from 'chai';
import fc from 'fast-check';
import { editDistance, nearest } from '@shoal/core/internal/config/nearest';
import { isReserved, moved, reserved } from '@shoal/core/internal/config/reserved';
import { listeners } from '@shoal/core/internal/config/listener-options';
import { serverSchema } from '@shoal/core/internal/config/schema';
import { explainStranger, type Place } from '@shoal/core/internal/config/stranger';

const options = [...Object.keys(serverSchema.shape), ...Object.keys(listeners.tcp.shape)];

function explain(key: string, place: Place = 'server'): string {
  const { reason, remedy } = explainStranger(key, place);
  return `${reason}; ${remedy}`;
}

describe('A name that is no option', () => {
  it('in the spelling of the reference server is told the one of this server', () => {
    expect(explain('worker_num')).to.equal('has no such name; did you mean workerNum?');
    expect(explain('WORKER_NUM')).to.equal('has no such name; did you mean workerNum?');
    expect(explain('worker-num')).to.equal('has no such name; did you mean workerNum?');
    expect(explain('WorkerNum')).to.equal('has no such name; did you mean workerNum?');
    expect(explain('workernum')).to.equal('has no such name; did you mean workerNum?');
    expect(explain('heartbeat_idle_time', 'tcp')).to.equal(
      'has no such name; did you mean heartbeatIdleTime?',
    );
  });

  it('of another kind of listener is told which have it, wherever else it could be written', () => {
    for (const name of ['framing', 'concurrency', 'packageMaxLength', 'heartbeatIdleTime', 'backlog'])
      expect(explain(name, 'udp')).to.equal(
        'is not an option of udp(); remove it: only tcp() and unix() have it',
      );
    for (const name of ['noDelay', 'connectRate', 'tls'])
      expect(explain(name, 'unix')).to.equal('is not an option of unix(); remove it: only tcp() has it');
    expect(explain('recvBufferSize', 'tcp')).to.equal(
      'is not an option of tcp(); remove it: only udp() has it',
    );
    expect(explain('recv_buffer_size', 'udp')).to.equal('has no such name; did you mean recvBufferSize?');
  });

  it('with a slip of the pen is told the one that is near', () => {
    expect(explain('workerNumber')).to.equal('is not an option of the server; did you mean workerNum?');
    expect(explain('listener')).to.equal('is not an option of the server; did you mean listeners?');
    expect(explain('hots', 'tcp')).to.equal('is not an option of tcp(); did you mean host?');
    expect(explain('lenghtOffset', 'lengthPrefix')).to.equal(
      'is not an option of lengthPrefix(); did you mean lengthOffset?',
    );
  });

  it('near to one of a later version is told both', () => {
    expect(explain('sendTimeouts')).to.equal(
      'is not an option of the server; did you mean sendTimeout? It is not in this version',
    );
  });

  it('near to none is told what there is', () => {
    expect(explain('quux', 'delimiter')).to.equal(
      'is not an option of delimiter(); remove it; the options are kind, bytes, strip',
    );
  });

  it('of framing in the reference server is told the function that replaces it', () => {
    const eof = "has no such name; write framing: delimiter('\\r\\n\\r\\n') in the listener";
    expect(explain('package_eof')).to.equal(eof);
    expect(explain('packageEof', 'tcp')).to.equal(eof);
    expect(explain('open_length_check')).to.include('framing: lengthPrefix(');
    expect(explain('package_length_func')).to.include('framing: custom(');
    expect(explain('ssl_cert_file')).to.include("tls: { cert: 'server.crt' } in the listener");
    expect(explain('ssl_verify_peer', 'tcp')).to.include('tls: { requestCert: true } in the listener');
  });

  it('of a later version is refused as such, in either spelling and at either place', () => {
    const names = [
      'tcpFastopen',
      'sendYield',
      'sendTimeout',
      'ssl',
      'sslDhparam',
      'http2HeaderTableSize',
      'send_timeout',
      'ssl_ecdh_curve',
    ];
    for (const name of names) {
      expect(explain(name), name).to.equal('is not in this version; remove it');
      expect(explain(name, 'tcp'), name).to.equal('is not in this version; remove it');
    }
  });

  it('that belongs elsewhere is told where', () => {
    expect(explain('port')).to.equal(
      'is not an option of the server; write it in a listener: listeners: [tcp({ port: … })]',
    );
    expect(explain('workerNum', 'tcp')).to.equal(
      'is not an option of tcp(); write workerNum beside listeners, for the whole server',
    );
    expect(explain('tls')).to.include('write it in a listener: listeners: [tcp({ tls: … })]');
    expect(explain('sni', 'proxyProtocol')).to.include('is not an option of proxyProtocol');
    expect(explain('passPhrase', 'sni')).to.include('did you mean passphrase?');
    expect(explain('packageMaxLength', 'raw')).to.include('is not an option of raw()');
  });

  it('of a property that every object has is a stranger like any other', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(explain(name), name).to.match(/^is not an option of the server; /);
    }
  });

  it('of handlers is told where they are declared', () => {
    expect(explain('handlers')).to.match(/^is not a setting; handlers belong to @ServerConfig/);
    expect(explain('providers')).to.match(/^is not a setting; providers belong to @ServerConfig/);
  });

  it('gets an answer whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        expect(explain(name)).to.match(/.; ./);
      }),
    );
  });
});

describe('Reserved names', () => {
  it('are none of the options, and each is in one list only', () => {
    const names = [...reserved, ...Object.keys(moved)];
    expect(new Set(names).size).to.equal(names.length);
    expect(options.filter((name) => names.includes(name) || isReserved(name))).to.deep.equal([]);
  });

  it('include whole families by their first word', () => {
    expect(['ssl', 'sslCertFile', 'http2MaxFrameSize', 'uploadTmpDir'].map(isReserved)).to.deep.equal([
      true,
      true,
      true,
      true,
    ]);
    expect(['sslot', 'httpd', 'uploads'].map(isReserved)).to.deep.equal([false, false, false]);
  });
});

describe('The nearest name', () => {
  it('differs by at most a third of its letters', () => {
    expect(nearest('abcdef', ['abcdxx'])).to.equal('abcdxx');
    expect(nearest('abcdef', ['abcxxx'])).to.equal(undefined);
    expect(nearest('ab', ['ax'])).to.equal('ax');
    expect(nearest('ab', ['xx'])).to.equal(undefined);
  });

  it('is the closest one, and of equals the first', () => {
    expect(nearest('workers', ['worker', 'workerss', 'Workers'])).to.equal('Workers');
    expect(nearest('cat', ['bat', 'hat'])).to.equal('bat');
  });

  it('is measured by a distance that is symmetric, 0 for equals and never above the longer name', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).to.equal(editDistance(b, a));
        expect(distance === 0).to.equal(a === b);
        expect(distance).to.be.within(Math.abs(a.length - b.length), Math.max(a.length, b.length));
      }),
    );
    expect(editDistance('kitten', 'sitting')).to.equal(3);
  });

  it('takes two neighbours that changed places for one slip', () => {
    expect(editDistance('hots', 'host')).to.equal(1);
    expect(editDistance('ab', 'ba')).to.equal(1);
    expect(editDistance('abc', 'cba')).to.equal(2);
  });
});
