import type { Command } from "commander";
import { formatBytes } from "../../core/amounts.ts";
import {
  describeRepository,
  listRepositories,
  type RepositoryDescription,
} from "../../publisher/describe.ts";
import { formatVersionRecord } from "../../tuf/versionRecord.ts";
import { print, printJson } from "../terminal/output.ts";
import { countFiles, KEYS_OPTION, noRepository } from "./repoOptions.ts";

export function addShow(repo: Command): void {
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
