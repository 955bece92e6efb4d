import type { Platform } from '../platform/platform.js';
import { createNodePlatform } from '../platform/node/node-platform.js';

let platform: Platform | undefined;

/** The platform of this process; made once, because it owns the link to the process that started this one. */
export function realWorld(): Platform {
  platform ??= createNodePlatform({ threadEntry: new URL('./reactor-thread.js', import.meta.url) });
  return platform;
}
