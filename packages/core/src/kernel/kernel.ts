/**
 * Finds out which role this process plays, and plays it. Alone in knowing all
 * roles.
 *
 * The user's program is loaded in every process. The process that the user
 * started has no assignment: it reads the settings and becomes the first
 * process. Every other one was started by a role and finds its assignment.
 */
import { workerTitle, type Assignment } from '../pipe/assignments.js';
import { firstRole, managerRole, queueRole, workerRole } from './late-roles.js';
import type { Program } from './program.js';
import type { RunningServer } from './running-server.js';

/** Resolves in the first process once every worker is ready; never in any other, which leaves by `exit`. */
export async function startRole(program: Program): Promise<RunningServer> {
  const { self } = program.platform;
  const assignment = self.assignment as Assignment | undefined;
  if (assignment === undefined) return (await firstRole.get()).startFirst(program);
  if (assignment.role === 'check') return (await firstRole.get()).playCheck(program);
  const { name } = assignment.settings;
  switch (assignment.role) {
    case 'manager':
      self.setTitle(`shoal ${name}: manager`);
      (await managerRole.get()).playManager(program, assignment);
      break;
    case 'worker':
    case 'taskWorker':
    case 'userProcess':
      self.setTitle(`shoal ${name}: ${workerTitle(assignment)}`);
      (await workerRole.get()).playWorker(program, assignment);
      break;
    case 'queue':
      self.setTitle(`shoal ${name}: ${workerTitle(assignment)}`);
      (await queueRole.get()).playQueue(program.platform, assignment);
      break;
    case 'reactor':
      throw new Error('a reactor is a thread and does not load the program');
  }
  return new Promise<never>(() => {});
}
