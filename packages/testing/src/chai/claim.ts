/// <reference types="chai" />
/** What an assertion says of its subject, and what is to be read when that is wrong. */
export interface Claim {
  readonly holds: boolean;
  /** `client 0`. */
  readonly subject: string;
  /** Goes on after `expected client 0 to` or `not to`. */
  readonly claim: string;
  /** What was found instead, and more lines about it; made only for a failure. */
  found(negated: boolean): readonly string[];
  /** What test runners compare, unless the claim is negated. */
  readonly expected?: unknown;
  readonly actual?: unknown;
}

/** Fails the assertion if the claim does not hold, or if it does and the assertion is negated. */
export function decide(assertion: Chai.AssertionStatic, utils: Chai.ChaiUtils, claim: Claim): void {
  const negated = utils.flag(assertion, 'negate') === true;
  const message = (): string => {
    const [first, ...lines] = claim.found(negated);
    const start = `expected ${claim.subject} ${negated ? 'not ' : ''}to ${claim.claim}`;
    // Chai puts its own words in the place of `#{this}`, which bytes may well contain.
    return [`${start}${first ?? ''}`, ...lines].join('\n  ').replaceAll('#{', '# {');
  };
  if (negated) assertion.assert(claim.holds, '', message);
  else assertion.assert(claim.holds, message, '', claim.expected, claim.actual);
}
