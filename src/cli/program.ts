import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { KINDS } from "../core/content/kind.ts";
import { printable } from "../core/printable.ts";
import { NearsourceError } from "../errors.ts";
import type { VersionRecord } from "../tuf/versionRecord.ts";
import { asksForJson, fail, refuseUncheckedTls, toDocument } from "./terminal/failure.ts";
import { addHelp, subcommandsOf } from "./terminal/help.ts";
import { printJson } from "./terminal/output.ts";

/**
 * Runs one command line.
 *
 * @param told the newest versions by the version record, if a scheduled update asked for it
 * @returns the exit code (docs/design.md §6)
 */
export async function runProgram(argv: string[], told?: VersionRecord): Promise<number> {
  let exitCode = 0;
  const done = (code: number) => {
    exitCode = code;
  };
  const program = await buildProgram(argv, done, told);
  try {
    refuseUncheckedTls(process.env);
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    const json = asksForJson(argv);
    if (!(error instanceof CommanderError)) return fail(error, json);
    // Commander has reported the fault of the line, or has shown the help that was asked for.
    if (error.exitCode === 0) return 0;
    if (json) printJson(toDocument(asUsage(error)));
    return 2;
  }
}

function asUsage({ code, message }: CommanderError): NearsourceError {
  const said = code === "commander.help" ? "a command is missing" : message.replace(/^error: /, "");
  return new NearsourceError("USAGE", said, {
    hint: "nearsource --help has the commands, nearsource COMMAND --help its options",
  });
}

const kindOption = () =>
  new Option("-k, --kind <kind...>", "only these content kinds; repeats").choices([...KINDS]);
const configOption = () => new Option("-c, --config <file>", "the agent's configuration");
const jsonOption = () => new Option("--json", "one JSON document on stdout");

type Done = (exitCode: number) => void;

async function buildProgram(argv: string[], done: Done, told: VersionRecord | undefined): Promise<Command> {
  const program = new Command("nearsource")
    .description("Endpoint updates from the nearest source that works.")
    .option("-V, --version", "the version of this program")
    .option("-v, --verbose", "say more on stderr")
    .option("-q, --quiet", "say only what fails the command")
    .showHelpAfterError("(nearsource --help has the commands, nearsource COMMAND --help its options)")
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(printable(text.replace(/^error: /, "nearsource: "))),
    });
  addAgentCommands(program, done, told);
  addListCommands(program, done);
  addEnrolCommand(program, done);
  addServerCommand(program, done);
  program.addCommand(await repoCommand(argv));
  for (const command of subcommandsOf(program)) command.exitOverride().copyInheritedSettings(program);
  addHelp(program, process.env);
  return program;
}

/** The commands of an agent, in the order in which the help has them. */
function addAgentCommands(program: Command, done: Done, told: VersionRecord | undefined): void {
  addUpdate(program, done, told);
  addResident(program, done);
  addExplainAndStatus(program, done);
  addVerifyAndRollback(program, done);
  addHoldCommands(program, done);
}

function addUpdate(program: Command, done: Done, told: VersionRecord | undefined): void {
  program
    .command("update")
    .description("one update run, now")
    .addOption(kindOption())
    .option("--wait", "wait while another update runs, instead of exiting with 5")
    .option("--scheduled", "run by a timer: a version record in DNS may say that nothing is newer")
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { updateCommand } = await import("./updateCommand.ts");
      done(await updateCommand({ ...program.opts(), ...options, told }));
    });
}

function addResident(program: Command, done: Done): void {
  program
    .command("agent")
    .description("the resident client: updates on a schedule and on notifications, until it is stopped")
    .option("--check", "only open what the configuration names, and say what is wrong with it")
    .addOption(new Option("--orders").hideHelp())
    .addOption(configOption())
    .addOption(new Option("--json", "with --check: one JSON document on stdout"))
    .action(async (options) => {
      const { agentCommand } = await import("./agent/agentCommand.ts");
      done(await agentCommand({ ...program.opts(), ...options }));
    });
  // The command that the resident agent starts for each of its runs; for no person.
  program.command("run-for-agent", { hidden: true }).action(async () => {
    const { runForAgent } = await import("./agent/runForAgent.ts");
    done(await runForAgent());
  });
}

