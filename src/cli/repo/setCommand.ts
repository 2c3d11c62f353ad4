import type { Command } from "commander";
import { setDocument } from "../../publisher/setDocument.ts";
import { print } from "../terminal/output.ts";
import { KEYS_OPTION, type SigningFlags, WAIT_OPTION, warn } from "./repoOptions.ts";

export function addSet(repo: Command): void {
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
