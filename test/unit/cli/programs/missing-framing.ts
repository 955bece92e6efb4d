import { createServer, custom, tcp } from '@shoal/core';

const framing = custom(new URL('./there-is-none.js', import.meta.url));
const server = createServer({ listeners: [tcp({ port: 9501, framing })] });
await server.on('receive', () => {}).start();