function addExplainAndStatus(program: Command, done: Done): void {
  program
    .command("explain")
    .description("which sources would be tried, in which order, and why; asks nobody")
    .option("--ip <address...>", "as if this agent had these addresses")
    .option("--dns-suffix <domain...>", "as if its DNS search list had these domains")
    .option("--source-list <file>", "as if this were the source list")
    .addOption(kindOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { explainCommand } = await import("./explainCommand.ts");
      done(await explainCommand(options));
    });
  program
    .command("status")
    .description("what is installed, how fresh it is, and what the last run did")
    .option("--check", "for monitors: one line, and exit 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN")
    .option("--warning <age>", "with --check: WARNING once no source has confirmed it for so long (24h)")
    .option("--critical <age>", "with --check: the same for CRITICAL (3d)")
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      if (options.check === true) {
        const { checkStatus } = await import("./status/checkStatus.ts");
        return done(await checkStatus(options));
      }
      const { statusCommand } = await import("./status/statusCommand.ts");
      done(await statusCommand(options));
    });
  program
    .command("why")
    .description("what the last run did, which source it used and why, when the next is; asks nobody")
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { whyCommand } = await import("./status/whyCommand.ts");
      done(await whyCommand(options));
    });
  program
    .command("doctor")
    .description(
      "whether names, sources, clock, disk and configuration are as updates need them; changes nothing",
    )
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { doctorCommand } = await import("./agent/doctorCommand.ts");
      done(await doctorCommand(options));
    });
}

function addVerifyAndRollback(program: Command, done: Done): void {
  program
    .command("verify")
    .description("hash every installed file again")
    .option("--repair", "fetch what is damaged from the sources")
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { verifyCommand } = await import("./verifyCommand.ts");
      done(await verifyCommand({ ...program.opts(), ...options }));
    });
  program
    .command("rollback")
    .description("back to the generation before, or to the one named")
    .option("--to <generation>", "the number of a generation that is kept (nearsource status lists them)")
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { rollbackCommand } = await import("./rollbackCommand.ts");
      done(await rollbackCommand({ ...program.opts(), ...options }));
    });
}

function addHoldCommands(program: Command, done: Done): void {
  const hold = program
    .command("hold")
    .description("what is kept from its newest release: after a failure, after a rollback, by policy")
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { holdCommand } = await import("./holdCommand.ts");
      done(await holdCommand(options));
    });
  hold
    .command("lift")
    .description("let the next update install the newest release again; without a component, of all")
    .argument("[component]", "such as components/virus-pattern, or its name alone")
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (component, _options, command) => {
      const { liftCommand } = await import("./holdCommand.ts");
      // Options after the name of the command may be taken for its parent's.
      done(await liftCommand(component, command.optsWithGlobals()));
    });
}

function addListCommands(program: Command, done: Done): void {
  const sources = program
    .command("sources")
    .description("look at source lists, and take them over from elsewhere");
  sources
    .command("import")
    .description("make a source list of another system's list, of a table, or of subnets, on stdout")
    .argument(
      "<file>",
      "JSON of Apex Central's cmd_deploy_update_sources, CSV order,first,last,name,url,kinds,comment, or subnets of Active Directory (CSV) or NetBox (CSV, JSON)",
    )
    .option("--map <file>", "which site of the subnets goes where: CSV site,name,url,kinds")
    .action(async (file, options) => {
      const { importCommand } = await import("./sources/importCommand.ts");
      done(await importCommand(file, options));
    });
  sources
    .command("export")
    .description("write a source list as a table, on stdout")
    .argument("<file>", "the list, as JSON")
    .action(async (file) => {
      const { exportCommand } = await import("./sources/importCommand.ts");
      done(await exportCommand(file));
    });
  sources
    .command("apply")
    .description("check a source list on a server, and make it the one in force")
    .argument("<file>", "the list, as JSON")
    .requiredOption("--server <url>", "the administrators' side of the server")
    .option("--dry-run", "say what it would do, and change nothing")
    .option("--exit-code", "with --dry-run: exit 3 where the list would change")
    .option("--note <text>", "why, for the list's history")
    .option("--if-version <number>", "only where this version is in force")
    .option("--token-file <file>", "has the API token, mode 0600; else NEARSOURCE_API_TOKEN has it")
    .option("--ca <file>", "the authority of the server's certificate (PEM), where the system has it not")
    .option("--insecure", "send the token over HTTP, unencrypted")
    .addOption(jsonOption())
    .action(async (file, options) => {
      const { applyCommand } = await import("./sources/applyCommand.ts");
      done(await applyCommand(file, options));
    });
  sources
    .command("check")
    .description("whether a source list is valid, and what is odd about it")
    .argument("<file>", "the list, as JSON")
    .option("--resolve", "look the host names of its entries up")
    .addOption(jsonOption())
    .action(async (file, options) => {
      const { checkCommand } = await import("./sources/sourcesCommand.ts");
      done(await checkCommand(file, options));
    });
}

