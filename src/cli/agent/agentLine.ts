import { fail, refuseUncheckedTls } from "../terminal/failure.ts";
import { type AgentCommandOptions, agentCommand } from "./agentCommand.ts";

/**
 * Runs the resident agent without the parser of command lines, which it would hold for ever, if the line is
 * the usual one. Any other line is left to that parser.
 *
 * @param args the command line after `nearsource`
 * @returns the exit code; undefined when the line is another one
 */
export async function runAgentLine(args: string[]): Promise<number | undefined> {
  const options = readLine(args);
  if (options === undefined) return undefined;
  try {
    refuseUncheckedTls(process.env);
    return await agentCommand(options);
  } catch (error) {
    return fail(error);
  }
}

function readLine(args: string[]): AgentCommandOptions | undefined {
  const line = /^(?:(-q|--quiet)\0|(-v|--verbose)\0)?agent(?:\0(?:--config|-c)\0([^\0]+))?$/.exec(
    args.join("\0"),
  );
  if (line === null) return undefined;
  const [, quiet, verbose, config] = line;
  return {
    quiet: quiet !== undefined,
    verbose: verbose !== undefined,
    ...(config === undefined ? {} : { config }),
  };
}
