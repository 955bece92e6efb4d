import { contradictions } from './contradictions.js';
import { fill, type Environment } from './fill.js';
import { optionProblems } from './option-problems.js';
import { ConfigProblems } from './problem.js';
import { serverSchema, type Settings } from './schema.js';

export type { Environment } from './fill.js';
export { ConfigProblems, type Problem } from './problem.js';
export type {
  DatagramListenerSettings,
  FramingInput,
  FramingSettings,
  ListenerInput,
  ListenerSettings,
  Settings,
  SettingsInput,
  StreamListenerSettings,
  TcpListenerSettings,
  UnixListenerSettings,
} from './schema.js';

/**
 * Validates what a user wrote and fills in every default.
 *
 * The result is plain data that JSON keeps, and loading it again gives the same.
 *
 * @throws {ConfigProblems} (a `ConfigError`, CONFIG_INVALID) that lists every problem.
 */
export function loadSettings(input: unknown, environment: Environment): Settings {
  const { data, error } = serverSchema.safeParse(input);
  const draft = fill(input, environment, data);
  const problems = [...optionProblems(input, error), ...contradictions(input, draft)];
  if (problems.length > 0) throw new ConfigProblems(problems);
  // No problem means that no value of the draft is unknown.
  return draft as Settings;
}
