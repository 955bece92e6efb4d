/** The variable in the environment of a started process that says what it is to be. */
export const assignmentName = 'SHOAL_ASSIGNMENT';
