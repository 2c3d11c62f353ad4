import { lstatSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import path from "node:path";
import { type ErrorCode, NearsourceError } from "../errors.ts";

/** A part of the way to a file: a folder, a link that is followed, or the file itself. */
interface Entry {
  place: string;
  stats: Stats;
  is: "folder" | "link" | "target";
}

const WRITABLE = 0o022;
const STICKY = 0o1000;
/** Links that are followed on one way, as Linux does (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Refuses a file or folder that is believed, when an account other than root and the running one can write
 * it, or can put another in its place: OpenSSH's rule for the files it trusts (misc.c, safe_path). The way is
 * walked as the kernel walks it, from `/` on, through every link. Each folder on it, each link and the target
 * must belong to root or the running account, and be writable by nobody else. A sticky folder such as `/tmp`
 * may be writable on the way: there nobody can remove the files of another account.
 *
 * A file that is missing or cannot be looked at is not refused: its reader reports that more clearly. Systems
 * without modes (Windows) refuse nothing.
 *
 * @param what names it for people, such as `the configuration`
 * @param options.secret nobody else may read the file either; a group may, where root owns the file
 *   (PostgreSQL's rule for its TLS key)
 * @param options.code `FILE_UNSAFE` (exit code 6) by default
 * @throws NearsourceError of that code, naming the place and its mode, with the command that mends it
 */
export function refuseUnsafe(
  file: string,
  what: string,
  options: { secret?: boolean; code?: ErrorCode } = {},
): void {
  const account = process.geteuid?.();
  if (account === undefined) return;
  const { secret = false, code = "FILE_UNSAFE" } = options;
  for (const entry of entriesTo(path.resolve(file))) {
    const fault =
      ownerFault(entry, account) ?? writeFault(entry, account) ?? (secret ? readFault(entry) : undefined);
    if (fault === undefined) continue;
    throw new NearsourceError(code, `${what} ${file} ${placeText(entry, file)}${fault.reason}`, {
      hint: fault.hint,
    });
  }
}

/**
 * Refuses a file or folder of a data directory that another account can write, without a look at the folders
 * above: `refuseUnsafe` has looked at the way to the data directory.
 *
 * @throws NearsourceError STORAGE_UNSAFE, naming the place and its mode, with the command that mends it
 */
export function refuseUnsafeInside(place: string): void {
  const account = process.geteuid?.();
  const [entry] = account === undefined ? [] : entryAt(place, true);
  if (account === undefined || entry === undefined) return;
  const fault = ownerFault(entry, account) ?? writeFault(entry, account);
  if (fault === undefined) return;
  throw new NearsourceError("STORAGE_UNSAFE", `${place} ${fault.reason}`, {
    hint: `${fault.hint}; nearsource verify --repair mends what they changed`,
  });
}

interface Fault {
  reason: string;
  hint: string;
}

function placeText({ place, is }: Entry, file: string): string {
  if (is === "folder") return `stands in ${place}, which `;
  return place === path.resolve(file) ? "" : `leads through ${place}, which `;
}

function ownerFault({ place, stats: { uid, mode }, is }: Entry, account: number): Fault | undefined {
  if (uid === 0 || uid === account || (is !== "target" && isUnmapped(uid))) return undefined;
  return {
    reason: `belongs to another account (uid ${uid}, mode ${shown(mode)})`,
    hint: `give it to root, or to the account that runs nearsource: chown -h root ${place}`,
  };
}

function writeFault({ place, stats, is }: Entry, account: number): Fault | undefined {
  const { mode, gid } = stats;
  if (is === "link" || (mode & WRITABLE) === 0) return undefined;
  if (is === "folder" && (mode & STICKY) !== 0) return undefined;
  if ((mode & 0o002) === 0 && isPrivateGroup(gid, account)) return undefined;
  return {
    reason: `can be written by other accounts (mode ${shown(mode)})`,
    hint: `take that right away from them: chmod go-w ${place}`,
  };
}

function readFault({ place, stats: { mode, uid }, is }: Entry): Fault | undefined {
  const forbidden = uid === 0 ? 0o007 : 0o077;
  if (is !== "target" || (mode & forbidden) === 0) return undefined;
  return {
    reason: `is a secret that other accounts can read (mode ${shown(mode)})`,
    hint: `take that right away from them: chmod 600 ${place}; who may have read it knows it`,
  };
}

function shown(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/**
 * Every entry from `/` to `file`, links followed, until something is missing or not to be looked at.
 * A `..` in a link is taken where the link's own folder really is.
 */
function* entriesTo(file: string): Generator<Entry> {
  let folder = path.parse(file).root;
  let names = namesOf(file);
  let links = 0;
  yield* entryAt(folder, names.length === 0);
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === "..") {
      folder = path.dirname(folder);
      continue;
    }
    const [entry] = entryAt(path.join(folder, name), names.length === 0);
    if (entry === undefined) return;
    yield entry;
    if (entry.is !== "link") {
      folder = entry.place;
      continue;
    }
    if (++links > MAX_LINKS) return;
    const target = readlinkSync(entry.place);
    if (path.isAbsolute(target)) folder = path.parse(target).root;
    names = [...namesOf(target), ...names];
  }
}

function namesOf(place: string): string[] {
  return place.split(path.sep).filter((name) => name !== "" && name !== ".");
}

function entryAt(place: string, isLast: boolean): Entry[] {
  try {
    const stats = lstatSync(place);
    return [{ place, stats, is: stats.isSymbolicLink() ? "link" : isLast ? "target" : "folder" }];
  } catch {
    return [];
  }
}

/**
 * Whether a group is the running account's alone, as most Linux distributions give one to each person,
 * together with the umask 002: of the same number as the account, and with no other member.
 */
function isPrivateGroup(gid: number, account: number): boolean {
  if (account === 0 || gid !== account) return false;
  const line = linesOf("/etc/group").find((each) => each.split(":")[2] === String(gid));
  return line?.split(":")[3]?.trim() === "";
}

/** Whether `uid` stands for accounts that a user namespace has no number for: there root's folders are of it. */
function isUnmapped(uid: number): boolean {
  const [overflow] = linesOf("/proc/sys/kernel/overflowuid");
  if (overflow === undefined || uid !== Number(overflow)) return false;
  const mapped = linesOf("/proc/self/uid_map").map((line) => Number(line.trim().split(/\s+/)[2] ?? 0));
  return mapped.length > 0 && mapped.reduce((sum, count) => sum + count, 0) < 2 ** 32 - 1;
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}
