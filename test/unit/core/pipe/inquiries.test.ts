import { expect } from 'chai';
import { Inquiries, answerNote, type Answerer } from '@shoal/core/internal/pipe/inquiries';
import type { AnswerNote, AskNote, ProgressNote } from '@shoal/core/internal/pipe/notes';
import type { ReloadProgress } from '@shoal/core/internal/pipe/questions';
import { ManualClock, promiseJobs } from './manual-clock.js';

const canary: ReloadProgress = { step: 'canary', workerId: 0, pid: 7 };

/** Both ends of a link; what is asked waits until a test lets it through. */
function link(answerer: Answerer = async () => 'fine') {
  const clock = new ManualClock();
  const asked: AskNote[] = [];
  const inquiries = new Inquiries(clock, (note) => asked.push(note));
  const back = (note: AnswerNote | ProgressNote): void => {
    if (note.type === 'answer') inquiries.answered(note);
    else inquiries.progressed(note);
  };
  const pass = async (): Promise<void> => {
    for (const note of asked.splice(0)) answerNote(note, answerer, back);
    await promiseJobs();
  };
  return { clock, inquiries, pass };
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => {
    const { name, code, message } = error as Error & { code?: string };
    return { name, code, message };
  });
}

describe('Inquiries', () => {
  it('bring each question its own answer, whatever their order', async () => {
    const late: (() => void)[] = [];
    const { inquiries, pass } = link(async ({ what }) => {
      if (what === 'stats') await new Promise<void>((resolve) => late.push(resolve));
      return what;
    });
    const slow = inquiries.ask({ what: 'stats' }, 0);
    const quick = inquiries.ask({ what: 'workers' }, 0);
    await pass();
    expect(await quick).to.equal('workers');
    late[0]!();
    expect(await slow).to.equal('stats');
  });

  it('bring progress before the answer, and none after it', async () => {
    let step: (() => void) | undefined;
    const { inquiries, pass } = link(async (_question, onProgress) => {
      step = () => onProgress(canary);
      step();
      return 'done';
    });
    const steps: ReloadProgress[] = [];
    const answer = inquiries.ask({ what: 'stats' }, 0, (progress) => steps.push(progress));
    await pass();
    expect(await answer).to.equal('done');
    step!();
    expect(steps).to.deep.equal([canary]);
  });

  it('carry an error with its class and code', async () => {
    const { inquiries, pass } = link(async () => {
      throw new TypeError('that is nobody');
    });
    const answer = outcome(inquiries.ask({ what: 'stats' }, 0));
    await pass();
    expect(await answer).to.deep.include({ name: 'TypeError', message: 'that is nobody' });
  });

  it('give up after exactly their patience, and forget an answer that comes later', async () => {
    const { clock, inquiries, pass } = link();
    let settled: unknown;
    void outcome(inquiries.ask({ what: 'stats' }, 500)).then((result) => (settled = result));
    clock.advance(499);
    await promiseJobs();
    expect(settled).to.equal(undefined);
    clock.advance(1);
    await promiseJobs();
    expect(settled).to.deep.include({ name: 'ProcessError', code: 'ASK_TIMEOUT' });
    await pass();
    expect(settled).to.deep.include({ code: 'ASK_TIMEOUT' });
  });

  it('wait for ever with a patience of 0, and no timer is left behind by an answer', async () => {
    const { clock, inquiries, pass } = link();
    const patient = inquiries.ask({ what: 'stats' }, 0);
    const timed = inquiries.ask({ what: 'stats' }, 500);
    expect(clock.timers).to.equal(1);
    await pass();
    expect([await patient, await timed]).to.deep.equal(['fine', 'fine']);
    expect(clock.timers).to.equal(0);
  });

  it('fail when the other end goes, those that wait as well as those that are asked afterwards', async () => {
    const { clock, inquiries } = link();
    const waiting = outcome(inquiries.ask({ what: 'stats' }, 500));
    inquiries.close();
    expect(await waiting).to.deep.include({ code: 'ASK_LOST' });
    expect(await outcome(inquiries.ask({ what: 'stats' }, 500))).to.deep.include({ code: 'ASK_LOST' });
    expect(clock.timers).to.equal(0);
  });
});
