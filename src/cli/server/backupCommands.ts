import path from "node:path";
import { NearsourceError } from "../../errors.ts";
import { backUpServer } from "../../server/backUp.ts";
import { goOnRestored } from "../../server/goOnRestored.ts";
import { print, printJson } from "../terminal/output.ts";

/** `nearsource server backup DIR FOLDER`. */
export async function serverBackupCommand(
  dir: string,
  target: string,
  options: { json?: boolean },
): Promise<number> {
  const made = await backUpServer(dir, target);
  if (options.json === true) {
    printJson(made);
    return 0;
  }
  print(`backed up to ${made.folder}: whoever reads it is this server`);
  if (!made.hasDatabase) print("  the database is not in it: back it up with pg_dump, after this");
  if (made.hasRootKey)
    print("  the root key is in it: take keys/root to a machine that is not connected, here and there");
  return 0;
}

/** Publications that a server does not make between two backups: a save, or a day, is one. */
const AHEAD = 1_000;

/** `nearsource server restored DIR`. */
export async function serverRestoredCommand(dir: string, options: { ahead?: string }): Promise<number> {
  const ahead = Number(options.ahead ?? AHEAD);
  if (!Number.isSafeInteger(ahead) || ahead < 1 || ahead > 1_000_000) {
    throw new NearsourceError(
      "USAGE",
      `--ahead takes a whole number from 1 to 1,000,000, and not ${options.ahead}`,
    );
  }
  await goOnRestored(dir, ahead);
  print(`the settings are published anew, with numbers above all that agents have seen`);
  print(`  start it    nearsource server ${path.relative(process.cwd(), path.resolve(dir)) || "."}`);
  return 0;
}
