import { Command } from "commander";
import { formatBytes } from "../../core/amounts.ts";
import { CONTENT_KINDS, type ContentKind } from "../../core/content/kind.ts";
import type { Repository } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import { addReleases, type NewRelease } from "../../publisher/addRelease.ts";
import {
  describeRepository,
  listRepositories,
  type RepositoryDescription,
} from "../../publisher/describe.ts";
import { initRepository } from "../../publisher/init.ts";
import { removeTarget } from "../../publisher/publishTargets.ts";
import { renewRepository } from "../../publisher/renewRepository.ts";
import { DEFAULT_LIFETIMES, type Lifetimes } from "../../publisher/repository/choices.ts";
import { setDocument } from "../../publisher/setDocument.ts";
import { formatVersionRecord } from "../../tuf/versionRecord.ts";
import { print, printJson } from "../terminal/output.ts";
import { openPublishProgress } from "./publishProgress.ts";
import {
  flaggedRepositories,
  KEYS_OPTION,
  type RepositoryFlags,
  type SigningFlags,
  WAIT_OPTION,
  warn,
  wholeNumber,
  wholeOrZero,
} from "./repoOptions.ts";
import { rootCommand } from "./rootCommand.ts";

/** `nearsource repo`: makes and signs the repositories that everything else distributes. */
export function repoCommand(): Command {
  const repo = new Command("repo").description("make and sign the repositories that agents update from");
  addInit(repo);
  addAdd(repo);
  addSet(repo);
  addRemove(repo);
  addRefresh(repo);
  addShow(repo);
  repo.addCommand(rootCommand());
  return repo;
}

function addInit(repo: Command): void {
  const init = repo
    .command("init")
    .description("make an empty repository with new keys")
    .argument("<dir>", "the web root; agents know it as the base URL of a source")
    .option("--content", "make the content repository: components and programs")
    .option("--settings", "make the settings repository: source list and policies")
    .option(...KEYS_OPTION)
    .option("--root-keys <n>", "how many root keys to make", wholeNumber, 1)
    .option("--root-threshold <m>", "how many of them must sign a root", wholeNumber, 1);
  for (const [role, days] of Object.entries(DEFAULT_LIFETIMES)) {
    init.option(`--expires-${role} <days>`, `lifetime of the ${role} metadata`, wholeNumber, days);
  }
  init.action(async (dir: string, options: InitFlags) => {
    const repositories = flaggedRepositories(options);
    if (repositories.length === 0) throw new NearsourceError("USAGE", "say --content, --settings or both");
    for (const repository of repositories) await runInit(dir, repository, options);
  });
}

interface InitFlags extends RepositoryFlags {
  keys?: string;
  rootKeys: number;
  rootThreshold: number;
  expiresRoot: number;
  expiresTargets: number;
  expiresSnapshot: number;
  expiresTimestamp: number;
}

async function runInit(dir: string, repository: Repository, flags: InitFlags): Promise<void> {
  const lifetimes: Lifetimes = {
    root: flags.expiresRoot,
    targets: flags.expiresTargets,
    snapshot: flags.expiresSnapshot,
    timestamp: flags.expiresTimestamp,
  };
  const { rootKeys, rootThreshold, keys: keysDir } = flags;
  const made = await initRepository({ dir, repository, keysDir, lifetimes, rootKeys, rootThreshold });
  warn(made.warnings);
  const command = repository === "content" ? "add" : "set";
  const what = repository === "content" ? "components/NAME VERSION PATH" : "source-list FILE";
  const where = keysDir === undefined ? "" : ` --keys ${keysDir}`;
  print(`made the ${repository} repository in ${made.folder}`);
  print(`  ship with agents      ${made.rootFile}`);
  print(`  private keys          ${made.keys}`);
  print(`  keep offline          ${made.rootKeyFiles.join(", ")}`);
  print(`  publish with          nearsource repo ${command} ${dir} ${what}${where}`);
  print(`  run daily by a timer  nearsource repo refresh ${dir}${where}`);
}