/** A port of which the next one is a port too. */
function toPort(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) < 65_535) return Number(text);
  throw new InvalidArgumentError("It must be a port from 1 to 65534.");
}

function addEnrolCommand(program: Command, done: Done): void {
  program
    .command("enrol")
    .description("make an agent of this machine, with a token that its server gave")
    .requiredOption("--server <url>", "where agents reach the server")
    .option("--token <token>", "an enrolment token; without it only where the server takes every machine")
    .option("--insecure", "without a token: let the agent's secret travel over plain HTTP")
    .option("--data-dir <dir>", "where the agent keeps what it has; another place is another agent")
    .option("--name <name>", "how the server lists it; the machine's name where it is not given")
    .addOption(
      new Option(
        "--listen <port>",
        "where it hears of news, and serves others as an Update Agent (21112); its health is at the port after",
      ).argParser(toPort),
    )
    .option("--ca <file>", "the authority of the server's certificate (PEM), where the system has it not")
    .option("--no-service", "make no service of it (none is made by this version in any case)")
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options) => {
      const { enrolCommand } = await import("./enrolCommand.ts");
      done(await enrolCommand(options));
    });
}

function addServerCommand(program: Command, done: Done): void {
  const server = program
    .command("server")
    .description("where a fleet is looked after: settings, agents, notifications, and what happened")
    .argument("<dir>", "the server's folder, which server init makes")
    .action(async (dir) => {
      const { SERVER_COMMANDS } = await import("./server/serverCommands.ts");
      done(await SERVER_COMMANDS.run(dir, program.opts()));
    });
  server
    .command("init")
    .description("make a server: keys, database, server.json, and a link to set it up by")
    .argument("<dir>", "a folder that is empty, or not there yet")
    .option("--active-update <url>", "where the vendor's content comes from")
    .option("--content-root <file>", "the vendor's root.json")
    .option("--console <host:port>", "where administrators come in (127.0.0.1:21110)")
    .option("--agents <host:port>", "where agents come in (:21111)")
    .option("--database <url>", "sqlite:FILE or postgres://…")
    .option("--adopt <dir>", "take over the settings repository below this web root, with its keys")
    .addOption(jsonOption())
    .action(async (dir, options) => {
      const { SERVER_COMMANDS } = await import("./server/serverCommands.ts");
      done(await SERVER_COMMANDS.init(dir, options));
    });
  server
    .command("link")
    .description("make another set-up link while nobody is set up; the one before opens nothing any more")
    .argument("<dir>", "the server's folder")
    .addOption(jsonOption())
    .action(async (dir, options) => {
      const { SERVER_COMMANDS } = await import("./server/serverCommands.ts");
      done(await SERVER_COMMANDS.link(dir, options));
    });
  server
    .command("password")
    .description("set a user's password anew, asked for here or read from standard input")
    .argument("<user>", "the name that the user signs in with")
    .argument("<dir>", "the server's folder")
    .option("--reset-second-factor", "take the second factor away too, which was lost")
    .action(async (user, dir, options) => {
      const { SERVER_COMMANDS } = await import("./server/serverCommands.ts");
      done(await SERVER_COMMANDS.password(user, dir, options));
    });
  server
    .command("backup")
    .description(
      "copy configuration, keys and a SQLite database to a new folder, while the server runs or not",
    )
    .argument("<dir>", "the server's folder")
    .argument("<folder>", "a folder that is empty, or not there yet")
    .addOption(jsonOption())
    .action(async (dir, folder, options) => {
      const { SERVER_COMMANDS } = await import("./server/serverCommands.ts");
      done(await SERVER_COMMANDS.backup(dir, folder, options));
    });
  server
    .command("restored")
    .description("go on after the server was set back to a backup: publish above all that agents have seen")
    .argument("<dir>", "the server's folder, of a server that is stopped")
    .option("--ahead <n>", "more publications than were made since the backup (1000)")
    .action(async (dir, options) => {
      const { SERVER_COMMANDS } = await import("./server/serverCommands.ts");
      done(await SERVER_COMMANDS.restored(dir, options));
    });
  // The command that a server starts to look at a large fleet; for no person.
  program.command("answer-for-server", { hidden: true }).action(async () => {
    const { SERVER_COMMANDS } = await import("./server/serverCommands.ts");
    done(await SERVER_COMMANDS.answer());
  });
}

/** The publisher's commands bring the signing code with them, so they are only loaded when they are meant. */
async function repoCommand(argv: string[]): Promise<Command> {
  if (argv.includes("repo")) return (await import("./repo/repoCommand.ts")).repoCommand();
  return new Command("repo").description("make and sign the repositories that everything else distributes");
}
