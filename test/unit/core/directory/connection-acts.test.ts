import { expect } from 'chai';
import { ConnectionActs } from '@shoal/core/internal/directory/connection-acts';
import {
  LocalDirectory,
  type ConnectionDirectory,
  type ConnectionOwner,
} from '@shoal/core/internal/directory/connection-directory';
import { ProcessError } from '@shoal/core/internal/errors';
import { decodeOrder, type OrderFrame, type Page, type Request } from '@shoal/core/internal/pipe/orders';
import { joinParts } from '@shoal/core/internal/pipe/parts';

/** An owner of sockets that keeps what it is told. */
class Owner implements ConnectionOwner {
  readonly log: string[] = [];
  full = false;

  constructor(private readonly answer: (request: Request) => unknown = () => true) {}

  order(frame: OrderFrame): boolean {
    if (this.full) return false;
    const body = joinParts(frame.parts, frame.bytes);
    const { what, ...rest } = decodeOrder(body, 0, frame.headBytes);
    this.log.push(`${what} ${JSON.stringify(rest)} ${body.toString('utf8', frame.headBytes)}`);
    return true;
  }

  async request(request: Request): Promise<unknown> {
    return this.answer(request);
  }

  flush(): void {}
}

function actsOf(owners: readonly Owner[], dies = false): { acts: ConnectionActs; told: ConnectionOwner[] } {
  const told: ConnectionOwner[] = [];
  const directory: ConnectionDirectory = new LocalDirectory(
    dies,
    (id) => owners[id],
    () => owners,
  );
  const acts = new ConnectionActs({
    directory: () => directory,
    observe: undefined,
    ordered: (owner) => void told.push(owner),
  });
  return { acts, told };
}

async function lost(): Promise<never> {
  throw new ProcessError('ASK_LOST', 'gone');
}

describe('ConnectionActs', () => {
  it('tell each owner once what is for many, and the owner alone what is for one', () => {
    const owners = [new Owner(), new Owner()];
    const { acts, told } = actsOf(owners);
    expect(acts.sendToGroup('room', 'hello', [3])).to.equal(true);
    expect(acts.join(1, 'room')).to.equal(true);
    expect(acts.join(2, 'room'), 'whose owner is gone').to.equal(false);
    const send = 'sendToGroup {"group":"room","except":[3]} hello';
    expect(owners.map(({ log }) => log)).to.deep.equal([[send], [send, 'join {"id":1,"group":"room"} ']]);
    expect(told).to.deep.equal([owners[0], owners[1], owners[1]]);
  });

  it('say false when one owner has no room, and tell the others all the same', () => {
    const owners = [new Owner(), new Owner(), new Owner()];
    owners[1]!.full = true;
    const { acts, told } = actsOf(owners);
    expect(acts.sendToUid('ann', 'x')).to.equal(false);
    expect(owners.map(({ log }) => log.length)).to.deep.equal([1, 0, 1]);
    expect(told).to.deep.equal([owners[0], owners[2]]);
  });

  it('send nothing where there is nothing to send', () => {
    const owners = [new Owner()];
    expect(actsOf(owners).acts.sendToGroup('room', '', [])).to.equal(true);
    expect(owners[0]!.log).to.deep.equal([]);
  });

  it('take names and uids of 1 to 200 characters and up to 1000 exceptions, and not one more', () => {
    const { acts } = actsOf([new Owner()]);
    const code = (run: () => unknown): string | undefined => {
      try {
        run();
        return undefined;
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(code(() => acts.join(0, 'g'.repeat(200)))).to.equal(undefined);
    for (const group of ['g'.repeat(201), '', 7, null, undefined, {}])
      expect(
        code(() => acts.join(0, group as string)),
        typeof group,
      ).to.equal('GROUP_INVALID');
    for (const uid of ['u', 0, -1, Number.MAX_SAFE_INTEGER])
      expect(
        code(() => acts.closeUid(uid, false)),
        typeof uid,
      ).to.equal(undefined);
    for (const uid of ['u'.repeat(201), '', 1.5, NaN, Number.MAX_SAFE_INTEGER + 1, null, undefined, {}, 7n])
      expect(
        code(() => acts.closeUid(uid as string, false)),
        typeof uid,
      ).to.equal('UID_INVALID');
    const ids = Array.from({ length: 1_001 }, (_, id) => id);
    expect(code(() => acts.sendToGroup('g', 'x', ids.slice(1)))).to.equal(undefined);
    for (const except of [ids, ['1'], 7, null])
      expect(code(() => acts.sendToGroup('g', 'x', except as number[]))).to.equal('GROUP_INVALID');
    expect(code(() => acts.sendToGroup('g', 7 as unknown as string, []))).to.equal('SEND_INVALID');
  });

  it('add up what the owners answer', async () => {
    const answer = (size: number) => (request: Request) => (request.what === 'groupSize' ? size : size > 2);
    const { acts } = actsOf([new Owner(answer(2)), new Owner(answer(3))]);
    expect(await acts.groupSize('room')).to.equal(5);
    expect(await acts.isOnline('ann')).to.equal(true);
    expect(await actsOf([new Owner(answer(1))]).acts.isOnline('ann')).to.equal(false);
  });

  it('walk the pages of each owner to their end', async () => {
    const asked: number[] = [];
    const pages =
      (first: number) =>
      (request: Request): Page => {
        const { after } = request as { after: number };
        asked.push(after);
        return after < 0 ? { ids: [first, first + 1], next: 9 } : { ids: [first + 2] };
      };
    const { acts } = actsOf([new Owner(pages(10)), new Owner(pages(20))]);
    const ids: number[] = [];
    for await (const id of acts.members('room')) ids.push(id);
    expect(ids).to.deep.equal([10, 11, 12, 20, 21, 22]);
    expect(asked).to.deep.equal([-1, 9, -1, 9]);
    expect(await acts.stale(false)).to.deep.equal(ids);
  });

  it('take an owner that is gone for one without connections, where those die with it', async () => {
    const owners = [new Owner(lost), new Owner(() => 3)];
    expect(await actsOf(owners, true).acts.groupSize('room')).to.equal(3);
    expect(await actsOf(owners, true).acts.bind(0, 'ann')).to.equal(false);
    const code = await actsOf(owners)
      .acts.groupSize('room')
      .catch((error: { code: string }) => error.code);
    expect(code).to.equal('ASK_LOST');
  });

  it('refuse requests and say false to orders before there is anybody to tell', async () => {
    const acts = new ConnectionActs({ directory: () => undefined, observe: undefined });
    expect([acts.protect(1, true), acts.sendToGroup('room', 'x', [])]).to.deep.equal([false, false]);
    const code = await acts.isOnline('ann').catch((error: { code: string }) => error.code);
    expect(code).to.equal('NOT_IN_THIS_ROLE');
  });
});
