import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  addComponent,
  addTarget,
  bump,
  type Draft,
  type KeyType,
  newDraft,
  newSigner,
  newSigners,
  type Signers,
  type WriteOptions,
  writeDraft,
} from "../../support/otherPublisher.ts";
import { startSource, type TestSource } from "../../support/source.ts";
import { closeAll, installedFiles, makeAgent, noise, runUpdate, sharedWorld } from "../../support/world.ts";

const stage = sharedWorld();

const open: TestSource[] = [];
afterEach(() => closeAll(open));

const FILES = { "a.dat": noise("a", 5_000), "deep/er/b.dat": noise("b", 0) };

/** A repository made by another publisher, and an agent that starts from its root. */
async function found(signers: Signers, draft: Draft, options: WriteOptions = {}) {
  const www = await fs.mkdtemp(path.join(stage.world.folder, "other-"));
  await writeDraft(www, draft, signers, options);
  const root = path.join(www, "content/metadata", `${draft.root.version}.root.json`);
  const source = await startSource(www);
  open.push(source);
  return { www, agent: await makeAgent(stage.world, { sources: { other: source.url }, root }) };
}

function withRules(signers: Signers, version = 1, role = "components"): Draft {
  const draft = newDraft(signers, version);
  addComponent(draft, "rules", { release: 1, version: "first", files: FILES }, role);
  return draft;
}

async function expectDelivered(agent: Awaited<ReturnType<typeof found>>["agent"]): Promise<void> {
  const { report } = await runUpdate(agent);
  expect(report).toMatchObject({ outcome: "updated", attempts: [{ outcome: "delivered" }] });
  const files = await installedFiles(agent);
  expect(files).toEqual({ "rules/a.dat": FILES["a.dat"], "rules/deep/er/b.dat": FILES["deep/er/b.dat"] });
  expect((await runUpdate(agent)).report.outcome).toBe("current");
}