function addAdd(repo: Command): void {
  repo
    .command("add")
    .description("publish releases of components or programs, all in one publication")
    .argument("<dir>", "the web root")
    .argument("<kind/name>", "such as components/virus-pattern")
    .argument("<version>", "the version that people read")
    .argument("<path>", "a file, or a folder whose files make the release")
    .argument("[more...]", "further releases: <kind/name> <version> <path> for each")
    .option("--release <n>", "the release number (default: the highest so far plus one)", wholeNumber)
    .option("--keep <n>", "how many releases stay available", wholeNumber, 5)
    .option("--deltas <n>", "make deltas from so many earlier releases; 0 for none", wholeOrZero, 5)
    .option("--allow-private-keys", "publish files although they have a private key in them")
    .option(...KEYS_OPTION)
    .option(...WAIT_OPTION)
    .action(
      async (dir: string, what: string, version: string, path: string, more: string[], flags: AddFlags) => {
        const releases = readReleases([what, version, path, ...more], flags.release);
        await runAdd(dir, releases, flags);
      },
    );
}

interface AddFlags extends SigningFlags {
  release?: number;
  keep: number;
  deltas: number;
  allowPrivateKeys?: boolean;
}

/** The releases of a command line: kind and name, version and path of each. */
function readReleases(args: string[], release: number | undefined): NewRelease[] {
  if (args.length % 3 !== 0) {
    throw new NearsourceError("USAGE", "each release is KIND/NAME VERSION PATH", {
      hint: `the last one has only ${args.slice(-(args.length % 3)).join(" ")}`,
    });
  }
  if (release !== undefined && args.length > 3) {
    throw new NearsourceError("USAGE", "--release is the number of one release, and there are several", {
      hint: "leave it out: each gets the highest of its component so far plus one",
    });
  }
  const starts = args.map((_, index) => index).filter((index) => index % 3 === 0);
  return starts.map((at) => {
    const [what = "", version = "", path = ""] = args.slice(at, at + 3);
    return { ...splitName(what, CONTENT_KINDS), version, path, release };
  });
}

async function runAdd(dir: string, releases: NewRelease[], flags: AddFlags): Promise<void> {
  const { keys: keysDir, keep, deltas, allowPrivateKeys, wait } = flags;
  const progress = openPublishProgress(process.stderr);
  const options = { dir, keysDir, wait, releases, keep, deltas, allowPrivateKeys };
  const { added, warnings } = await addReleases({ ...options, onProgress: progress.update }).finally(
    progress.close,
  );
  warn(warnings);
  for (const [index, each] of added.entries()) {
    const { kind, name, version } = releases[index] as NewRelease;
    const fetched =
      each.bytesFromPrevious < each.bytes
        ? `; ${formatBytes(each.bytesFromPrevious)} for agents with the release before`
        : "";
    const amount = `${countFiles(each.files)}, ${formatBytes(each.bytes)}${fetched}`;
    print(`published ${kind}/${name} ${version} as release ${each.release} (${amount})`);
  }
}

function addSet(repo: Command): void {
  repo
    .command("set")
    .description("check and publish a settings document")
    .argument("<dir>", "the web root")
    .argument("<name>", "source-list, update-agents or policies/<domain>")
    .argument("<file>", "the JSON file")
    .option(...KEYS_OPTION)
    .option(...WAIT_OPTION)
    .action(async (dir: string, name: string, file: string, { keys: keysDir, wait }: SigningFlags) => {
      const { changed, warnings } = await setDocument({ dir, keysDir, wait, name, file });
      warn(warnings);
      print(changed ? `published settings/${name}` : `settings/${name} is published already, unchanged`);
    });
}

function addRemove(repo: Command): void {
  repo
    .command("remove")
    .description("take a component, a program or a settings document out of the repository")
    .argument("<dir>", "the web root")
    .argument("<kind/name>", "such as components/virus-pattern or settings/policies/berlin")
    .option(...KEYS_OPTION)
    .option(...WAIT_OPTION)
    .action(async (dir: string, what: string, { keys: keysDir, wait }: SigningFlags) => {
      const { kind, name } = splitName(what, [...CONTENT_KINDS, "settings"]);
      const { warnings } = await removeTarget({ dir, keysDir, wait, kind, name });
      warn(warnings);
      print(`removed ${kind}/${name}`);
    });
}

