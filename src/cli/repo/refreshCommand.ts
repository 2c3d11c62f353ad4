import type { Command } from "commander";
import { listRepositories } from "../../publisher/describe.ts";
import { renewRepository } from "../../publisher/renewRepository.ts";
import { print } from "../terminal/output.ts";
import {
  flaggedRepositories,
  KEYS_OPTION,
  noRepository,
  type RepositoryFlags,
  type SigningFlags,
  WAIT_OPTION,
  warn,
} from "./repoOptions.ts";

export function addRefresh(repo: Command): void {
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
