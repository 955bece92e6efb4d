import Mocha from 'mocha';

/**
 * The usual report, or a dot for each test under continuous integration, and
 * as the last line the counts in a form that machines read:
 * `12 passed, 0 failed`, with `, 1 skipped` when tests were pending.
 */
const Report = process.env.CI ? Mocha.reporters.Dot : Mocha.reporters.Spec;

export default class ClosingLine extends Report {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    const skipped = pending > 0 ? `, ${pending} skipped` : '';
    Mocha.reporters.Base.consoleLog(`${passes} passed, ${failures} failed${skipped}`);
  }
}
