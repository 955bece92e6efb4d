/** A module that nothing imports at first: loading it takes real input. */
export const loaded = true;