function addRefresh(repo: Command): void {
  repo
    .command("refresh")
    .description("sign a new timestamp, and anew what has passed half of its lifetime")
    .argument("<dir>", "the web root")
    .option("--content", "only the content repository")
    .option("--settings", "only the settings repository")
    .option("--restored", "go on although the web root was put back to an older state")
    .option(...KEYS_OPTION)
    .option(...WAIT_OPTION)
    .action(async (dir: string, flags: RepositoryFlags & SigningFlags & { restored?: boolean }) => {
      const { keys: keysDir, wait, restored } = flags;
      const flagged = flaggedRepositories(flags);
      const chosen = flagged.length > 0 ? flagged : await listRepositories({ dir, keysDir }, "ours");
      if (chosen.length === 0) throw noRepository(dir, "whose keys are here");
      for (const repository of chosen) {
        const { signed, skipped, warnings } = await renewRepository({
          dir,
          keysDir,
          wait,
          repository,
          restored,
        });
        warn(warnings);
        warn(skipped.map((role) => `${repository}: ${role} is due and its key is not here`));
        print(`${repository}: signed ${signed.join(", ")}`);
      }
    });
}

function addShow(repo: Command): void {
  repo
    .command("show")
    .description("say what a repository publishes, and what expires next")
    .argument("<dir>", "the web root")
    .option("--json", "print one JSON document")
    .option("--txt", "print the version record for DNS, and nothing else")
    .option(...KEYS_OPTION)
    .action(
      async (dir: string, { keys: keysDir, json, txt }: { keys?: string; json?: boolean; txt?: boolean }) => {
        const names = await listRepositories({ dir, keysDir }, "all");
        if (names.length === 0) throw noRepository(dir, "");
        const repositories: RepositoryDescription[] = [];
        for (const repository of names)
          repositories.push(await describeRepository({ dir, keysDir, repository }));
        if (txt === true) print(versionRecordOf(repositories));
        else if (json === true) printJson({ repositories });
        else for (const repository of repositories) showRepository(repository);
      },
    );
}

/** The TXT record for `dns.versionRecord`, in which agents look up the versions. */
function versionRecordOf(repositories: RepositoryDescription[]): string {
  const versions = repositories.map(({ repository, roles }) => {
    return [repository, roles.find(({ role }) => role === "timestamp")?.version ?? 0] as const;
  });
  return formatVersionRecord(Object.fromEntries(versions));
}

function showRepository(shown: RepositoryDescription): void {
  const { role, expires, expired } = shown.nextExpiry;
  print(`${shown.repository} repository in ${shown.folder}`);
  print(`  ${expired ? "EXPIRED" : "expires next"}: ${role}, ${expires}`);
  for (const each of shown.incomplete) print(`  INCOMPLETE: ${each}`);
  for (const each of shown.roles) {
    const keys = each.keyIds.map((id) => id.slice(0, 12)).join(", ");
    const threshold = each.keyIds.length > 1 ? ` (${each.threshold} must sign)` : "";
    print(
      `  ${each.role.padEnd(11)} version ${each.version}, expires ${each.expires}, key ${keys}${threshold}`,
    );
  }
  for (const { kind, name, releases } of shown.components) {
    print(`  ${kind}/${name}`);
    for (const { release, version, files, bytes } of releases) {
      print(`    release ${release}, version ${version}, ${countFiles(files)}, ${formatBytes(bytes)}`);
    }
  }
  for (const { name, bytes } of shown.documents) print(`  settings/${name}, ${formatBytes(bytes)}`);
}

function countFiles(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

function splitName<K extends ContentKind | "settings">(
  text: string,
  kinds: readonly K[],
): { kind: K; name: string } {
  const slash = text.indexOf("/");
  const kind = kinds.find((each) => each === text.slice(0, Math.max(slash, 0)));
  if (kind !== undefined) return { kind, name: text.slice(slash + 1) };
  throw new NearsourceError("USAGE", `${JSON.stringify(text)} is not KIND/NAME`, {
    hint: `KIND is one of ${kinds.join(", ")}`,
  });
}

function noRepository(dir: string, which: string): NearsourceError {
  return new NearsourceError("REPOSITORY_INVALID", `no repository in ${dir} ${which}`.trimEnd(), {
    hint: "make one with: nearsource repo init, or name the keys folder with --keys",
  });
}
