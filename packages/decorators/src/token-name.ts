import type { Token } from './provider.js';

/** A token as messages call it: Rooms, 'databaseUrl', Symbol(clock). */
export function tokenName(token: Token): string {
  if (typeof token === 'function') return token.name === '' ? 'an anonymous class' : token.name;
  return typeof token === 'string' ? `'${token}'` : String(token);
}
