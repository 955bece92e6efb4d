import type { CommandName } from './command-line.js';

const general = `Usage: shoal <command> [options] <entry> [arguments of the program]

Commands:
  start <entry>   run a server in the foreground
  check <entry>   say what a server would start, without starting it

Options:
  -h, --help      this text, or that of a command: shoal check --help
  -v, --version   the version of shoal

<entry> is the compiled program that calls run(App) or createServer(…).start(),
such as dist/main.js.
`;

const start = `Usage: shoal start <entry> [arguments of the program]

Runs the program in this process, as \`node <entry>\` does: pid, signals and exit
code are the server's own. The first SIGTERM or SIGINT drains and stops it, one
more stops it at once.

Options:
  -h, --help      this text
`;

const check = `Usage: shoal check [--json] <entry> [arguments of the program]

Loads the program and validates its settings and handlers, then prints the
processes, the listeners, and which handler serves which event. No port is
bound, no worker is started, and no object of the application is made, so a
missing dependency shows at start only. The program's top level does run.

Exits with 0 if the server could start, and with 78 if its configuration is not
valid, after a list of what is wrong.

Options:
      --json      print the plan as JSON, with every setting filled in
  -h, --help      this text
`;

const texts: Readonly<Record<CommandName, string>> = { start, check };

export function helpText(of: CommandName | undefined): string {
  return of === undefined ? general : texts[of];
}
