import type { Command } from "commander";
import { configPath } from "../../config/configPath.ts";

/** The meaning of an exit code (docs/design.md §6; docs/errors.md has the whole). */
const MEANINGS = {
  0: "done",
  1: "a bug of this program",
  2: "the command line is wrong",
  3: "some kinds were delivered, others not",
  4: "every source is exhausted: nothing was delivered",
  5: "another one is running",
  6: "the configuration or the source list is invalid",
  7: "the disk is full, or cannot be written",
  8: "verification failed: installed files, trust root, clock, or a hook that refused",
  130: "interrupted",
} as const;

type Code = keyof typeof MEANINGS;

interface Help {
  examples: string[];
  /** Exit codes beside 0, 1 and 2, which every command has. */
  codes?: Code[];
  /** Meanings that are this command's own. */
  own?: Partial<Record<Code, string>>;
}

/** The help that the publisher's commands have in common. */
const PUBLISHER: Pick<Help, "codes" | "own"> = {
  codes: [5, 6, 7, 8],
  own: {
    2: "the command line, or what was to be published, is wrong",
    6: "a settings document is invalid",
    8: "the repository does not verify",
  },
};

/** Examples and exit codes by command, as it is called after `nearsource`. */
const HELP: Record<string, Help> = {
  "": {
    examples: ["nearsource explain", "nearsource update", "nearsource status --json"],
    codes: [3, 4, 5, 6, 7, 8, 130],
  },
  update: {
    examples: [
      "nearsource update",
      "nearsource update --kind components --json",
      "nearsource update --scheduled --quiet",
    ],
    codes: [3, 4, 5, 6, 7, 8, 130],
    own: { 0: "updated, or already current" },
  },
  agent: {
    examples: ["nearsource agent --check", "nearsource agent --config ./config.json"],
    codes: [5, 6, 7],
    own: {
      0: "ended by a signal, or the configuration is valid",
      5: "another agent has this data directory",
    },
  },
  explain: {
    examples: ["nearsource explain", "nearsource explain --ip 10.1.2.3 --source-list ./source-list.json"],
    codes: [6, 7],
  },
  status: {
    examples: [
      "nearsource status",
      "nearsource status --json",
      "nearsource status --check --warning 24h --critical 3d",
    ],
    codes: [3, 6, 7],
    own: {
      0: "done; with --check: OK",
      1: "a bug of this program; with --check: WARNING",
      2: "the command line is wrong; with --check: CRITICAL",
      3: "with --check: UNKNOWN",
    },
  },
  why: { examples: ["nearsource why", "nearsource why --json"], codes: [6, 7] },
  doctor: {
    examples: ["nearsource doctor", "nearsource doctor --json"],
    codes: [3, 4, 6, 7, 8, 130],
    own: {
      0: "nothing is in the way of an update",
      3: "some sources fail, and others work",
      4: "no source of the order works",
    },
  },
  verify: {
    examples: ["nearsource verify", "nearsource verify --repair"],
    codes: [5, 6, 7, 8, 130],
    own: { 0: "all is whole, or was repaired", 8: "installed files are damaged" },
  },
  rollback: { examples: ["nearsource rollback", "nearsource rollback --to 11"], codes: [5, 6, 7, 8, 130] },
  hold: { examples: ["nearsource hold", "nearsource hold lift components/virus-pattern"], codes: [6, 7] },
  "hold lift": {
    examples: ["nearsource hold lift", "nearsource hold lift components/virus-pattern"],
    codes: [5, 6, 7],
    own: { 2: "the command line is wrong, or nothing of that name is held here" },
  },
  sources: { examples: ["nearsource sources check ./source-list.json"] },
  "sources check": {
    examples: ["nearsource sources check ./source-list.json"],
    codes: [6],
    own: { 0: "the list is valid", 6: "the list is refused" },
  },
  "sources apply": {
    examples: [
      "nearsource sources apply source-list.json --server https://nearsource.corp.example:21110 --dry-run",
      'nearsource sources apply source-list.json --server https://nearsource.corp.example:21110 --token-file ./token --note "Lyon moves"',
    ],
    codes: [3, 4, 6, 130],
    own: {
      0: "the list is in force, or with --dry-run could be",
      3: "with --dry-run --exit-code: the list would change",
      4: "the server could not be reached, or failed",
      6: "the list is refused, the token may not, or another version is in force: nothing was changed",
    },
  },
  enrol: {
    examples: [
      "nearsource enrol --server https://nearsource.corp.example:21111 --token TOKEN",
      "nearsource enrol --server http://127.0.0.1:21111 --token TOKEN --config ./config.json --data-dir ./data",
      "nearsource enrol --server URL --token TOKEN --config b/config.json --data-dir b/data --name agent-b --listen 21122",
    ],
    codes: [4, 6, 7],
    own: {
      4: "the server could not be reached, refused, or gave other roots than the token names",
      6: "there is a configuration already",
    },
  },
  server: {
    examples: ["nearsource server init /srv/nearsource", "nearsource server /srv/nearsource"],
    codes: [6, 7],
    own: { 0: "stopped by a signal", 6: "there is no server in the folder, or server.json is invalid" },
  },
  "server init": {
    examples: [
      "nearsource server init /srv/nearsource --content-root vendor-root.json --active-update https://updates.vendor.example",
      "nearsource server init /srv/nearsource --console 127.0.0.1:21110 --agents :21111",
    ],
    codes: [6, 7],
    own: { 6: "something is there already, or the database or the root cannot be used" },
  },
  "server link": {
    examples: ["nearsource server link /srv/nearsource"],
    codes: [6, 7],
    own: { 6: "there is no server in the folder, or it is set up already" },
  },
  "server password": {
    examples: [
      "nearsource server password ada /srv/nearsource",
      "pass show nearsource | nearsource server password ada /srv/nearsource",
    ],
    codes: [6, 7],
    own: { 6: "there is no server in the folder" },
  },
  "server backup": {
    examples: ["nearsource server backup /srv/nearsource /backup/nearsource-2026-11-27"],
    codes: [6, 7],
    own: { 6: "there is no server in the folder, or server.json is invalid" },
  },
  "server restored": {
    examples: [
      "nearsource server restored /srv/nearsource",
      "nearsource server restored /srv/nearsource --ahead 5000",
    ],
    codes: [5, 6, 7],
    own: { 5: "the server runs: stop it first", 6: "there is no server in the folder, or a key is missing" },
  },
  "sources import": {
    examples: [
      "nearsource sources import ./apex-sources.json > source-list.json",
      "nearsource sources import ./branches.csv > source-list.json",
      "nearsource sources import ./ad-subnets.csv --map ./sites.csv > source-list.json",
    ],
    codes: [6],
    own: {
      2: "the command line is wrong, or subnets came without --map",
      6: "it is nothing that can be taken over, or agents would refuse the list",
    },
  },
  "sources export": {
    examples: ["nearsource sources export ./source-list.json > branches.csv"],
    codes: [6],
  },
  repo: {
    examples: ["nearsource repo init /srv/www --content", "nearsource repo show /srv/www"],
    ...PUBLISHER,
  },
  "repo init": {
    examples: ["nearsource repo init /srv/www --content --settings --keys /etc/nearsource/keys"],
    ...PUBLISHER,
  },
  "repo add": {
    examples: ["nearsource repo add /srv/www components/virus-pattern 17.123.00 ./lpt.dat"],
    ...PUBLISHER,
  },
  "repo set": {
    examples: [
      "nearsource repo set /srv/www source-list ./source-list.json",
      "nearsource repo set /srv/www policies/berlin ./policy.json",
    ],
    ...PUBLISHER,
  },
  "repo remove": { examples: ["nearsource repo remove /srv/www components/virus-pattern"], ...PUBLISHER },
  "repo refresh": {
    examples: ["nearsource repo refresh /srv/www --keys /etc/nearsource/keys"],
    ...PUBLISHER,
  },
  "repo show": {
    examples: ["nearsource repo show /srv/www", "nearsource repo show --txt /srv/www"],
    ...PUBLISHER,
  },
  "repo root": {
    examples: ["nearsource repo root draft /srv/www --content -o root-2.draft.json"],
    ...PUBLISHER,
  },
  "repo root draft": {
    examples: ["nearsource repo root draft /srv/www --content -o root-2.draft.json"],
    ...PUBLISHER,
  },
  "repo root sign": {
    examples: ["nearsource repo root sign root-2.draft.json --key /media/alice/root-1.pem"],
    ...PUBLISHER,
  },
  "repo root publish": {
    examples: ["nearsource repo root publish /srv/www root-2.draft.json"],
    ...PUBLISHER,
  },
  "repo root keygen": { examples: ["nearsource repo root keygen alice"], ...PUBLISHER },
};

