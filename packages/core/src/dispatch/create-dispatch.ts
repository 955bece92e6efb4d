import type { Settings } from '../config/load.js';
import type { DispatchPolicy } from './dispatch.js';
import { ByUid } from './uid.js';
import { Fixed } from './fixed.js';
import { RoundRobin } from './round-robin.js';

export function createDispatch(settings: Settings, idStep: number, count: Int32Array): DispatchPolicy {
  switch (settings.dispatchMode) {
    case 'fixed':
      return new Fixed(settings.workerNum, idStep);
    case 'roundRobin':
      return new RoundRobin(settings.workerNum, count);
    case 'uid':
      return new ByUid(settings.workerNum, idStep);
  }
}
