import { createHash } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import path from "node:path";
import { BLOCK_SIZE, objectPath } from "../../core/content/layout.ts";
import type { ManifestFile } from "../../core/content/manifest.ts";
import { NearsourceError } from "../../errors.ts";
import { newKeyDetector } from "../privateKey.ts";
import type { Location } from "./location.ts";
import { makeFolders, type OnFile, renameDurably, temporaryIn } from "./placeFile.ts";

/** The description of a file's bytes in a manifest. */
export type ObjectDescription = Pick<ManifestFile, "length" | "sha256" | "blocks">;

const CHUNK = 1_048_576;

/**
 * Copies the file at `source` into the objects, under the name that its hash gives it. The file is read once,
 * a piece at a time, and hashed on the way, so the description is that of the copied bytes. An object that is
 * there already stays as it is.
 *
 * @param options.onBytes called with the number of bytes read so far
 * @throws NearsourceError REPOSITORY_INPUT_INVALID when `source` cannot be read, or has a private key in it
 */
export async function storeObject(
  location: Location,
  source: string,
  onFile: OnFile,
  options: CopyOptions = {},
): Promise<ObjectDescription> {
  await makeFolders(location.objects);
  const temporary = temporaryIn(location.objects);
  // Readable by this account alone until its content is known.
  const output = await fs.open(temporary, "wx", 0o600);
  try {
    const description = await copyAndHash(source, output, options);
    const file = path.join(location.base, ...objectPath(description.sha256).split("/"));
    if (await isStored(file, description.length)) return description;
    await output.chmod(0o644);
    await output.sync();
    await output.close();
    await makeFolders(path.dirname(file));
    await renameDurably(temporary, file);
    onFile(file);
    return description;
  } finally {
    await output.close();
    await fs.rm(temporary, { force: true });
  }
}

export interface CopyOptions {
  allowPrivateKeys?: boolean | undefined;
  onBytes?: ((bytes: number) => void) | undefined;
}

async function copyAndHash(
  source: string,
  output: fs.FileHandle,
  { allowPrivateKeys = false, onBytes }: CopyOptions,
): Promise<ObjectDescription> {
  const hasher = newObjectHasher();
  const keys = newKeyDetector();
  const input = await openSource(source);
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (let copied = 0; ; onBytes?.(copied)) {
      const { bytesRead } = await readSource(source, input, buffer);
      const chunk = buffer.subarray(0, bytesRead);
      const hasKey = bytesRead === 0 ? keys.end() : keys.update(chunk);
      if (hasKey && !allowPrivateKeys) throw refusePrivateKey(source);
      if (bytesRead === 0) return hasher.describe();
      hasher.update(chunk);
      await output.writeFile(chunk);
      copied += bytesRead;
    }
  } finally {
    await input.close();
  }
}

/**
 * Hashes a stream of bytes as a whole and, at the same time, in blocks of `BLOCK_SIZE`. The size of the
 * pieces makes no difference. Blocks are listed for files larger than one block.
 */
export function newObjectHasher() {
  const whole = createHash("sha256");
  const blocks: string[] = [];
  let block = createHash("sha256");
  let length = 0;

  function update(bytes: Uint8Array): void {
    whole.update(bytes);
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + BLOCK_SIZE - (length % BLOCK_SIZE));
      block.update(piece);
      at += piece.length;
      length += piece.length;
      if (length % BLOCK_SIZE === 0) {
        blocks.push(block.digest("hex"));
        block = createHash("sha256");
      }
    }
  }

  function describe(): ObjectDescription {
    const description = { length, sha256: whole.digest("hex") };
    if (length <= BLOCK_SIZE) return description;
    if (length % BLOCK_SIZE > 0) blocks.push(block.digest("hex"));
    return { ...description, blocks: { size: BLOCK_SIZE, sha256: blocks } };
  }

  return { update, describe };
}

async function isStored(file: string, length: number): Promise<boolean> {
  const stats = await fs.lstat(file).catch(() => undefined);
  return stats?.isFile() === true && stats.size === length;
}

async function openSource(source: string): Promise<fs.FileHandle> {
  try {
    // A link put there after the folder was listed is not followed.
    const handle = await fs.open(source, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw new Error("is not a file any more");
  } catch (error) {
    throw unreadable(source, error);
  }
}

async function readSource(source: string, input: fs.FileHandle, buffer: Buffer) {
  try {
    return await input.read(buffer, 0, buffer.length);
  } catch (error) {
    throw unreadable(source, error);
  }
}

function refusePrivateKey(source: string): NearsourceError {
  return new NearsourceError("REPOSITORY_INPUT_INVALID", `${source} has a private key in it`, {
    hint: "leave it out; for a key that everybody may know, such as one for self-tests: --allow-private-keys",
  });
}

function unreadable(source: string, cause: unknown): NearsourceError {
  return new NearsourceError("REPOSITORY_INPUT_INVALID", `cannot read ${source}`, { cause });
}
