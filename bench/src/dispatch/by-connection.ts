import type { DispatchFunction } from '@shoal/core';

/** A dispatch module that does as little as one can: what it costs is what asking it costs. */
export const dispatch: DispatchFunction = ({ connectionId, workerNum }) => connectionId % workerNum;
