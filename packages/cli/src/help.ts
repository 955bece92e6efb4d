import type { CommandName } from './command-line.js';

const general = `Usage: shoal <command> [options] …

Run a program:
  start <entry>          run a server
  inspect <entry>        say what a server would start, without starting it

Speak to a server that runs:
  stop [server]          drain it and stop it
  restart [server]       stop it, and start it again as it was started
  reload [server]        replace its workers by new ones, with the code on disk
  status [server]        what it does at this moment
  top [server]           the same, once a second
  connections [server]   who is connected
  tasks [list|dead|retry|drain]
                         the queue of tasks
  reopen [server]        let it open its log files anew

Options:
  -h, --help             this text, or that of a command: shoal stop --help
  -v, --version          the version of shoal

<entry> is the compiled program that calls run(App) or createServer(…).start(),
such as dist/main.js. [server] is the name of a server or the pid of its first
process, and may be left out where a single one runs.
`;

const aimed = `      --pid-file FILE           the server whose pid is in that file
      --runtime-directory DIR   where its settings have set runtimeDirectory
  -h, --help                    this text
`;

const start = `Usage: shoal start [options] <entry> [arguments of the program]

Runs the program in this process, as \`node <entry>\` does: pid, signals and exit
code are the server's own. The first SIGTERM or SIGINT drains and stops it, one
more stops it at once.

Options:
      --daemonize       run in the background, as the setting daemonize does
      --pid-file FILE   write the pid of the first process there, as pidFile does
  -h, --help            this text
`;

const inspect = `Usage: shoal inspect [--json] <entry> [arguments of the program]

Loads the program and validates its settings and handlers, then prints the
processes, the listeners, which handler serves which event, and the settings. No
port is bound, no worker is started, and no object of the application is made, so
a missing dependency shows at start only. The program's top level does run.

Exits with 0 if the server could start, and with 78 if its configuration is not
valid, after a list of what is wrong. \`shoal check\` is another word for it.

Options:
      --json      print the plan as JSON, with every setting filled in
  -h, --help      this text
`;

const stop = `Usage: shoal stop [server] [options]

Lets the server drain and stop, and waits until its process is gone.

Options:
      --timeout TIME            how long to wait, such as 90s or 2m; default 60s
${aimed}
Exit codes: 0 stopped, 82 it has not left in time and goes on stopping, 83 no such
server runs, 1 anything else.
`;

const restart = `Usage: shoal restart [server] [options]

Stops the server, then starts it again with the same program, arguments, options
of Node and working directory, as a daemon, and waits until it serves. Its
environment is that of this command. Clients are disconnected: reload does not.

Options:
      --timeout TIME            how long to wait, for the stop and for the start
                                each, such as 90s or 2m; default 60s
${aimed}
Exit codes: 0 it serves, 82 not in time, 83 no such server runs, 1 it could not be
stopped or started.
`;

const reload = `Usage: shoal reload [server] [options]

Starts one worker with the code that is on disk. Once it has proved itself, the
others are replaced one after the other, and connections stay open; if it fails,
the workers of before serve on, untouched. Prints each step as it happens.
Certificates are read anew first; where those on disk do not hold, the ones of
before stay, and the exit code is 1.

Options:
      --only task               replace the task workers only
      --no-wait                 leave when the new code is accepted
      --timeout TIME            how long to wait, such as 90s or 5m; default 10m;
                                the reload itself goes on
${aimed}
Exit codes: 0 done, 80 rolled back, 81 halted half-way, 82 it has not ended in
time, 83 no such server runs, 84 a reload was running already, 1 anything else.
`;

const status = `Usage: shoal status [server] [options]

Prints the state of the server and of each of its processes.

Options:
      --json                    print everything as JSON
      --ready                   print nothing, and exit with 0 only if it serves
${aimed}
Exit codes: 0 it answers (with --ready: it serves), 83 no such server runs, 82 it
does not answer, 1 anything else (with --ready: it does not serve).
`;

const top = `Usage: shoal top [server] [options]

Shows the status once a second, with the requests of that second. q or Ctrl-C
ends it. Where the output is no terminal, snapshots follow one another.

Options:
      --count N                 end after so many snapshots
${aimed}
Exit codes: 0 ended as asked, 83 no such server runs, or it has gone, 82 it does
not answer, 1 anything else.
`;

const connections = `Usage: shoal connections [server] [options]

Lists the connections of clients, in the order of their ids.

Options:
      --json                    print them as JSON
      --limit N                 at most so many; default 1000
${aimed}
Exit codes: 0 listed, 83 no such server runs, 1 anything else.
`;

const tasks = `Usage: shoal tasks [list] [options]
       shoal tasks dead [options]
       shoal tasks retry <id> … | --all [options]
       shoal tasks drain [options]

Shows the tasks in the queue of a server with taskIpcMode queue or sharedQueue:
all of them, or dead letters, which have failed for good. retry gives dead letters
all their attempts again. drain forgets every task that waits or is delayed; those
that are being done are done, and dead letters stay.

Options:
      --state STATE             list: only waiting, delayed, leased or dead ones
      --json                    list, dead: print them as JSON
      --limit N                 list, dead: at most so many; default 1000
      --all                     retry: every dead letter
      --server SERVER           the name of the server, or its pid
${aimed}
Exit codes: 0 done, 83 no such server runs, 1 anything else, as a server without a
queue.
`;

const reopen = `Usage: shoal reopen [server] [options]

Lets every process of the server open its log file anew, after it was moved away.

Options:
${aimed}
Exit codes: 0 done, 83 no such server runs, 1 anything else.
`;

const texts: Readonly<Record<CommandName, string>> = {
  start,
  stop,
  restart,
  reload,
  status,
  top,
  connections,
  tasks,
  reopen,
  inspect,
};

export function helpText(of: CommandName | undefined): string {
  return of === undefined ? general : texts[of];
}
