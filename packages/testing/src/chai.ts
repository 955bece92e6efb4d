/**
 * Assertions about simulated and launched servers, for Chai:
 *
 * ```ts
 * import { shoalChai } from '@shoal/testing/chai';
 * chai.use(shoalChai);
 *
 * expect(client).to.have.received('hello\n');
 * expect(client).to.have.received.only('hello\nbye\n');
 * expect(client).to.be.closed;
 * expect(server).to.have.logged(/poison/, { level: 'error', workerId: 0 });
 * expect(server).to.have.handled('receive', { times: 2, handler: 'Chat.line' });
 * ```
 *
 * They look at what is there at that moment and wait for nothing: await a fact
 * first (`client.receiveLine()`, `client.closed()`, `server.advance(10)`). The
 * Chai is the one that takes the plugin; vitest exports its own.
 */
/// <reference types="chai" preserve="true" />
import { decide } from './chai/claim.js';
import { inState, received, receivedOnly } from './chai/client-claims.js';
import { handled, logged, type HandledOptions, type LoggedOptions } from './chai/server-claims.js';
import { clientOf, serverOf, traceOf } from './chai/subject.js';

export type { HandledOptions, LoggedOptions } from './chai/server-claims.js';

/** `to.have.received`, and `to.have.received.only`. */
export interface ReceivedAssertion {
  /**
   * The client has received this, among whatever else has come so far. A pattern
   * sees one character for each byte, as in `client.receive`.
   */
  (wanted: string | Uint8Array | RegExp): Chai.Assertion;
  /** Every byte that has come so far is this, and there is none besides. */
  only(wanted: string | Uint8Array): Chai.Assertion;
}

declare global {
  namespace Chai {
    interface Assertion {
      /** About a client: what it has received so far. */
      readonly received: ReceivedAssertion;
      /** About a client: the server may still write. */
      readonly open: Assertion;
      /** About a client: the server has finished writing, or the connection is closed. */
      readonly ended: Assertion;
      /** About a client: both sides are closed, or the connection broke. */
      readonly closed: Assertion;
      /** About a server: a line was logged whose message has this text, or matches. */
      logged(wanted: string | RegExp, options?: LoggedOptions): Assertion;
      /**
       * About a server: handlers of an event (`receive`, `workerStart`, `tick` …)
       * have run to their end, settled or failed. Reads `server.trace`.
       */
      handled(event: string, options?: HandledOptions): Assertion;
    }
  }
}

const ABOUT_RECEIVED = 'shoal about received';

/** The plugin: `chai.use(shoalChai)`. */
export const shoalChai: Chai.ChaiPlugin = ({ Assertion: { prototype } }, utils) => {
  const { addChainableMethod, addMethod, addProperty, flag } = utils;

  addChainableMethod(
    prototype,
    'received',
    function (this: Chai.AssertionStatic, wanted: unknown) {
      decide(this, utils, received(clientOf(this._obj, 'received'), wanted));
    },
    function (this: Chai.AssertionStatic) {
      clientOf(this._obj, 'received');
      flag(this, ABOUT_RECEIVED, true);
    },
  );

  addMethod(prototype, 'only', function (this: Chai.AssertionStatic, wanted: unknown) {
    if (flag(this, ABOUT_RECEIVED) !== true)
      throw new TypeError('write expect(client).to.have.received.only(…)');
    decide(this, utils, receivedOnly(clientOf(this._obj, 'received.only'), wanted));
  });

  for (const state of ['open', 'ended', 'closed'] as const) {
    addProperty(prototype, state, function (this: Chai.AssertionStatic) {
      decide(this, utils, inState(clientOf(this._obj, state), state));
    });
  }

  addMethod(
    prototype,
    'logged',
    function (this: Chai.AssertionStatic, wanted: unknown, options: LoggedOptions = {}) {
      decide(this, utils, logged(serverOf(this._obj, 'logged'), wanted, options));
    },
  );

  addMethod(
    prototype,
    'handled',
    function (this: Chai.AssertionStatic, event: unknown, options: HandledOptions = {}) {
      const server = serverOf(this._obj, 'handled');
      decide(this, utils, handled(server, traceOf(server, 'handled'), event, options));
    },
  );
};
