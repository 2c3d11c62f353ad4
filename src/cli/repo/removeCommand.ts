import type { Command } from "commander";
import { CONTENT_KINDS } from "../../core/content/kind.ts";
import { removeTarget } from "../../publisher/publishTargets.ts";
import { print } from "../terminal/output.ts";
import { KEYS_OPTION, type SigningFlags, splitName, WAIT_OPTION, warn } from "./repoOptions.ts";

export function addRemove(repo: Command): void {
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
