import fs, { promises as fsp } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import path from "node:path";

/**
 * One call that changes something on disk, as the program made it. Paths are absolute. `data` is what a
 * write writes, at `position`.
 */
export type FsCall =
  | { op: "create"; path: string; truncate: boolean }
  | { op: "write"; path: string; position: number; data: Buffer }
  | { op: "truncate"; path: string; length: number }
  | { op: "sync"; path: string }
  | { op: "mkdir"; path: string }
  | { op: "rename"; path: string; to: string }
  | { op: "link"; path: string; to: string }
  | { op: "symlink"; path: string; target: string }
  | { op: "unlink"; path: string }
  | { op: "rmdir"; path: string }
  | { op: "chmod"; path: string };

/** Told of each call before it is made. */
export type OnCall = (call: FsCall) => void;

// biome-ignore lint/suspicious/noExplicitAny: the functions of node:fs are replaced here, whatever their types.
type AnyFunction = (...parameters: any[]) => any;

const whole = (given: unknown) => path.resolve(String(given));
const writes = (flags: unknown) =>
  typeof flags === "number" ? (flags & 3) !== 0 : /[wa+]/.test(String(flags ?? "r"));
const truncates = (flags: unknown) =>
  typeof flags === "number" ? (flags & fs.constants.O_TRUNC) !== 0 : /w/.test(String(flags ?? "r"));
const bytesOf = (data: unknown) =>
  typeof data === "string" ? Buffer.from(data) : Buffer.from(data as Uint8Array);

/**
 * Taps every function of `node:fs` by which this program changes the disk. Must run before the program
 * is loaded, since libraries keep the functions they find.
 */
export function tapFileSystem(onCall: OnCall): void {
  tapPromises(onCall);
  tapSync(onCall);
  syncBuiltinESMExports();
}

function replace(owner: object, name: string, make: (original: AnyFunction) => AnyFunction): void {
  const functions = owner as Record<string, AnyFunction>;
  const original = functions[name];
  if (original === undefined) throw new Error(`node:fs has no ${name}`);
  functions[name] = make(original);
}

const handlePaths = new WeakMap<object, string>();
const tapped = new WeakSet<object>();

function tapPromises(onCall: OnCall): void {
  replace(fsp, "open", (open) => async (file, flags, mode) => {
    if (writes(flags)) onCall({ op: "create", path: whole(file), truncate: truncates(flags) });
    const handle = await open(file, flags, mode);
    // Node gives the class of its handles to nobody, but every handle knows it.
    tapHandles(Object.getPrototypeOf(handle), onCall);
    handlePaths.set(handle, whole(file));
    return handle;
  });
  replace(fsp, "mkdir", (mkdir) => async (folder, options) => {
    for (const each of missingAncestors(whole(folder), options?.recursive === true)) {
      onCall({ op: "mkdir", path: each });
    }
    return await mkdir(folder, options);
  });
  replace(fsp, "rename", (rename) => async (from, to) => {
    onCall({ op: "rename", path: whole(from), to: whole(to) });
    return await rename(from, to);
  });
  replace(fsp, "link", (link) => async (from, to) => {
    onCall({ op: "link", path: whole(from), to: whole(to) });
    return await link(from, to);
  });
  // Made of the calls that it stands for, so that each of them may be the last.
  replace(fsp, "copyFile", () => async (from, to) => {
    const bytes = await fsp.readFile(from);
    const handle = await fsp.open(to, "wx");
    await handle.writeFile(bytes).finally(() => handle.close());
  });
  replace(fsp, "symlink", (symlink) => async (target, file, type) => {
    onCall({ op: "symlink", path: whole(file), target: String(target) });
    return await symlink(target, file, type);
  });
  replace(fsp, "chmod", (chmod) => async (file, mode) => {
    onCall({ op: "chmod", path: whole(file) });
    return await chmod(file, mode);
  });
  replace(
    fsp,
    "rm",
    () => async (file, options) => removeOneByOne(whole(file), options?.force === true, onCall),
  );
}

