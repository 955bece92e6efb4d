import { expect } from 'chai';
import type { Definition, HandlerSpec } from '@shoal/core/internal/definition';
import { changedParts, fixedParts } from '@shoal/core/internal/events/fingerprint';
import { settingsOf } from '../settings.js';

class Hooks {
  start() {
    return 'one';
  }
}
class OtherHooks {
  start() {
    return 'two';
  }
}

const spec = (event: HandlerSpec['event'], type: typeof Hooks): HandlerSpec => ({
  event,
  label: 'Hooks.start',
  target: { kind: 'method', type, method: 'start', scope: 'process', parameters: 0 },
});

const app = (...handlers: HandlerSpec[]): Definition => ({
  name: 'App',
  settings: {},
  handlers,
  timers: [],
});

const settings = settingsOf({});
const parts = (definition: Definition) => fixedParts(definition, settings, () => '');

describe('Fingerprints of what only a restart applies', () => {
  it('are taken of hooks that the master or the manager run, and of no other', () => {
    const events = ['start', 'managerStart', 'beforeReload', 'workerStart', 'receive'] as const;
    expect(Object.keys(parts(app(...events.map((event) => spec(event, Hooks)))))).to.deep.equal([
      '@OnStart Hooks.start',
      '@OnManagerStart Hooks.start',
      '@OnBeforeReload Hooks.start',
    ]);
  });

  it('tell another source text, and the same one in another layout as the same', () => {
    const running = parts(app(spec('start', Hooks)));
    expect(changedParts(running, parts(app(spec('start', OtherHooks))))).to.deep.equal([
      '@OnStart Hooks.start',
    ]);
    class Again {
      start() {
        return 'one';
      }
    }
    expect(changedParts(running, parts(app(spec('start', Again))))).to.deep.equal([]);
  });

  it('name what is there on one side only', () => {
    const running = parts(app(spec('start', Hooks)));
    const added = parts(app(spec('start', Hooks), spec('managerStop', Hooks)));
    expect(changedParts(running, added)).to.deep.equal(['@OnManagerStop Hooks.start']);
    expect(changedParts(added, running)).to.deep.equal(['@OnManagerStop Hooks.start']);
  });

  it('hold the text of a function that was given without a class', () => {
    const of = (run: () => unknown): Definition =>
      app({ event: 'start', label: 'start', target: { kind: 'function', run } });
    expect(changedParts(parts(of(() => 1)), parts(of(() => 2)))).to.deep.equal(['@OnStart start']);
  });

  it('hold the text of user processes, which a reload leaves alone, and the content of their modules', () => {
    const of = (run: () => unknown): Definition => ({
      ...app(),
      processes: [
        { name: 'inline', body: { kind: 'function', run } },
        { name: 'class', body: { kind: 'class', type: Hooks } },
        { name: 'module', body: { kind: 'module', url: 'file:///poller.js' } },
      ],
    });
    const running = fixedParts(
      of(() => 1),
      settings,
      () => '1',
    );
    expect(Object.keys(running)).to.deep.equal(['process inline', 'process class', 'process module']);
    expect(
      changedParts(
        running,
        fixedParts(
          of(() => 2),
          settings,
          () => '1',
        ),
      ),
    ).to.deep.equal(['process inline']);
    expect(
      changedParts(
        running,
        fixedParts(
          of(() => 1),
          settings,
          () => '2',
        ),
      ),
    ).to.deep.equal(['process module']);
  });

  it('take the dispatch module from its content, where there is dispatch', () => {
    const dispatchModule = 'file:///dispatch.js';
    const process = settingsOf({ dispatchModule });
    const running = fixedParts(app(), process, () => '1');
    expect(
      changedParts(
        running,
        fixedParts(app(), process, () => '2'),
      ),
    ).to.deep.equal([`dispatch ${dispatchModule}`]);
    expect(fixedParts(app(), settingsOf({ dispatchModule, mode: 'base' }), () => '1')).to.deep.equal({});
  });

  it('take modules of framing from their content', () => {
    const module = new URL('../../../fixtures/framing/type-length-value.js', import.meta.url).href;
    const custom = settingsOf({
      listeners: [
        { type: 'tcp', name: 'own', host: '127.0.0.1', port: 0, framing: { kind: 'custom', module } },
      ],
    });
    const running = fixedParts(app(), custom, (url) => `1 of ${url}`);
    const onDisk = fixedParts(app(), custom, (url) => `2 of ${url}`);
    expect(changedParts(running, onDisk)).to.deep.equal([`framing ${module}`]);
  });
});
