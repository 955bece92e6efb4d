export { exitWith } from '../platform/node/exit.js';
