import { answerForServer } from "../../server/effect/fleetProcess.ts";
import { fail } from "../terminal/failure.ts";
import { serverBackupCommand, serverRestoredCommand } from "./backupCommands.ts";
import { serverCommand, serverInitCommand, serverLinkCommand } from "./serverCommand.ts";
import { serverPasswordCommand } from "./serverPasswordCommand.ts";

/**
 * The server's commands. They are a program of their own beside the agent's (packaging/programs.ts), so that what
 * the server needs costs no other command anything; errors of that program end in it.
 */
export const SERVER_COMMANDS = {
  run: ending(serverCommand),
  init: ending(serverInitCommand),
  link: ending(serverLinkCommand),
  password: ending(serverPasswordCommand),
  backup: ending(serverBackupCommand),
  restored: ending(serverRestoredCommand),
  /** The command that a server starts to look at a large fleet. */
  answer: ending(async () => {
    process.stdout.write(JSON.stringify(await answerForServer(process.stdin)));
    return 0;
  }),
};

/** The same command, that says what it failed with, and ends with the exit code of that. */
function ending<Parameters extends unknown[]>(command: (...parameters: Parameters) => Promise<number>) {
  return async (...parameters: Parameters): Promise<number> => {
    try {
      return await command(...parameters);
    } catch (error) {
      const asked = parameters.find((each) => (each as { json?: boolean } | undefined)?.json === true);
      return fail(error, asked !== undefined);
    }
  };
}
