import assert from "node:assert/strict";
import { promises as fs } from "node:fs";
import { validateHeaderValue } from "node:http";
import path from "node:path";
import fc from "fast-check";
import { readConfig } from "../../src/config/config.ts";
import type { Config } from "../../src/config/configSchema.ts";
import { CONTENT_KINDS, KINDS, sortKinds } from "../../src/core/content/kind.ts";
import { parseComponentName } from "../../src/core/content/manifest.ts";
import { parseAddress } from "../../src/core/order/address.ts";
import { parseSourceUrl } from "../../src/core/order/sourceList.ts";
import { createResolver } from "../../src/dns/resolver.ts";
import { NearsourceError } from "../../src/errors.ts";
import { type DataDir, dataDirAt } from "../../src/store/dataDir.ts";
import { type Generation, readGeneration } from "../../src/store/generations/generations.ts";
import { openState, readState, writeState } from "../../src/store/state/state.ts";
import type { State } from "../../src/store/state/stateFormat.ts";
import { timeOfRun } from "../../src/tuf/clock.ts";
import { checkFiles } from "./manifestTarget.ts";
import {
  type FuzzTarget,
  jsonOf,
  objectOf,
  toJsonBytes,
  unexpected,
  unlessRefused,
  unlessRefusedLater,
} from "./target.ts";

/** Readers of files on the endpoint's own disk, each with a folder of its own below `scratch`. */
export function fileTargets(scratch: string): FuzzTarget[] {
  return [configTarget(path.join(scratch, "config")), stateTarget(scratch), generationTarget(scratch)];
}

const text = fc.oneof(
  fc.string(),
  fc.constantFrom("info", "10.1.2.3", "http://a.example", "x\u0000y", "default", "system"),
);
const number = fc.oneof(fc.nat(10_000), fc.double(), fc.integer());

function configTarget(folder: string): FuzzTarget {
  const section = fc.dictionary(
    fc.constantFrom("timeout", "level", "file", "minRate", "proxy", "content"),
    fc.oneof(text, number),
  );
  const value = fc.oneof(text, number, fc.array(text), section, fc.jsonValue());
  const key = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...KEYS) }, fc.string());
  const made = fc.oneof(fc.dictionary(key, value, { maxKeys: 6 }), fc.jsonValue()).map(toJsonBytes);
  return { name: "config", json: true, made, check: (input) => checkConfig(folder, input) };
}

/** Every key of `docs/configuration.md`. */
const KEYS = [
  ...[
    "dataDir",
    "server",
    "activeUpdate",
    "roots",
    "domain",
    "kinds",
    "components",
    "addresses",
    "dns",
    "http",
    "relay",
  ],
  ...["sourceList", "policy", "keepGenerations", "hooks", "log"],
];

/** A configuration is whole or refused with the key that is wrong, and its file stays as it is either way. */
async function checkConfig(folder: string, input: Buffer): Promise<boolean> {
  const file = path.join(folder, "config.json");
  await fs.mkdir(folder, { recursive: true });
  await fs.writeFile(file, input);
  let config: Config | undefined;
  try {
    config = await readConfig(file, {});
  } catch (error) {
    assert(error instanceof NearsourceError && error.code === "CONFIG_INVALID", unexpected(error));
    for (const key of unknownKeys(input))
      assert(error.message.includes(asNamed(key)), `${error.message} does not name ${key}`);
  }
  assert(input.equals(await fs.readFile(file)), "the configuration was written");
  assert.deepEqual(await fs.readdir(folder), ["config.json"]);
  if (config === undefined) return false;
  assert.deepEqual(unknownKeys(input), []);
  assert(objectOf(jsonOf(input.toString().replace(/^\ufeff/, ""))) !== undefined, "it is not a JSON object");
  checkValues(config);
  return true;
}

function unknownKeys(input: Buffer): string[] {
  const written = objectOf(jsonOf(input.toString())) ?? {};
  return Object.keys(written).filter((key) => !KEYS.includes(key));
}

/** A key as messages have it: a character that would drive a terminal is written as its number. */
function asNamed(key: string): string {
  return new NearsourceError("CONFIG_INVALID", `"${key}" is not a key`).message;
}

function checkValues(config: Config): void {
  const { dataDir, roots, sourceList, policy, log, hooks, http, dns, kinds, domain } = config;
  for (const file of [
    dataDir,
    roots.content,
    roots.settings,
    sourceList,
    policy,
    log.file,
    http.ca,
    config.relay.tls?.key,
  ]) {
    assert(file === undefined || path.isAbsolute(file));
  }
  for (const each of [dataDir, roots.content, log.file, ...(hooks.afterUpdate ?? [])])
    assert(!each?.includes("\0"));
  for (const url of [config.server, config.activeUpdate])
    assert(url === undefined || parseSourceUrl(url) === url);
  for (const time of [dns.timeout, http.connectTimeout, http.responseTimeout, http.stallTimeout]) {
    assert(Number.isInteger(time) && time >= 1 && time <= 3_600_000);
  }
  assert(kinds === undefined || (kinds.length > 0 && kinds.every((kind) => KINDS.includes(kind))));
  assert.deepEqual(kinds, kinds && sortKinds(kinds));
  assert.match(domain, /^[A-Za-z0-9][A-Za-z0-9._-]*$/);
  for (const name of config.components ?? []) parseComponentName(name);
  for (const address of config.addresses ?? []) parseAddress(address);
  assert(config.keepGenerations >= 1);
  const { servers, search, timeout } = dns;
  const options = { timeout, ...(servers && { servers }), ...(search && { search }) };
  unlessRefused(NearsourceError, () => createResolver(options));
}

