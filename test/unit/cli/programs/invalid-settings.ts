import { createServer, tcp } from '@shoal/core';

const server = createServer({ listeners: [tcp({ port: 95_010 })], heartbeatIdleTime: 60 });
await server.on('receive', () => {}).start();
