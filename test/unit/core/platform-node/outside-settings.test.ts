import { expect } from 'chai';
import { readOutsideSettings } from '@shoal/core/internal/platform/node/outside-settings';

describe('readOutsideSettings', () => {
  it('reads a JSON object', () => {
    expect(readOutsideSettings('{"workerNum":3,"listeners":[]}')).to.deep.equal({
      workerNum: 3,
      listeners: [],
    });
  });

  it('finds nothing where the variable is not set, or empty', () => {
    expect(readOutsideSettings('')).to.deep.equal({});
    expect(process.env).to.not.have.property('SHOAL_SETTINGS');
    expect(readOutsideSettings()).to.deep.equal({});
  });

  it('refuses what is not JSON, and JSON that is no object', () => {
    expect(() => readOutsideSettings('{workerNum:3}'))
      .to.throw(/^SHOAL_SETTINGS in the environment is not JSON: .*; write an object/)
      .with.property('code', 'CONFIG_INVALID');
    for (const text of ['3', 'null', '[]', '"{}"']) {
      expect(() => readOutsideSettings(text))
        .to.throw('SHOAL_SETTINGS in the environment is no JSON object; write an object')
        .with.property('code', 'CONFIG_INVALID');
    }
  });
});
