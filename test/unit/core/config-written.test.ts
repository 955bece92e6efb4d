import { expect } from 'chai';
import { writtenText } from '@shoal/core/internal/config/written';

const environment = { cpus: 2, name: 'App', directory: '/srv' };
const written = (input: unknown, changes: Partial<typeof environment> = {}, version = '1.0.0') =>
  writtenText(input, { ...environment, ...changes }, version);

class Settings {
  workerNum = 1;
}

describe('The text of written settings', () => {
  const settings = { listeners: [{ type: 'tcp', port: 9501, framing: { kind: 'raw' } }], workerNum: 2 };

  it('is the same for the same settings in another process', () => {
    expect(written(settings))
      .to.be.a('string')
      .and.equal(written(structuredClone(settings)));
  });

  for (const [what, a, b] of [
    ['a value', { workerNum: 2 }, { workerNum: 3 }],
    ['the type of a value', { workerNum: 2 }, { workerNum: '2' }],
    ['a value deep inside', settings, { ...settings, listeners: [{ ...settings.listeners[0], port: 9502 }] }],
    ['the number of listeners', settings, { ...settings, listeners: [...settings.listeners, {}] }],
    ['an option that is left out', settings, { listeners: settings.listeners }],
    ['an option that is undefined', { name: undefined }, { name: null }],
    ['an array and an object of the same', { listeners: [1] }, { listeners: { 0: 1 } }],
    ['text that looks like another option', { name: 'a","user":"b' }, { name: 'a', user: 'b' }],
  ] as const)
    it(`differs by ${what}`, () => {
      expect(written(a)).to.be.a('string');
      expect(written(b)).to.be.a('string').and.not.equal(written(a));
    });

  it('differs by all that defaults depend on', () => {
    const texts = [
      written(settings),
      written(settings, { cpus: 3 }),
      written(settings, { name: 'Other' }),
      written(settings, { directory: '/opt' }),
      written(settings, {}, '1.0.1'),
    ];
    expect(new Set(texts).size).to.equal(texts.length);
  });

  const circle: { inner?: object } = {};
  circle.inner = circle;
  for (const [what, value] of [
    ['a function', () => 1],
    ['an object of a class', new Settings()],
    ['bytes', new Uint8Array([10])],
    ['a date', new Date(0)],
    ['a bigint', 1n],
    ['a symbol', Symbol('port')],
    ['no number', Number.NaN],
    ['an infinite number', Infinity],
    ['a negative zero', -0],
    ['a circle', circle],
  ] as const)
    it(`does not exist for settings with ${what}`, () => {
      expect(written({ ...settings, name: value })).to.equal(undefined);
      expect(written({ listeners: [{ name: value }] })).to.equal(undefined);
    });
});
