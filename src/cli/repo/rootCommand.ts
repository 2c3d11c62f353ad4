import { Command } from "commander";
import type { Repository } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";
import { listRepositories } from "../../publisher/describe.ts";
import { writeKeyPair } from "../../publisher/keys.ts";
import { publishRoot } from "../../publisher/root/publishRoot.ts";
import { draftRoot, type RootDraftState, signRoot } from "../../publisher/root/signRoot.ts";
import { print } from "../terminal/output.ts";
import {
  flaggedRepositories,
  KEYS_OPTION,
  type RepositoryFlags,
  type SigningFlags,
  WAIT_OPTION,
  warn,
  wholeNumber,
} from "./repoOptions.ts";

/** `nearsource repo root`: the ceremony by which root keys, and the keys they vouch for, are changed. */
export function rootCommand(): Command {
  const root = new Command("root").description("change or renew the root: draft, sign, publish");
  addDraft(root);
  addSign(root);
  addPublish(root);
  addKeygen(root);
  return root;
}

interface DraftFlags extends RepositoryFlags {
  out: string;
  keys?: string;
  expires?: number;
  addKey: string[];
  removeKey: string[];
  threshold?: number;
  rotate: string[];
}

function addDraft(root: Command): void {
  root
    .command("draft")
    .description("write an unsigned next root")
    .argument("<dir>", "the web root")
    .requiredOption("-o, --out <file>", "the draft to write")
    .option("--content", "for the content repository")
    .option("--settings", "for the settings repository")
    .option("--expires <days>", "lifetime of the new root", wholeNumber)
    .option("--add-key <public.pem>", "a new root key; can be repeated", collect, [])
    .option("--remove-key <keyid>", "a root key that goes; can be repeated", collect, [])
    .option("--threshold <n>", "how many root keys must sign from now on", wholeNumber)
    .option("--rotate <role...>", "roles that get new keys: timestamp, snapshot, targets, …", [])
    .option(...KEYS_OPTION)
    .action(async (dir: string, flags: DraftFlags) => {
      const { keys: keysDir, out, expires, threshold, rotate } = flags;
      const repository = await oneRepository(dir, flags);
      const { addKey: addKeys, removeKey: removeKeys } = flags;
      const options = { dir, keysDir, repository, out, expires, threshold, rotate, addKeys, removeKeys };
      const draft = await draftRoot(options);
      warn(draft.warnings);
      print(`wrote ${out}: the next root of the ${repository} repository`);
      printState(draft);
      print(`sign it with: nearsource repo root sign ${out} --key PRIVATE.pem`);
    });
}

function addSign(root: Command): void {
  root
    .command("sign")
    .description("add a signature to a draft; needs neither repository nor network")
    .argument("<file>", "the draft")
    .requiredOption("--key <private.pem>", "a private root key")
    .action(async (file: string, { key }: { key: string }) => {
      const state = await signRoot({ file, key });
      print(`signed ${file}: the next root of the ${state.repository} repository`);
      printState(state);
      print(
        state.complete
          ? `publish it with: nearsource repo root publish DIR ${file}`
          : "it needs more signatures before it can be published",
      );
    });
}

function addPublish(root: Command): void {
  root
    .command("publish")
    .description("publish a signed root, with new signatures wherever keys changed")
    .argument("<dir>", "the web root")
    .argument("<file>", "the signed draft")
    .option(...KEYS_OPTION)
    .option(...WAIT_OPTION)
    .action(async (dir: string, file: string, { keys: keysDir, wait }: SigningFlags) => {
      const { version, rotated, changed, warnings } = await publishRoot({ dir, keysDir, wait, file });
      warn(warnings);
      print(changed ? `published root ${version}` : `root ${version} is published already`);
      if (rotated.length > 0) print(`  new keys: ${rotated.join(", ")}`);
    });
}

function addKeygen(root: Command): void {
  root
    .command("keygen")
    .description("make a private key, and FILE.pub with its public half")
    .argument("<file>", "the private key to write")
    .action(async (file: string) => {
      const { keyID } = await writeKeyPair(file);
      print(`wrote ${file} and ${file}.pub`);
      print(`  key id ${keyID}`);
    });
}

function printState(state: RootDraftState): void {
  for (const change of state.changes) print(`  ${change}`);
  for (const { root, signed, threshold } of state.signatures) {
    print(`  signed by ${signed} of the ${threshold} keys that root ${root} asks for`);
  }
}

async function oneRepository(dir: string, flags: DraftFlags): Promise<Repository> {
  const flagged = flaggedRepositories(flags);
  const chosen = flagged.length > 0 ? flagged : await listRepositories({ dir, keysDir: flags.keys }, "ours");
  if (chosen.length === 1 && chosen[0] !== undefined) return chosen[0];
  throw new NearsourceError("USAGE", "say --content or --settings: a root belongs to one repository");
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
