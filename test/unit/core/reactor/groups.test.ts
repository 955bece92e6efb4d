import { expect } from 'chai';
import type { Client } from '@shoal/core/internal/reactor/delivery';
import { Groups } from '@shoal/core/internal/reactor/groups';
import { Standing } from '@shoal/core/internal/reactor/standing';
import { Uids } from '@shoal/core/internal/reactor/uids';

function member(id: number): Standing {
  return new Standing({ id } as Client);
}

function idsOf(members: Iterable<Standing>): number[] {
  return [...members].map(({ connection }) => connection.id);
}

describe('Groups', () => {
  it('keep members in the order in which they joined, each once', () => {
    const groups = new Groups(10, 10);
    const [one, two] = [member(1), member(2)];
    expect([groups.join(two, 'a'), groups.join(one, 'a'), groups.join(two, 'a')]).to.deep.equal([
      'joined',
      'joined',
      'wasMember',
    ]);
    expect(idsOf(groups.members('a').keys())).to.deep.equal([2, 1]);
    expect([groups.leave(two, 'a'), groups.leave(two, 'a'), groups.leave(two, 'nowhere')]).to.deep.equal([
      true,
      false,
      false,
    ]);
    expect(idsOf(groups.members('a').keys())).to.deep.equal([1]);
  });

  it('take a connection into exactly as many as it may be in, and not into one more', () => {
    const groups = new Groups(10, 2);
    const one = member(1);
    expect([groups.join(one, 'a'), groups.join(one, 'b'), groups.join(one, 'c')]).to.deep.equal([
      'joined',
      'joined',
      'full',
    ]);
    groups.leave(one, 'a');
    expect(groups.join(one, 'c')).to.equal('joined');
  });

  it('are exactly as many as there may be, and not one more, until one of them is empty', () => {
    const groups = new Groups(2, 10);
    const [one, two] = [member(1), member(2)];
    groups.join(one, 'a');
    groups.join(one, 'b');
    expect([groups.join(one, 'c'), groups.join(two, 'b'), groups.count]).to.deep.equal(['full', 'joined', 2]);
    groups.leave(one, 'b');
    expect(groups.join(two, 'c')).to.equal('full');
    groups.leave(two, 'b');
    expect([groups.join(two, 'c'), groups.count]).to.deep.equal(['joined', 2]);
  });

  it('forget a connection that leaves them all, and themselves with their last member', () => {
    const groups = new Groups(10, 10);
    const [one, two] = [member(1), member(2)];
    for (const name of ['a', 'b', 'c']) groups.join(one, name);
    groups.join(two, 'b');
    groups.leaveAll(one);
    expect([groups.count, one.groups.size, idsOf(groups.members('b').keys())]).to.deep.equal([1, 0, [2]]);
    expect(groups.members('a').size).to.equal(0);
  });
});

describe('Uids', () => {
  it('have several connections, and are forgotten with the last', () => {
    const uids = new Uids();
    const [one, two] = [member(1), member(2)];
    uids.add(one, 'ann');
    uids.add(two, 'ann');
    expect(idsOf(uids.connections('ann'))).to.deep.equal([1, 2]);
    uids.remove(one, 'ann');
    expect([idsOf(uids.connections('ann')), uids.count]).to.deep.equal([[2], 1]);
    uids.remove(two, 'ann');
    uids.remove(two, 'ann');
    expect([uids.connections('ann').size, uids.count]).to.deep.equal([0, 0]);
  });

  it('tell a number from its digits', () => {
    const uids = new Uids();
    uids.add(member(1), 7);
    uids.add(member(2), '7');
    expect([idsOf(uids.connections(7)), idsOf(uids.connections('7'))]).to.deep.equal([[1], [2]]);
  });
});
