import { expect } from 'chai';
import { udp } from '@shoal/core';
import { planText } from '@shoal/cli/internal/plan-text';
import type { Plan } from '@shoal/core/internal/pipe/plan';
import { topologyOf } from '@shoal/core/internal/topology/topology';
import { settingsOf } from '../core/settings.js';

describe('What shoal check shows', () => {
  it('says of each timer when it runs, and where unless that is every worker', () => {
    const settings = settingsOf();
    const plan: Plan = {
      settings,
      topology: topologyOf(settings, true),
      listeners: [],
      hooks: [],
      timers: [
        { interval: 10_000, label: 'Chat.beat' },
        { interval: 5, label: 'Chat.balance', on: 'one' },
        { interval: 5, label: 'Chat.open', on: 'task', once: true },
        { interval: 5, label: 'Chat.third', on: 3 },
      ],
      commands: [],
      userProcesses: [],
    };
    expect(planText(plan, false).match(/^ {2}(Tick|After) .*$/gm)).to.deep.equal([
      '  Tick            Chat.beat, every 10_000 ms',
      '  Tick            Chat.balance, every 5 ms, in one worker at a time',
      '  After           Chat.open, after 5 ms, in every task worker',
      '  Tick            Chat.third, every 5 ms, in worker 3',
    ]);
  });

  it('says of a listener of datagrams where it is and who serves it', () => {
    const settings = settingsOf({ listeners: [udp({ name: 'dns', host: '::', port: 53 })] });
    const topology = topologyOf(settings, true);
    const listeners = [{ name: 'dns', handlers: { OnPacket: 'Dns.ask' } }];
    const nothing = { hooks: [], timers: [], commands: [], userProcesses: [] };
    const text = planText({ settings, topology, listeners, ...nothing }, false);
    expect(text).to.match(/^listener dns\n {2}address +udp \[::\]:53\n {2}packets +datagrams\n/m);
    expect(text).to.match(/^ {2}OnPacket +Dns\.ask$/m);
  });

  it('names the dispatch module that is asked before the mode', () => {
    const settings = settingsOf({ dispatchMode: 'preemptive', dispatchModule: 'file:///srv/by-key.js' });
    const nothing = { listeners: [], hooks: [], timers: [], commands: [], userProcesses: [] };
    const text = planText({ settings, topology: topologyOf(settings, true), ...nothing }, false);
    expect(text).to.match(/^ {2}worker +2, dispatch file:\/\/\/srv\/by-key\.js, then preemptive$/m);
  });

  it('counts the process of the queue, and names the queue', () => {
    const settings = settingsOf({ taskWorkerNum: 1, taskIpcMode: 'queue', messageQueueKey: 'mail' });
    const topology = topologyOf(settings, true, 1);
    const user = { name: 'poller', body: 'Poller', hooks: [], timers: [], commands: [] };
    const nothing = { listeners: [], hooks: [], timers: [], commands: [] };
    const text = planText({ settings, topology, ...nothing, userProcesses: [user] }, false);
    expect(text).to.match(/^ {2}queue +1, of tasks: mail$/m);
    // Master, manager, 2 workers, a task worker, a user process, the queue.
    expect(text).to.match(/^ {2}together +7$/m);
  });
});
