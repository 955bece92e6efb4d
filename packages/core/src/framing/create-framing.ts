import type { FramingSettings } from '../config/load.js';
import { loadCustomFraming } from './custom.js';
import { DelimiterFraming } from './delimiter.js';
import type { Framing } from './framing.js';
import { LengthPrefixFraming } from './length-prefix.js';
import { RawFraming } from './raw.js';

/**
 * The framing of a listener from its validated settings. Rejects with
 * `ConfigError` CONFIG_FRAMING_MODULE when a custom module is no framing.
 */
export async function createFraming(settings: FramingSettings): Promise<Framing> {
  switch (settings.kind) {
    case 'raw':
      return new RawFraming();
    case 'delimiter':
      return new DelimiterFraming(settings.bytes, settings.strip);
    case 'lengthPrefix':
      return new LengthPrefixFraming(settings);
    case 'custom':
      return loadCustomFraming(settings.module);
  }
}