/**
 * Adds to every command's help the places of the configuration, examples, and the meaning of its exit codes.
 */
export function addHelp(program: Command, env: NodeJS.ProcessEnv): void {
  for (const command of [program, ...subcommandsOf(program)]) {
    const help = HELP[nameOf(command)];
    if (help === undefined) continue;
    command.addHelpText("after", () => textOf(help, command, env));
    if (command.parent === null) continue;
    // A line that has what is missing says it best.
    command.showHelpAfterError(
      `hint: for example ${help.examples[0]}; nearsource ${nameOf(command)} --help has the rest`,
    );
  }
}

/** The commands below one, at any depth. */
export function subcommandsOf(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...subcommandsOf(each)]);
}

/** The name of a command after `nearsource`. */
function nameOf(command: Command): string {
  const above = command.parent === null ? "" : nameOf(command.parent);
  return command.parent === null ? "" : `${above} ${command.name()}`.trim();
}

function textOf({ examples, codes = [], own = {} }: Help, command: Command, env: NodeJS.ProcessEnv): string {
  const hasConfig = command.parent === null || command.options.some(({ long }) => long === "--config");
  // The default path, without regard to the environment at the moment.
  const usual = configPath(undefined, { ...env, NEARSOURCE_CONFIG: "" });
  const all = [...new Set<Code>([0, 1, 2, ...codes])].sort((a, b) => a - b);
  return [
    ...(hasConfig ? [`\nConfiguration: --config FILE, else NEARSOURCE_CONFIG, else ${usual}`] : []),
    `\n${examples.length === 1 ? "Example" : "Examples"}:`,
    ...examples.map((example) => `  ${example}`),
    "\nExit codes:",
    ...all.map((code) => `  ${String(code).padEnd(4)} ${own[code] ?? MEANINGS[code]}`),
  ].join("\n");
}