/** Recursive removal is many calls, any of which may be the last. */
async function removeOneByOne(file: string, force: boolean, onCall: OnCall): Promise<void> {
  const found = await fsp.lstat(file).catch(() => undefined);
  if (found === undefined) {
    if (force) return;
    throw Object.assign(new Error(`no such file ${file}`), { code: "ENOENT", syscall: "rm" });
  }
  if (!found.isDirectory()) {
    onCall({ op: "unlink", path: file });
    return await fsp.unlink(file);
  }
  for (const name of await fsp.readdir(file)) await removeOneByOne(path.join(file, name), force, onCall);
  onCall({ op: "rmdir", path: file });
  await fsp.rmdir(file);
}

function missingAncestors(folder: string, recursive: boolean): string[] {
  if (fs.existsSync(folder)) return [];
  const parent = path.dirname(folder);
  return recursive ? [...missingAncestors(parent, true), folder] : [folder];
}

function tapHandles(prototype: object, onCall: OnCall): void {
  if (tapped.has(prototype)) return;
  tapped.add(prototype);
  const pathOf = (handle: object) => handlePaths.get(handle) ?? "";
  replace(
    prototype,
    "write",
    (write) =>
      async function (this: object, data, offset = 0, length = data.length - offset, position = 0) {
        const piece = bytesOf(data).subarray(offset, offset + length);
        onCall({ op: "write", path: pathOf(this), position, data: Buffer.from(piece) });
        return await write.call(this, data, offset, length, position);
      },
  );
  replace(
    prototype,
    "writeFile",
    (writeFile) =>
      async function (this: object, data) {
        onCall({ op: "write", path: pathOf(this), position: 0, data: bytesOf(data) });
        return await writeFile.call(this, data);
      },
  );
  replace(
    prototype,
    "sync",
    (sync) =>
      async function (this: object) {
        onCall({ op: "sync", path: pathOf(this) });
        return await sync.call(this);
      },
  );
  replace(
    prototype,
    "truncate",
    (truncate) =>
      async function (this: object, length = 0) {
        onCall({ op: "truncate", path: pathOf(this), length });
        return await truncate.call(this, length);
      },
  );
}

function tapSync(onCall: OnCall): void {
  const files = new Map<number, { file: string; position: number }>();
  replace(fs, "openSync", (open) => (file, flags, mode) => {
    if (writes(flags)) onCall({ op: "create", path: whole(file), truncate: truncates(flags) });
    const fd = open(file, flags, mode);
    files.set(fd, { file: whole(file), position: 0 });
    return fd;
  });
  replace(fs, "writeSync", (write) => (fd, data, ...rest) => {
    const entry = files.get(fd);
    const bytes = bytesOf(data);
    if (entry !== undefined) {
      onCall({ op: "write", path: entry.file, position: entry.position, data: bytes });
      entry.position += bytes.length;
    }
    return write(fd, data, ...rest);
  });
  replace(fs, "fsyncSync", (sync) => (fd) => {
    onCall({ op: "sync", path: files.get(fd)?.file ?? "" });
    return sync(fd);
  });
  replace(fs, "renameSync", (rename) => (from, to) => {
    onCall({ op: "rename", path: whole(from), to: whole(to) });
    return rename(from, to);
  });
  replace(fs, "chmodSync", (chmod) => (file, mode) => {
    onCall({ op: "chmod", path: whole(file) });
    return chmod(file, mode);
  });
  replace(fs, "unlinkSync", (unlink) => (file) => {
    onCall({ op: "unlink", path: whole(file) });
    return unlink(file);
  });
  replace(fs, "mkdirSync", (mkdir) => (folder, options) => {
    for (const each of missingAncestors(whole(folder), options?.recursive === true)) {
      onCall({ op: "mkdir", path: each });
    }
    return mkdir(folder, options);
  });
}
