import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ContentKind } from "../../src/core/content/kind.ts";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { publishTargets, removeTarget } from "../../src/publisher/publishTargets.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { documentTarget } from "../../src/publisher/repository/checkDocument.ts";
import { withRepository } from "../../src/publisher/repository/session.ts";
import { setDocument } from "../../src/publisher/setDocument.ts";
import { atFileEnd } from "./fileEnd.ts";

/**
 * Signed repositories, made by the real publisher when a test file first asks for them: metadata
 * expires, so none can be kept as files. Every state is a whole web root of its own.
 */

/** A repository in several states, and the root that ships with its agents. */
export interface Publications {
  root: string;
  /** Web roots by the name of their state. */
  states: ReadonlyMap<string, string>;
}

/**
 * The vendor's content, oldest first; `foreign` is another publisher's.
 *
 * | State | Contents |
 * | --- | --- |
 * | `expired` | as `v1`, but its timestamp was signed 30 days ago and has run out |
 * | `v1` | `virus-pattern` 17.121.00 |
 * | `v2` | `virus-pattern` 17.123.00, and 17.121.00 below it |
 * | `v2-programs` | as `v2`, and the program `agent` 14.0.1 |
 * | `empty` | everything was withdrawn |
 * | `foreign` | `virus-pattern` 99.0.00, signed with keys that no agent here trusts |
 */
export const CONTENT_STATES = ["expired", "v1", "v2", "v2-programs", "empty", "foreign"] as const;

const PATTERN = { kind: "components", name: "virus-pattern" } as const;
const PROGRAM = { kind: "programs", name: "agent" } as const;
/** Longer ago than a timestamp lives, and shorter than anything else does. */
const LONG_AGO = 30 * 86_400_000;

let home: Promise<string> | undefined;
let content: Promise<Publications> | undefined;

/** A new folder that goes when the test file has ended. */
export async function newHome(label: string): Promise<string> {
  home ??= makeHome();
  return await fs.mkdtemp(path.join(await home, `${label}-`));
}

async function makeHome(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-test-"));
  atFileEnd(async () => {
    [home, content] = [undefined, undefined];
    await fs.rm(folder, { recursive: true, force: true });
  });
  return folder;
}

/** The vendor's content repository in all its states; made once per test file. */
export function contentPublications(): Promise<Publications> {
  content ??= makeContent();
  return content;
}

/** The content of the only file of a release: its component and version can be read from the bytes. */
export function payload(name: string, version: string): string {
  return `${name} ${version}\n`.repeat(20);
}

/** The only file of each component. */
export const FILE_OF: Record<string, string> = { "virus-pattern": "lpt.dat", agent: "agent.bin" };

async function makeContent(): Promise<Publications> {
  const folder = await newHome("content");
  const dir = path.join(folder, "www");
  const states = new Map<string, string>();
  const keep = async (state: string) => states.set(state, await copyState(dir, state));
  const longAgo = new Date(Date.now() - LONG_AGO);
  await initRepository({ dir, repository: "content", now: longAgo });
  await publish(dir, PATTERN, "17.121.00", longAgo);
  await keep("expired");
  await renewRepository({ dir, repository: "content" });
  await keep("v1");
  await publish(dir, PATTERN, "17.123.00");
  await keep("v2");
  await publish(dir, PROGRAM, "14.0.1");
  await keep("v2-programs");
  await removeTarget({ dir, ...PATTERN });
  await removeTarget({ dir, ...PROGRAM });
  await keep("empty");
  states.set("foreign", await makeForeign(path.join(folder, "foreign")));
  return { root: path.join(dir, "content", "metadata", "1.root.json"), states };
}

async function makeForeign(dir: string): Promise<string> {
  await initRepository({ dir, repository: "content" });
  await publish(dir, PATTERN, "99.0.00");
  return dir;
}

async function publish(
  dir: string,
  component: { kind: ContentKind; name: string },
  version: string,
  now?: Date,
): Promise<void> {
  const folder = path.join(dir, "..", "releases", `${component.name}-${version}`);
  await fs.mkdir(folder, { recursive: true });
  const file = path.join(folder, FILE_OF[component.name] ?? "");
  await fs.writeFile(file, payload(component.name, version));
  await addRelease({ dir, ...component, version, path: folder, now });
}

async function copyState(dir: string, state: string): Promise<string> {
  const copy = `${dir}-${state}`;
  await fs.cp(dir, copy, { recursive: true });
  return copy;
}

/** One publication of a site's settings: documents by name, such as `source-list` or `policies/default`. */
export interface SettingsPublication {
  state: string;
  documents: Record<string, unknown>;
  /** Signed without the checks that the publisher makes, as a broken or broken-into server might. */
  unchecked?: boolean;
}

/** A settings repository with these publications, one after the other. */
export async function settingsPublications(publications: SettingsPublication[]): Promise<Publications> {
  const folder = await newHome("settings");
  const dir = path.join(folder, "www");
  const states = new Map<string, string>();
  await initRepository({ dir, repository: "settings" });
  for (const { state, documents, unchecked } of publications) {
    for (const [name, document] of Object.entries(documents)) {
      const text = JSON.stringify(document);
      if (unchecked === true) await signUnchecked(dir, name, text);
      else await signDocument(dir, name, text);
    }
    states.set(state, await copyState(dir, state));
  }
  return { root: path.join(dir, "settings", "metadata", "1.root.json"), states };
}

async function signDocument(dir: string, name: string, text: string): Promise<void> {
  const file = path.join(dir, "..", "document.json");
  await fs.writeFile(file, text);
  await setDocument({ dir, name, file });
}

async function signUnchecked(dir: string, name: string, text: string): Promise<void> {
  await withRepository({ dir }, "settings", async (session) => {
    const target = { role: "settings", target: documentTarget(name), bytes: Buffer.from(text) };
    await publishTargets(session, [target]);
    return {};
  });
}
