import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { hashedTargetPath, objectPath, type Repository } from "../../src/core/content/layout.ts";

/**
 * The requests of `http.json` by name. Those of the settings repository have `settings/` before them.
 *
 * | Request | File |
 * | --- | --- |
 * | `root` | `metadata/2.root.json`: the root after the one that agents ship with; there is none |
 * | `timestamp` | `metadata/timestamp.json` |
 * | `snapshot`, `targets`, `components`, `programs`, `settings/settings` | `metadata/<n>.<role>.json` |
 * | `manifest components/virus-pattern` | a component's manifest |
 * | `object lpt.dat` | that file of the newest release |
 * | `settings/document policies/default` | a settings document |
 *
 * ` of <state>` after it says which state names the file.
 */

/** Web roots by state, of both repositories. */
export interface Sites {
  content: ReadonlyMap<string, string>;
  settings: ReadonlyMap<string, string>;
}

/** The state that `request` says its file is named by. */
export function namedState(request: string): string | undefined {
  return parse(request).of;
}

/** Path of the file that `request` means, below a base URL and below a web root. */
export function pathOf(request: string, sites: Sites, state: string | undefined): string {
  const { repository, what, name } = parse(request);
  if (what === "root") return `${repository}/metadata/2.root.json`;
  if (what === "timestamp") return `${repository}/metadata/timestamp.json`;
  const root = state === undefined ? undefined : webRoot(sites, request, state);
  if (root === undefined) throw new Error(`"${request}" needs the state that names the file: " of <state>"`);
  if (what === "manifest" || what === "document") return targetPath(root, repository, name);
  if (what === "object") return objectPath(objectNamed(root, name));
  return `${repository}/metadata/${versionOf(root, repository, what)}.${what}.json`;
}

/** The web root of `state` in the repository that `request` is about. */
export function webRoot(sites: Sites, request: string, state: string): string | undefined {
  return sites[parse(request).repository].get(state);
}

/** A tag as static web servers give: equal for equal bytes. */
export function etagOf(bytes: Buffer): string {
  return `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
}

/** The same bytes but for the last digit among them: still JSON where it was JSON, and not what was signed. */
export function tamper(bytes: Buffer): Buffer {
  const tampered = Buffer.from(bytes);
  const at = tampered.findLastIndex((byte) => byte >= 0x30 && byte <= 0x39);
  tampered[at] = (tampered[at] ?? 0) ^ 1;
  return tampered;
}

function parse(request: string): { repository: Repository; what: string; name: string; of?: string } {
  const [, settings, what = "", name = "", of] =
    request.match(/^(settings\/)?(\S+)(?: (?!of )(\S+))?(?: of (\S+))?$/) ?? [];
  const repository = settings === undefined ? "content" : "settings";
  return { repository, what, name, ...(of === undefined ? {} : { of }) };
}

function targetPath(root: string, repository: Repository, name: string): string {
  const [role, target] =
    repository === "content"
      ? [name.split("/")[0] ?? "", `${name}.json`]
      : ["settings", `settings/${name}.json`];
  const version = versionOf(root, repository, role);
  const { targets } = signedPart(root, `${repository}/metadata/${version}.${role}.json`);
  const hash = targets[target]?.hashes.sha256;
  if (hash === undefined) throw new Error(`${root} has no ${target}`);
  return `${repository}/targets/${hashedTargetPath(target, hash)}`;
}

function versionOf(root: string, repository: Repository, role: string): number {
  const timestamp = signedPart(root, `${repository}/metadata/timestamp.json`);
  const snapshot: number = timestamp.meta["snapshot.json"].version;
  if (role === "snapshot") return snapshot;
  const { meta } = signedPart(root, `${repository}/metadata/${snapshot}.snapshot.json`);
  return meta[`${role}.json`].version;
}

/** The hash of the file `name` in the newest release of whichever component has it. */
function objectNamed(root: string, name: string): string {
  for (const role of ["components", "programs"]) {
    const version = versionOf(root, "content", role);
    const { targets } = signedPart(root, `content/metadata/${version}.${role}.json`);
    for (const target of Object.keys(targets)) {
      const file = path.join(root, targetPath(root, "content", target.replace(/\.json$/, "")));
      const { releases } = JSON.parse(readFileSync(file, "utf8"));
      const found = releases[0].files.find((each: { path: string }) => each.path === name);
      if (found !== undefined) return found.sha256;
    }
  }
  throw new Error(`${root} has no file ${name}; there are ${readdirSync(root).join(", ")}`);
}

/** The signed part of a metadata file, which the publisher wrote and nothing here has to doubt. */
function signedPart(root: string, file: string) {
  return JSON.parse(readFileSync(path.join(root, file), "utf8")).signed;
}
