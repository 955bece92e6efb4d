/** The module that each reactor thread of a real master runs. */
import { createThreadPlatform } from '../platform/node/node-platform.js';
import { startReactorThread } from './reactor-role.js';

startReactorThread(createThreadPlatform());