describe("a repository of another publisher", () => {
  test.for<KeyType>(["ed25519", "ecdsa", "rsa"])("with %s keys is understood", async (type) => {
    const signers = newSigners(type);
    const { agent } = await found(signers, withRules(signers));
    await expectDelivered(agent);
  });

  test("without length and hashes in snapshot and timestamp, and without signed_at, is understood", async () => {
    const signers = newSigners();
    const { agent } = await found(signers, withRules(signers), { measured: false });
    await expectDelivered(agent);
  });

  test("with SHA-512 alone for its targets is understood", async () => {
    const signers = newSigners();
    const draft = withRules(signers);
    addTarget(draft, "components", "components/rules.json", draft.files["components/rules.json"] ?? {}, [
      "sha512",
    ]);
    const { agent } = await found(signers, draft);
    await expectDelivered(agent);
  });

  test("that begins at high versions, and leaves some out, is understood", async () => {
    const signers = newSigners();
    const draft = withRules(signers, 100);
    Object.assign(draft.timestamp, { version: 1_000_000 });
    Object.assign(draft.snapshot, { version: 70 });
    const { www, agent } = await found(signers, draft);
    await expectDelivered(agent);
    for (const role of ["components", "snapshot", "timestamp"]) bump(draft, ...Array(7).fill(role));
    addComponent(draft, "rules", { release: 40, version: "second", files: { "a.dat": noise("new", 10) } });
    await writeDraft(www, draft, signers);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ installed: [{ fromVersion: "first", toVersion: "second" }] });
  });

  test("whose roles need two of three signatures is understood, and with one it is not", async () => {
    const signers = newSigners();
    for (const role of Object.keys(signers)) signers[role] = [newSigner(), newSigner("ecdsa"), newSigner()];
    const draft = withRules(signers);
    const threshold = { threshold: 2 };
    for (const role of Object.values(draft.root.roles)) Object.assign(role as object, threshold);
    for (const role of draft.roles.targets?.delegations.roles ?? []) Object.assign(role, threshold);
    const two = Object.fromEntries(
      Object.entries(signers).map(([role, [one = newSigner(), , last = one]]) => [role, [one, last]]),
    );
    const { www, agent } = await found(two, draft);
    await expectDelivered(agent);
    for (const role of ["timestamp", "snapshot", "components"]) {
      bump(draft, "components", "snapshot", "timestamp");
      const stranger = newSigner();
      await writeDraft(www, draft, { ...two, [role]: [two[role]?.[0] ?? stranger, stranger] });
      const { report } = await runUpdate(agent);
      expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "SIGNATURE_INVALID" }] });
    }
  });

  test("with delegations of its own is understood as far as they lead to components", async () => {
    const signers = { ...newSigners(), extra: [newSigner()], nested: [newSigner()] };
    const draft = withRules(signers);
    const delegate = (to: string, paths: string[]) => ({
      keys: Object.fromEntries(signers[to as "extra"].map(({ id, key }) => [id, key])),
      role: {
        name: to,
        keyids: signers[to as "extra"].map(({ id }) => id),
        threshold: 1,
        terminating: false,
        paths,
      },
    });
    const extra = delegate("extra", ["extras/*", "components/*"]);
    const { delegations } = draft.roles.targets ?? {};
    Object.assign(delegations.keys, extra.keys);
    delegations.roles.unshift(extra.role);
    const nested = delegate("nested", ["components/*"]);
    draft.roles.extra = {
      ...draft.roles.programs,
      targets: {},
      delegations: { keys: nested.keys, roles: [nested.role] },
    };
    draft.roles.nested = { ...draft.roles.programs, targets: {} };
    addTarget(draft, "extra", "extras/readme.txt", Buffer.from("hello"));
    addComponent(draft, "engine", { release: 1, version: "1", files: { e: noise("e", 10) } }, "nested");
    const { agent } = await found(signers, draft);
    await expectDelivered(agent);
    const config = JSON.parse(await fs.readFile(agent.configFile, "utf8"));
    await fs.writeFile(agent.configFile, JSON.stringify({ ...config, components: ["rules", "engine"] }));
    await runUpdate(agent);
    expect(Object.keys(await installedFiles(agent)).sort()).toEqual([
      "engine/e",
      "rules/a.dat",
      "rules/deep/er/b.dat",
    ]);
  });

  test("that signs components in its targets role, with no delegation at all, is understood", async () => {
    const signers = newSigners();
    const draft = withRules(signers, 1, "targets");
    delete draft.roles.targets?.delegations;
    delete draft.roles.components;
    delete draft.roles.programs;
    const { agent } = await found(signers, draft);
    await expectDelivered(agent);
  });

  test("whose delegations go in a circle ends", async () => {
    const signers = newSigners();
    const draft = withRules(signers);
    const { delegations } = draft.roles.targets ?? {};
    Object.assign(draft.roles.components ?? {}, { delegations });
    const { agent } = await found(signers, draft);
    await expectDelivered(agent);
  });

  test("that delegates a part of the components to a role of its own is understood", async () => {
    const signers = { ...newSigners(), engines: [newSigner()] };
    const draft = withRules(signers);
    const { delegations } = draft.roles.targets ?? {};
    Object.assign(delegations.keys, Object.fromEntries(signers.engines.map(({ id, key }) => [id, key])));
    const keyids = signers.engines.map(({ id }) => id);
    // Were it terminating, the role of all components would hide this one.
    delegations.roles.push({
      name: "engines",
      keyids,
      threshold: 1,
      terminating: false,
      paths: ["components/engine*"],
    });
    draft.roles.engines = { ...draft.roles.programs, targets: {} };
    addComponent(draft, "engine", { release: 1, version: "1", files: { e: noise("e", 10) } }, "engines");
    const { agent } = await found(signers, draft);
    const config = JSON.parse(await fs.readFile(agent.configFile, "utf8"));
    await fs.writeFile(agent.configFile, JSON.stringify({ ...config, components: ["rules", "engine"] }));
    await runUpdate(agent);
    expect(Object.keys(await installedFiles(agent)).sort()).toEqual([
      "engine/e",
      "rules/a.dat",
      "rules/deep/er/b.dat",
    ]);
  });
});
