import { createServer, tcp } from '@shoal/core';

const server = createServer({
  listeners: [tcp({ name: 'lines', port: 9501 })],
  dispatchMode: 'fixed',
  dispatchModule: new URL('../../../fixtures/dispatch/by-key.js', import.meta.url),
});
server.on('receive', () => {});
await server.start();
