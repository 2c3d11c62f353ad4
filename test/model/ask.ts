import { objectPath, type Repository } from "../../src/core/content/layout.ts";
import { DISPOSITIONS } from "../../src/core/order/disposition.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { sha256 } from "../support/world.ts";
import type { Observed, Trusted } from "./observe.ts";
import { classOf, type How, isHit, NO_ANSWER, type SimulatedSource } from "./transport.ts";
import { viewOf } from "./view.ts";

/** The knowledge and the files of a run of the model; they change as the run goes on. */
export interface Memory {
  now: number;
  trusted: Record<Repository, Trusted>;
  store: Observed["store"];
  partial: Observed["partial"];
  /** Sources whose one broken connection is behind them. */
  broken: Set<SimulatedSource>;
}

/** A source failed, in a way that may come out as any of these codes. */
export class Failure extends Error {
  readonly codes: ErrorCode[];
  /** For a source that is behind: the targets of a kind, where trusted metadata is still whole for it. */
  readonly usable: ((role: string) => string[] | undefined) | undefined;

  constructor(codes: ErrorCode[], usable?: (role: string) => string[] | undefined) {
    super(codes.join(" or "));
    this.codes = codes;
    this.usable = usable;
  }
}

/** Some failures are worth one more try. */
export function twice<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (!error.codes.every((code) => DISPOSITIONS[code].action === "retry here")) throw error;
    return work();
  }
}

const NOT_THE_SIGNED: ErrorCode[] = [
  "METADATA_MALFORMED",
  "METADATA_MISMATCH",
  "METADATA_TOO_LARGE",
  "SIGNATURE_INVALID",
];

/** The fault that comes instead of the file, if any. */
function hitBy({ broken }: Memory, source: SimulatedSource, file: string): How {
  const { how } = source.fault;
  if (!isHit(source.fault, file) || (how === "once" && broken.has(source))) return "none";
  if (how === "once") broken.add(source);
  return how;
}

/** Asks for a whole file: the failure it ends with, if it ends with one. */
function failureOf(memory: Memory, source: SimulatedSource, file: string): Failure | undefined {
  const how = hitBy(memory, source, file);
  const code = NO_ANSWER[how];
  if (code !== undefined) return new Failure([code]);
  const tree = file.startsWith("settings/") ? source.settings : source.content;
  if (!tree.has(file)) return new Failure(["HTTP_NOT_FOUND"]);
  if (how === "none") return undefined;
  if (how === "stalled") return new Failure(["STALLED"]);
  if (how === "truncated" || how === "poisoned") return new Failure(["TRUNCATED"]);
  const kind = classOf(file);
  if (how === "longer" && kind !== "timestamp") return new Failure(["METADATA_TOO_LARGE"]);
  if (kind === "document") return new Failure(["HASH_MISMATCH"]);
  return new Failure(NOT_THE_SIGNED);
}

function request(memory: Memory, source: SimulatedSource, file: string): void {
  const failure = failureOf(memory, source, file);
  if (failure !== undefined) throw failure;
}

/** The result of a refresh; more is loaded as it is asked for. */
export interface Found {
  load(role: string): void;
  targets(role: string): string[];
  document(role: string, target: string): Buffer | undefined;
  /** The trusted files with what was loaded laid over them. */
  files(): Map<string, Buffer>;
}

/** One refresh from one source: a file that is held already is not asked for. */
export function refreshFrom(memory: Memory, source: SimulatedSource, repository: Repository): Found {
  const tree = source[repository];
  const view = viewOf(tree, repository);
  const trusted = memory.trusted[repository];
  const root = failureOf(memory, source, `${repository}/metadata/2.root.json`);
  const noRoot = root?.codes.some((code) => code === "HTTP_NOT_FOUND" || code === "HTTP_FORBIDDEN");
  if (root !== undefined && noRoot !== true) throw root;
  request(memory, source, view.timestamp.path);
  const held = signedOf(trusted, "timestamp")?.version;
  if (held !== undefined && view.timestamp.version < held) {
    throw new Failure(["METADATA_OLDER"], (role) => wholeTargets(trusted, role, memory.now));
  }
  checkExpiry(memory, source, view.timestamp.version === held, view);
  const loaded = new Map<string, Buffer>([["timestamp.json", view.timestamp.bytes]]);
  const load = (role: string) => {
    const file = view.roles[role];
    if (file === undefined || loaded.has(`${role}.json`)) return;
    if (trusted.files.get(`${role}.json`)?.equals(file.bytes) !== true) request(memory, source, file.path);
    if (file.expires <= memory.now) throw new Failure(["METADATA_EXPIRED"]);
    loaded.set(`${role}.json`, file.bytes);
  };
  load("snapshot");
  load("targets");
  const document = (role: string, target: string) => {
    const named = view.documents[role]?.[target];
    if (named === undefined) return undefined;
    const own = trusted.documents.get(target);
    if (own !== undefined && sha256(own) === named.sha256) return own;
    request(memory, source, named.path);
    return tree.get(named.path);
  };
  return {
    load,
    document,
    targets: (role) => Object.keys(view.documents[role] ?? {}),
    files: () => new Map([...trusted.files, ...loaded]),
  };
}

