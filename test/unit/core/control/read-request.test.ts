import fc from 'fast-check';
import { expect } from 'chai';
import { readQuestion, readRequest } from '@shoal/core/internal/control/read-request';

const ask = (question: object): unknown =>
  readQuestion(readRequest(JSON.stringify({ id: 1, question }))!.question);

describe('A request to the control socket', () => {
  it('is an object with a whole number and a question', () => {
    expect(readRequest('{"id":1,"question":{"what":"stats"}}')).to.deep.equal({
      id: 1,
      question: { what: 'stats' },
    });
    for (const line of [
      '',
      'hello',
      'null',
      '[]',
      '1',
      '{}',
      '{"id":1}',
      '{"id":"1","question":{"what":"stats"}}',
      '{"id":1.5,"question":{"what":"stats"}}',
      '{"id":1,"question":"stats"}',
      '{"id":1,"question":{"what":1}}',
      '{"id":1,"question":[]}',
    ]) {
      expect(readRequest(line), line).to.equal(undefined);
    }
  });

  it('is read without an exception, whatever it is', () => {
    const questionLike = fc.record({
      id: fc.integer(),
      question: fc.dictionary(fc.string(), fc.jsonValue()),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          questionLike.map((value) => JSON.stringify(value)),
        ),
        (line) => {
          readRequest(line);
        },
      ),
    );
  });

  it('keeps what the question carries, and nothing else', () => {
    expect(ask({ what: 'status', extra: 1 })).to.deep.equal({ what: 'status' });
    expect(ask({ what: 'connections', after: -1, limit: 1_000 })).to.deep.equal({
      what: 'connections',
      after: -1,
      limit: 1_000,
    });
    expect(ask({ what: 'reload' })).to.deep.equal({ what: 'reload' });
    expect(ask({ what: 'reload', only: 'taskWorker', until: 'accepted' })).to.deep.equal({
      what: 'reload',
      only: 'taskWorker',
      until: 'accepted',
    });
  });

  const refusals: [object, string][] = [
    [{ what: 'fly' }, 'there is no question "fly"; the questions are stats, status, '],
    [{ what: 'constructor' }, 'there is no question "constructor"'],
    [{ what: 'clientInfo' }, 'the question clientInfo takes a whole number, 0 or more as id, not nothing'],
    [{ what: 'clientInfo', id: '7' }, 'as id, not "7"'],
    [{ what: 'connections', after: 0, limit: 0 }, 'takes a whole number from 1 to 1000 as limit, not 0'],
    [{ what: 'connections', after: 0, limit: 1_001 }, 'as limit, not 1001'],
    [{ what: 'connections', after: -2, limit: 1 }, 'as after, not -2'],
    [{ what: 'reload', only: 'worker' }, 'takes nothing or "taskWorker" as only, not "worker"'],
    [{ what: 'stopWorker', workerId: -1 }, 'as workerId, not -1'],
  ];
  for (const [question, message] of refusals) {
    it(`is refused: ${JSON.stringify(question)}`, () => {
      expect(() => ask(question))
        .to.throw(message)
        .with.property('code', 'ASK_UNKNOWN');
    });
  }
});