function stateTarget(scratch: string): FuzzTarget {
  const time = fc.oneof(
    fc.date().map((date) => date.toJSON()),
    fc.constantFrom("never", "", "9999-12-31"),
    number,
  );
  const state = fc.record(
    {
      agentId: fc.oneof(fc.uuid(), fc.constantFrom("", null)),
      clockFloor: time,
      fresh: fc.oneof(fc.record({ content: time, settings: time }, { requiredKeys: [] }), fc.array(time)),
      failed: fc.dictionary(fc.string(), number),
      etags: fc.dictionary(fc.string(), fc.string({ unit: "binary" })),
      lastRun: fc.oneof(
        fc.constantFrom({}, null),
        fc.record({ started: time, ended: time, report: fc.jsonValue() }),
      ),
    },
    { requiredKeys: [] },
  );
  const made = fc.oneof(state, fc.jsonValue()).map(toJsonBytes);
  return {
    name: "state",
    json: true,
    made,
    check: (input) => checkState(path.join(scratch, "state"), input),
  };
}

const NOW = new Date("2027-01-01T00:00:00Z");

/** A run can use the state read from any file, and writes it back as it was read. */
async function checkState(root: string, input: Buffer): Promise<boolean> {
  const dirs = dataDirAt(root);
  await fs.mkdir(dirs.tmp, { recursive: true });
  await fs.writeFile(path.join(root, "state.json"), input);
  const state = await openState(dirs);
  checkUsable(state);
  if (!isDeep(input)) {
    await writeState(dirs, state);
    assert.deepEqual(await readState(dirs), state);
  }
  return state.agentId === objectOf(jsonOf(input.toString()))?.agentId;
}

/** conf writes nothing that is nested deeper than 1,000 levels, which is nothing that a run has to say. */
function isDeep(input: Buffer): boolean {
  return input.includes("[".repeat(900));
}

function checkUsable({ agentId, clockFloor, fresh, failed, etags, lastRun }: State): void {
  assert(typeof agentId === "string" && agentId !== "");
  unlessRefused(NearsourceError, () => timeOfRun(NOW, clockFloor));
  for (const time of [clockFloor, fresh.content, fresh.settings, lastRun?.started, lastRun?.ended]) {
    assert(time === undefined || !Number.isNaN(Date.parse(time)), `${time} is no time`);
  }
  for (const release of Object.values(failed)) assert(Number.isSafeInteger(release));
  for (const etag of Object.values(etags)) validateHeaderValue("if-none-match", etag);
  if (lastRun === undefined) return;
  const { generation, attempts, bytes } = lastRun.report;
  assert(Number.isSafeInteger(generation) && typeof bytes === "number" && Array.isArray(attempts));
  for (const { url, delivered } of attempts) assert(typeof url === "string" && Array.isArray(delivered));
}

function generationTarget(scratch: string): FuzzTarget {
  const name = fc.oneof(
    fc.constantFrom("rules", "..", "RULES", "a/b", "con"),
    fc.stringMatching(/^[a-z./]{1,6}$/),
  );
  const file = fc.record({
    path: name,
    length: number,
    sha256: fc.oneof(fc.stringMatching(/^[0-9a-f]{64}$/), fc.constantFrom("0xab", "")),
  });
  const component = fc.record({
    kind: fc.constantFrom(...CONTENT_KINDS, "settings"),
    name,
    release: number,
    version: fc.string(),
    files: fc.array(file, { maxLength: 3 }),
  });
  const generation = fc.record({
    generation: fc.oneof(fc.constant(3), number),
    created: fc.string(),
    components: fc.array(component, { maxLength: 3 }),
  });
  const made = fc.oneof(generation, fc.jsonValue()).map(toJsonBytes);
  const dirs = dataDirAt(path.join(scratch, "generation"));
  return { name: "generation", json: true, made, check: (input) => checkGeneration(dirs, input) };
}

/** A generation's manifest is whole, or there is none. */
async function checkGeneration(dirs: DataDir, input: Buffer): Promise<boolean> {
  const folder = path.join(dirs.generations, "3");
  await fs.mkdir(folder, { recursive: true });
  await fs.writeFile(path.join(folder, "manifest.json"), input);
  const generation = await unlessRefusedLater(NearsourceError, () => readGeneration(dirs, 3));
  if (generation === undefined) return false;
  checkInstalled(generation);
  return true;
}

function checkInstalled({ generation, components }: Generation): void {
  assert.equal(generation, 3);
  const names = components.map(({ kind, name }) => `${kind}/${parseComponentName(name)}`);
  assert.equal(new Set(names).size, names.length, "a component is listed twice");
  for (const { release, files } of components) {
    assert(Number.isSafeInteger(release) && release >= 1);
    checkFiles(files);
  }
}
