import { expect } from 'chai';
import { Crowds, type CrowdHost } from '@shoal/testing/internal/invariants/crowds';

const room = { group: 'room' } as const;
const output = { kind: 'output', connection: 1, worker: 10, bytes: 2, data: 'hi' } as const;
const delivered = { kind: 'delivered', event: 'receive', packet: 1, worker: 10, seq: 1, attempt: 1 } as const;

interface World {
  readonly crowds: Crowds;
  readonly found: string[];
  readonly ended: number[];
  say(data?: string, except?: readonly number[]): void;
}

function world(host: Partial<CrowdHost> = {}): World {
  const found: string[] = [];
  const ended: number[] = [];
  const crowds = new Crowds({
    lives: () => true,
    report: (rule, message) => void found.push(`${rule}: ${message}`),
    mayBeEnded: (connection) => void ended.push(connection),
    ownersAreKnown: true,
    followsUids: true,
    ...host,
  });
  const say = (data = 'hi', except: readonly number[] = []): void =>
    crowds.sent(10, { kind: 'sentToMany', to: room, except, bytes: data.length, data });
  return { crowds, found, ended, say };
}

describe('The checks of crowds', () => {
  it('are content with what members get once, in order, and what others do not get', () => {
    const { crowds, found, say } = world();
    crowds.observe('reactor 0', { kind: 'joined', connection: 1, group: 'room' });
    say('hi');
    say('ho', [1]);
    say('hi');
    crowds.wrote(output, room);
    crowds.wrote(output, room);
    crowds.observe('reactor 0', { kind: 'joined', connection: 2, group: 'room' });
    crowds.atRest();
    expect(found).to.deep.equal([]);
  });

  it('find what a member gets twice, or of an earlier place', () => {
    const { crowds, found, say } = world();
    crowds.observe('reactor 0', { kind: 'joined', connection: 1, group: 'room' });
    say('ho');
    say('hi');
    crowds.wrote(output, room);
    crowds.wrote(output, room);
    crowds.wrote({ ...output, data: 'ho' }, room);
    expect(found).to.deep.equal([
      'bytes: connection 1: gets "hi", which pid 10 has not sent to group room, or before',
      'bytes: connection 1: gets "ho", which pid 10 has not sent to group room, or before',
    ]);
  });

  it('find what goes to one connection before what its process has sent to many earlier', () => {
    const { crowds, found, say } = world();
    crowds.observe('reactor 0', { kind: 'joined', connection: 1, group: 'room' });
    const place = crowds.next(10);
    say();
    crowds.wrote(output, room);
    crowds.wroteToOne(1, 10, place);
    expect(found).to.deep.equal(['bytes: connection 1: gets what pid 10 sent out of order']);
  });

  it('find what somebody gets who does not belong, or is an exception', () => {
    const { crowds, found, say } = world();
    say('hi', [2]);
    crowds.wrote(output, room);
    crowds.observe('reactor 0', { kind: 'joined', connection: 2, group: 'room' });
    crowds.wrote({ ...output, connection: 2 }, room);
    crowds.observe('reactor 0', { kind: 'leaves', connection: 2 });
    crowds.wrote({ ...output, connection: 2 }, room);
    expect(found).to.have.lengthOf(4);
    expect(found[0]).to.match(/connection 1: gets what pid 10 sent to group room, where it does not belong/);
    expect(found[1]).to.match(/connection 2: gets "hi", which pid 10 has not sent/);
    expect(found[2]).to.match(/connection 2: .* where it does not belong/);
  });

  it('find a member that has not got what was sent after it joined, unless its sender is dead', () => {
    for (const lives of [true, false]) {
      const { crowds, found, say } = world({ lives: () => lives });
      crowds.observe('reactor 0', { kind: 'bound', connection: 1, uid: 'ann' });
      crowds.observe('reactor 0', { kind: 'joined', connection: 1, group: 'room' });
      say();
      crowds.atRest();
      const missed = 'bytes: connection 1: belongs to group room and has not got "hi" of pid 10';
      expect(found).to.deep.equal(lives ? [missed] : []);
    }
  });

  it('find connections of one uid in two workers, where uids say which', () => {
    for (const followsUids of [true, false]) {
      const { crowds, found } = world({ followsUids });
      crowds.delivered({ ...delivered, connection: 1, workerId: 2 });
      for (const connection of [1, 2]) crowds.observe('reactor 0', { kind: 'bound', connection, uid: 'ann' });
      crowds.delivered({ ...delivered, connection: 1, workerId: 0 });
      crowds.delivered({ ...delivered, connection: 2, workerId: 1 });
      const astray = 'order: connection 2: goes to worker 1, and others of its uid "ann" to worker 0';
      expect(found).to.deep.equal(followsUids ? [astray] : []);
    }
  });

  it('find an owner that counts other connections than have joined there', () => {
    const { crowds, found } = world();
    for (const connection of [1, 2])
      crowds.observe('reactor 0', { kind: 'joined', connection, group: 'room' });
    crowds.observe('reactor 1', { kind: 'bound', connection: 3, uid: 'ann' });
    crowds.told('reactor 0', { kind: 'members', of: room, count: 2 });
    crowds.told('reactor 1', { kind: 'members', of: { uid: 'ann' }, count: 1 });
    crowds.told('reactor 0', { kind: 'members', of: { uid: 'ann' }, count: 0 });
    expect(found).to.deep.equal([]);
    crowds.observe('reactor 1', { kind: 'leaves', connection: 3 });
    crowds.told('reactor 1', { kind: 'members', of: { uid: 'ann' }, count: 1 });
    crowds.told('reactor 0', { kind: 'members', of: room, count: 1 });
    expect(found).to.deep.equal([
      'stats: uid "ann" is said to have 1 connections, and has 0',
      'stats: group room is said to have 1 connections, and has 2',
    ]);
  });

  it('know that the members of a group that is closed may end, those too that join meanwhile', () => {
    const { crowds, ended } = world();
    crowds.observe('reactor 0', { kind: 'joined', connection: 1, group: 'room' });
    crowds.observe('reactor 0', { kind: 'joined', connection: 3, group: 'hall' });
    crowds.ended({ kind: 'endedMany', to: room, reset: false });
    crowds.observe('reactor 0', { kind: 'joined', connection: 2, group: 'room' });
    expect(ended).to.deep.equal([1, 2]);
  });
});
