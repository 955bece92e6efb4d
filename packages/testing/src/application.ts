import type { SettingsInput } from '@shoal/core';
import type { Constructor } from '@shoal/core/internal/definition';

/** A class that carries `@ServerConfig`. */
export type AppClass = Constructor;

export type SettingsOverrides = Partial<SettingsInput>;
