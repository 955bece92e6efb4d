import { expect } from 'chai';
import { takePassedSockets } from '@shoal/core/internal/platform/node/passed-sockets';

describe('takePassedSockets', () => {
  it('reads how many there are and their names, from descriptor 3 on, and removes the variables', () => {
    const environment = { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'a::c', HOME: '/' };
    expect(takePassedSockets(environment, 7)).to.deep.equal([
      { name: 'a', descriptor: 3 },
      { name: 'unknown', descriptor: 4 },
      { name: 'c', descriptor: 5 },
    ]);
    expect(environment).to.deep.equal({ HOME: '/' });
  });

  it('leaves what is for another process', () => {
    const environment = { LISTEN_PID: '8', LISTEN_FDS: '1' };
    expect(takePassedSockets(environment, 7)).to.deep.equal([]);
    expect(environment).to.deep.equal({ LISTEN_PID: '8', LISTEN_FDS: '1' });
  });

  it('finds none where the number is none', () => {
    for (const LISTEN_FDS of [undefined, '', '0', '-1', 'many']) {
      expect(takePassedSockets({ LISTEN_PID: '7', LISTEN_FDS }, 7)).to.deep.equal([]);
    }
  });
});