function checkExpiry(
  memory: Memory,
  source: SimulatedSource,
  isHeld: boolean,
  view: ReturnType<typeof viewOf>,
): void {
  if (view.timestamp.expires > memory.now) return;
  const snapshot = view.roles.snapshot;
  // The verifier asks once more for the snapshot of a timestamp that it held before, and then sees.
  const failure = isHeld && snapshot !== undefined ? failureOf(memory, source, snapshot.path) : undefined;
  if (failure !== undefined && failure.codes !== NOT_THE_SIGNED) throw failure;
  throw new Failure(["METADATA_EXPIRED"]);
}

interface Signed {
  version: number;
  expires: string;
  meta: Record<string, { version: number }>;
  targets: Record<string, { hashes: { sha256: string } }>;
}

function signedOf(trusted: Trusted, role: string): Signed | undefined {
  const bytes = trusted.files.get(`${role}.json`);
  return bytes === undefined ? undefined : JSON.parse(bytes.toString()).signed;
}

/** The targets of a kind, if all that is trusted of it is what the trusted snapshot says, and in time. */
function wholeTargets(trusted: Trusted, role: string, now: number): string[] | undefined {
  const files = ["timestamp", "snapshot", "targets", role].map((name) => signedOf(trusted, name));
  if (!files.every((signed) => signed !== undefined && Date.parse(signed.expires) > now)) return undefined;
  const [, snapshot, , own] = files as Signed[];
  if (snapshot?.meta[`${role}.json`]?.version !== own?.version) return undefined;
  const targets = Object.entries(own?.targets ?? {});
  const held = targets.every(([target, { hashes }]) => {
    const document = trusted.documents.get(target);
    return document !== undefined && sha256(document) === hashes.sha256;
  });
  return held ? targets.map(([target]) => target) : undefined;
}

/** Asks for the rest of an object that is not in the store yet. */
export function askObject(
  memory: Memory,
  source: SimulatedSource,
  object: { sha256: string; length: number },
): void {
  const { store, partial } = memory;
  if (store.has(object.sha256)) return;
  const keep = (length: number, good: boolean) => partial.set(object.sha256, { length, good });
  const done = () => {
    partial.delete(object.sha256);
    store.add(object.sha256);
  };
  const before = partial.get(object.sha256) ?? { length: 0, good: true };
  if (before.length === object.length && before.good) {
    done();
    return;
  }
  const file = objectPath(object.sha256);
  const how = hitBy(memory, source, file);
  const code = NO_ANSWER[how];
  if (code !== undefined) throw new Failure([code]);
  if (!source.content.has(file)) throw new Failure(["HTTP_NOT_FOUND"]);
  // A file of full length that is wrong is thrown away before anything is asked.
  const goesOn = source.ranges && before.length < object.length;
  const { length: from, good } = goesOn ? before : { length: 0, good: true };
  const first = Math.floor((object.length - from) / 2);
  switch (how) {
    case "none":
      done();
      return;
    case "altered":
      keep(0, true);
      throw new Failure(["HASH_MISMATCH"]);
    case "longer":
      keep(object.length, good);
      throw new Failure(["LENGTH_MISMATCH"]);
    case "stalled":
      keep(from + first, good);
      throw new Failure(["STALLED"]);
    case "poisoned":
      keep(from + first, good && first === 0);
      throw new Failure(["TRUNCATED"]);
    default:
      keep(from + first, good);
      throw new Failure(["TRUNCATED"]);
  }
}
