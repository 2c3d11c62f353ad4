import { promises as fs } from "node:fs";
import path from "node:path";
import type { FsCall } from "./fsTap.ts";

/**
 * A disk that loses power. It is told every call a program made, and then asked what could be on it:
 * only what was synced is certain. Of a file's bytes, those of its last fsync; of a folder's names,
 * those of its last fsync; of everything later, any part that the order within one folder allows.
 * That is less than most file systems promise, so what survives here survives on them.
 */
export interface Disk {
  /** Follows one call. */
  apply(call: FsCall): void;
  /** Writes into `folder` one state in which the disk could be found now. */
  materialize(folder: string, luck: Luck): Promise<void>;
}

/** The changes that happen to be kept although they were not synced. */
export interface Luck {
  /** Number of the `count` unsynced changes of a folder's names that were kept, in order. */
  names(count: number): number;
  /** Whether a file's unsynced bytes are lost, half there, or there. */
  bytes(): "lost" | "half" | "kept";
}

interface FileNode {
  kind: "file";
  now: Buffer;
  /** Bytes of the last fsync. */
  synced: Buffer;
  dirty: boolean;
}

interface LinkNode {
  kind: "link";
  target: string;
}

interface FolderNode {
  kind: "folder";
  now: Map<string, Node>;
  synced: Map<string, Node>;
  /** Changes of names since the last fsync, in order. */
  pending: { name: string; node: Node | undefined }[];
}

type Node = FileNode | LinkNode | FolderNode;

/** A disk that holds `root` as it stands, all of it synced. */
export async function diskOf(root: string): Promise<Disk> {
  const top = await readNode(root);
  const find = (file: string): Node | undefined => walk(top, relativeTo(root, file));
  const parentOf = (file: string): FolderNode | undefined => {
    const parent = find(path.dirname(file));
    return parent?.kind === "folder" ? parent : undefined;
  };
  const set = (file: string, node: Node | undefined): void => {
    const parent = parentOf(file);
    if (parent === undefined) return;
    const name = path.basename(file);
    if (node === undefined) parent.now.delete(name);
    else parent.now.set(name, node);
    parent.pending.push({ name, node });
  };
  return {
    apply: (call) => applyCall(call, find, set),
    materialize: (folder, luck) => writeNode(top, folder, luck, new Map()),
  };
}

type Find = (file: string) => Node | undefined;
type SetName = (file: string, node: Node | undefined) => void;

function applyCall(call: FsCall, find: Find, set: SetName): void {
  const node = find(call.path);
  if (call.op === "create") {
    if (node === undefined) set(call.path, emptyFile());
    else if (call.truncate && node.kind === "file") change(node, Buffer.alloc(0));
  } else if (call.op === "write" && node?.kind === "file") {
    change(node, overwritten(node.now, call.position, call.data));
  } else if (call.op === "truncate" && node?.kind === "file") {
    change(node, Buffer.from(node.now.subarray(0, call.length)));
  } else if (call.op === "sync" && node !== undefined) {
    sync(node);
  } else if (call.op === "mkdir") {
    set(call.path, { kind: "folder", now: new Map(), synced: new Map(), pending: [] });
  } else if (call.op === "symlink") {
    set(call.path, { kind: "link", target: call.target });
  } else if (call.op === "link" || call.op === "rename") {
    set(call.to, node);
    if (call.op === "rename") set(call.path, undefined);
  } else if (call.op === "unlink" || call.op === "rmdir") {
    set(call.path, undefined);
  }
}

function emptyFile(): FileNode {
  return { kind: "file", now: Buffer.alloc(0), synced: Buffer.alloc(0), dirty: false };
}

function change(node: FileNode, bytes: Buffer): void {
  node.now = bytes;
  node.dirty = true;
}

function overwritten(old: Buffer, position: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc(Math.max(old.length, position + data.length));
  old.copy(bytes);
  data.copy(bytes, position);
  return bytes;
}

function sync(node: Node): void {
  if (node.kind === "file") {
    node.synced = node.now;
    node.dirty = false;
  } else if (node.kind === "folder") {
    node.synced = new Map(node.now);
    node.pending = [];
  }
}

function relativeTo(root: string, file: string): string[] | undefined {
  const relative = path.relative(root, file);
  if (relative.startsWith("..")) return undefined;
  return relative === "" ? [] : relative.split(path.sep);
}

function walk(top: Node, names: string[] | undefined): Node | undefined {
  let node: Node | undefined = names === undefined ? undefined : top;
  for (const name of names ?? []) node = node?.kind === "folder" ? node.now.get(name) : undefined;
  return node;
}

async function readNode(file: string): Promise<Node> {
  const found = await fs.lstat(file);
  if (found.isSymbolicLink()) return { kind: "link", target: await fs.readlink(file) };
  if (found.isFile()) {
    const bytes = await fs.readFile(file);
    return { kind: "file", now: bytes, synced: bytes, dirty: false };
  }
  const now = new Map<string, Node>();
  for (const name of await fs.readdir(file)) now.set(name, await readNode(path.join(file, name)));
  return { kind: "folder", now, synced: new Map(now), pending: [] };
}

/** Files with two names are one file on the new disk too: `made` remembers the first. */
async function writeNode(node: Node, file: string, luck: Luck, made: Map<Node, string>): Promise<void> {
  const first = made.get(node);
  if (first !== undefined && node.kind === "file") return await fs.link(first, file);
  made.set(node, file);
  if (node.kind === "link") return await fs.symlink(node.target, file);
  if (node.kind === "file") return await fs.writeFile(file, survivingBytes(node, luck));
  await fs.mkdir(file, { recursive: true });
  for (const [name, child] of survivingNames(node, luck)) {
    await writeNode(child, path.join(file, name), luck, made);
  }
}

function survivingNames(node: FolderNode, luck: Luck): Map<string, Node> {
  const names = new Map(node.synced);
  for (const { name, node: child } of node.pending.slice(0, luck.names(node.pending.length))) {
    if (child === undefined) names.delete(name);
    else names.set(name, child);
  }
  return names;
}

function survivingBytes(node: FileNode, luck: Luck): Buffer {
  const kept = node.dirty ? luck.bytes() : "kept";
  if (kept === "kept") return node.now;
  return kept === "half" ? node.now.subarray(0, node.now.length >> 1) : node.synced;
}
