import { expect } from 'chai';
import { differences } from '@shoal/core/internal/config/differences';
import { delimiter, lengthPrefix, raw, tcp } from '@shoal/core/internal/config/listeners';
import { loadSettings, type SettingsInput } from '@shoal/core/internal/config/load';

const load = (input: SettingsInput) => loadSettings(input, { cpus: 2, name: 'echo', directory: '/' });
const base: SettingsInput = { listeners: [tcp({ port: 1, name: 'a' })] };

describe('The differences of two settings', () => {
  it('are none for the same settings, however they were written', () => {
    expect(
      differences(load({ ...base, maxWaitTime: '10s' }), load({ ...base, maxWaitTime: 10_000 })),
    ).to.deep.equal([]);
  });

  it('are the paths whose values differ', () => {
    const other = load({ workerNum: 7, runtimeDirectory: '/run', listeners: [tcp({ port: 2, name: 'a' })] });
    expect(differences(load(base), other)).to.deep.equal([
      'listeners[0].port',
      'workerNum',
      'runtimeDirectory',
    ]);
    expect(differences(other, load(base))).to.have.members([
      'listeners[0].port',
      'workerNum',
      'runtimeDirectory',
    ]);
  });

  it('name a listener that has come or gone as a whole', () => {
    const two = load({ listeners: [...base.listeners, tcp({ port: 2 })] });
    expect(differences(load(base), two)).to.deep.equal(['listeners[1]']);
    expect(differences(two, load(base))).to.deep.equal(['listeners[1]']);
  });

  it('reach into framing', () => {
    const framed = (framing: NonNullable<Parameters<typeof tcp>[0]['framing']>) =>
      load({ listeners: [tcp({ port: 1, framing })] });
    expect(differences(framed(delimiter('a')), framed(delimiter('b')))).to.deep.equal([
      'listeners[0].framing.bytes[0]',
    ]);
    expect(differences(framed(raw()), framed(lengthPrefix()))).to.include('listeners[0].framing.kind');
  });
});
