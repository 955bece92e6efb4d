import { expect } from 'chai';
import type { LogRecord } from '@shoal/core/internal/platform/platform';
import { AcceptFailures } from '@shoal/core/internal/platform/node/accept-failures';

describe('AcceptFailures', () => {
  it('says the first at once, and the others together when 10 s are over', () => {
    const records: LogRecord[] = [];
    let now = 0;
    const failures = new AcceptFailures(
      { write: (record) => records.push(record) },
      '127.0.0.1:9501',
      () => now,
    );
    for (now of [5, 6, 10_004, 10_005]) failures.note(new Error('accept ENOBUFS'));
    expect(records.map(({ fields }) => fields)).to.deep.equal([{ connections: 1 }, { connections: 3 }]);
    expect(records[0]).to.include({
      level: 'error',
      message: 'cannot accept connections on 127.0.0.1:9501: accept ENOBUFS',
    });
  });
});
