import { expect } from 'chai';
import { raw, tcp, delimiter, ConfigError } from '@shoal/core';
import type { EventName, HandlerSpec } from '@shoal/core/internal/definition';
import { checkHandlers } from '@shoal/core/internal/events/check-handlers';
import { settingsOf } from '../settings.js';

describe('Listeners that are served as streams', () => {
  it('need no @OnReceive', () => {
    expect(problemOf([handler('connection')])).to.equal(undefined);
  });

  it('leave the listeners that nobody names to a bare @OnReceive', () => {
    const handlers = [handler('connection', 'http'), handler('receive'), handler('connect')];
    expect(
      problemOf(handlers, { listeners: [tcp({ name: 'http', port: 0 }), tcp({ name: 'rest', port: 0 })] }),
    ).to.equal(undefined);
  });

  it('are not served as packets too', () => {
    expect(problemOf([handler('connection'), handler('receive')])).to.match(
      /both serve listener a, one its packets/,
    );
    expect(problemOf([handler('connection', 'a'), handler('receive', 'a')])).to.match(
      /both serve listener a/,
    );
  });

  it('have no other handlers of packets', () => {
    expect(problemOf([handler('connection'), handler('connect', 'a')])).to.match(
      /connect would never run: .* have no @OnConnect/,
    );
    expect(problemOf([handler('connection'), handler('adopt', 'a')])).to.match(
      /adopt would never run: .* have no @OnAdopt/,
    );
  });

  it('are raw', () => {
    const listeners = [tcp({ name: 'a', port: 0, framing: delimiter('\n') })];
    expect(problemOf([handler('connection')], { listeners })).to.match(
      /framing is 'delimiter'; set framing: raw\(\)/,
    );
  });

  it('need a dispatch mode that serves a connection in one worker', () => {
    expect(problemOf([handler('connection')], { dispatchMode: 'roundRobin' })).to.match(
      /'roundRobin' serves a connection in several workers/,
    );
    expect(problemOf([handler('connection')], { dispatchMode: 'roundRobin', mode: 'base' })).to.equal(
      undefined,
    );
  });

  it('are drained, which others never are', () => {
    const listeners = [tcp({ name: 'a', port: 0, framing: delimiter('\n') })];
    expect(problemOf([handler('receive'), handler('drain', 'a')], { listeners })).to.match(
      /drain would never run/,
    );
    expect(problemOf([handler('receive'), handler('drain', 'a')])).to.equal(undefined);
  });
});

function handler(event: EventName, listener?: string): HandlerSpec {
  return {
    event,
    label: event,
    ...(listener !== undefined && { listener }),
    target: { kind: 'function', run: () => {} },
  };
}

/** What is wrong with these handlers; undefined if nothing is. */
function problemOf(handlers: readonly HandlerSpec[], options: object = {}): string | undefined {
  const settings = settingsOf({ listeners: [tcp({ name: 'a', port: 0, framing: raw() })], ...options });
  try {
    checkHandlers({ name: 'App', settings: {}, handlers, timers: [] }, settings);
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}
