import { ConfigError } from '../../errors.js';

const variable = 'SHOAL_SETTINGS';

/**
 * Settings that an operator gives to a program from outside, as a JSON object in
 * the environment. Whatever the program starts inherits them, so that all
 * processes of a server read the same.
 *
 * @throws {ConfigError} CONFIG_INVALID
 */
export function readOutsideSettings(text = process.env[variable]): object {
  if (text === undefined || text === '') return {};
  const remedy = `write an object such as {"logFile":"/var/log/chat.log"}, or unset it`;
  let settings: unknown;
  try {
    settings = JSON.parse(text);
  } catch (cause) {
    const { message } = cause as Error;
    throw new ConfigError(
      'CONFIG_INVALID',
      `${variable} in the environment is not JSON: ${message}; ${remedy}`,
    );
  }
  if (typeof settings === 'object' && settings !== null && !Array.isArray(settings)) return settings;
  throw new ConfigError('CONFIG_INVALID', `${variable} in the environment is no JSON object; ${remedy}`);
}
