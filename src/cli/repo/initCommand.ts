import type { Command } from "commander";
import type { Repository } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import { initRepository } from "../../publisher/init.ts";
import { DEFAULT_LIFETIMES, type Lifetimes } from "../../publisher/repository/choices.ts";
import { print } from "../terminal/output.ts";
import { flaggedRepositories, KEYS_OPTION, type RepositoryFlags, warn, wholeNumber } from "./repoOptions.ts";

export function addInit(repo: Command): void {
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
