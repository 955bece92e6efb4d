import { createServer, tcp } from '@shoal/core';

const server = createServer({ listeners: [tcp({ name: 'lines', port: 9501 })], dispatchMode: 'roundRobin' });
await server.on('connect', () => {}).start();
