import { describe, expect, test } from "vitest";
import { newSigner, type Signer, seal } from "../../support/otherPublisher.ts";
import { addTarget, authorize, delegate, inDays, metadataPath, publish, takeAsked } from "./repository.ts";
import { begun, prepareStages, refreshed, run, stage } from "./stage.ts";

prepareStages();

const ALL = { root: 1, snapshot: 1, targets: 1, timestamp: 1 };

describe.concurrent("the commands", () => {
  test("init copies the root byte for byte and asks nobody", async () => {
    const { repository, init, trusted, file } = await stage();
    expect(await init()).toBe(0);
    expect(takeAsked(repository)).toEqual([]);
    expect(await trusted()).toEqual({ root: 1 });
    expect(await file("root")).toEqual(repository.files.get("metadata/1.root.json"));
  });

  test("refresh asks for four files, and keeps them byte for byte under unversioned names", async () => {
    const { repository, refresh, trusted, file } = await begun();
    const odd = Buffer.concat([
      repository.files.get(metadataPath("timestamp")) ?? Buffer.alloc(0),
      Buffer.from(" "),
    ]);
    repository.files.set(metadataPath("timestamp"), odd);
    expect(await refresh()).toBe(0);
    expect(takeAsked(repository)).toEqual(["2.root", "timestamp", "1.snapshot", "1.targets"]);
    expect(await trusted()).toEqual(ALL);
    for (const role of Object.keys(ALL))
      expect(await file(role), role).toEqual(repository.files.get(metadataPath(role)));
  });

  test("refresh again asks for the next root and the timestamp alone", async () => {
    const { repository, refresh } = await refreshed();
    expect(await refresh()).toBe(0);
    expect(takeAsked(repository)).toEqual(["2.root", "timestamp"]);
  });

  test("download without refresh before it refreshes, and fails for a target that there is not", async () => {
    const { repository, download, trusted, downloaded } = await begun();
    expect(await download("nonexistent artifact")).toBe(1);
    expect(takeAsked(repository)).toEqual(["2.root", "timestamp", "1.snapshot", "1.targets"]);
    expect(await trusted()).toEqual(ALL);
    expect(await downloaded()).toEqual([]);
  });

  test.for([
    ["after the command", (online: string[]) => ["download", ...online]],
    ["before the command", (online: string[]) => [...online, "download"]],
  ] as const)("download takes several names after one option, with options %s", async ([, order]) => {
    const { repository, metadataDir, targetDir, downloaded } = await begun();
    for (const name of ["one", "two", "three"]) addTarget(repository, "targets", name, name);
    publish(repository, "targets", "snapshot", "timestamp");
    const places = ["--target-base-url", repository.targetsUrl, "--target-dir", targetDir];
    const online = ["--metadata-url", repository.metadataUrl, "--metadata-dir", metadataDir];
    const code = await run(
      order([...online, "--target-name", "one", "two", ...places, "--target-name", "three"]),
    );
    expect({ code, files: (await downloaded()).sort() }).toEqual({ code: 0, files: ["one", "three", "two"] });
  });

  test.for([[], ["fetch"], ["init"], ["refresh"], ["refresh", "--colour"]])("%j exits 1", async (args) => {
    expect(await run(args)).toBe(1);
  });
});

describe.concurrent("an initial root", () => {
  const initial: [what: string, change: (root: Record<string, never>) => void][] = [
    ["without a version", (root) => Reflect.deleteProperty(root.signed ?? {}, "version")],
    ["with another signature", (root) => Object.assign(root.signatures?.[0] ?? {}, { sig: "3045022100ee" })],
    ["that nobody signed", (root) => Object.assign(root, { signatures: [] })],
  ];
  test.for(initial)("%s fails the refresh before any request", async ([, change]) => {
    const { repository, init, refresh } = await stage();
    const root = JSON.parse(`${repository.files.get("metadata/1.root.json")}`);
    change(root);
    await init(Buffer.from(JSON.stringify(root)));
    expect(await refresh()).toBe(1);
    expect(takeAsked(repository)).toEqual([]);
  });
});

/** The trusted versions after a refresh that fails at a role, of publication 2 with a root of its own. */
const UP_TO: [role: string, trusted: Record<string, number>][] = [
  ["root", { root: 1 }],
  ["timestamp", { root: 2 }],
  ["snapshot", { root: 2, timestamp: 2 }],
  ["targets", { root: 2, snapshot: 2, timestamp: 2 }],
];

describe.concurrent("a refresh", () => {
  test.for(UP_TO)(
    "stops at a %s that is not signed, and keeps what verified before it",
    async ([role, kept]) => {
      const { repository, refresh, trusted } = await begun();
      repository.signers[role] = [];
      publish(repository, "root", "targets", "snapshot", "timestamp");
      expect(await refresh()).toBe(1);
      expect(await trusted()).toEqual(kept);
    },
  );

  test.for(UP_TO.filter(([role]) => role !== "timestamp"))(
    "stops at a %s with another version than its name has",
    async ([role, kept]) => {
      const { repository, refresh, trusted } = await begun();
      const publication = ["root", "targets", "snapshot", "timestamp"];
      publish(repository, ...publication);
      const signed = repository.roles[role] ?? {};
      repository.files.set(
        metadataPath(role, 2),
        seal({ ...signed, version: 3 }, repository.signers[role] ?? []),
      );
      expect(await refresh()).toBe(1);
      expect(await trusted()).toEqual(kept);
    },
  );

  test.for([
    ["timestamp", ALL],
    ["snapshot", { ...ALL, timestamp: 2 }],
    ["targets", { ...ALL, snapshot: 2, timestamp: 2 }],
  ] as const)("fails where the %s is missing, and keeps the old one", async ([role, kept]) => {
    const { repository, refresh, trusted } = await refreshed();
    publish(repository, "targets", "snapshot", "timestamp");
    repository.files.delete(role === "timestamp" ? metadataPath(role) : metadataPath(role, 2));
    expect(await refresh()).toBe(1);
    expect(await trusted()).toEqual(kept);
  });

  test("keeps the timestamp that it has where another has the same version", async () => {
    const { repository, refresh, file } = await refreshed();
    const own = await file("timestamp");
    const { timestamp } = repository.roles;
    timestamp.meta["snapshot.json"].version = 100;
    timestamp.version = 0;
    publish(repository, "timestamp");
    expect(await refresh()).toBe(0);
    expect(takeAsked(repository)).toEqual(["2.root", "timestamp"]);
    expect(await file("timestamp")).toEqual(own);
  });

  test("does not look at targets that the snapshot does not list yet", async () => {
    const { repository, refresh, trusted } = await refreshed();
    publish(repository, "targets");
    expect(await refresh()).toBe(0);
    expect(await trusted()).toEqual(ALL);
  });

  test("accepts lengths and hashes of metadata, and refuses targets with another hash", async () => {
    const { repository, refresh, trusted } = await begun();
    repository.measured = true;
    publish(repository, "targets", "snapshot", "timestamp");
    expect(await refresh()).toBe(0);
    publish(repository, "targets");
    repository.roles.snapshot.meta["targets.json"].hashes.sha256 = "4".repeat(64);
    publish(repository, "snapshot", "timestamp");
    expect(await refresh()).toBe(1);
    expect(await trusted()).toEqual({ root: 1, snapshot: 3, targets: 2, timestamp: 3 });
  });

  test("copes with fields that nobody knows, in a root, a key and a role", async () => {
    const { repository, refresh, trusted } = await refreshed();
    const { root } = repository.roles;
    const signer = withKey(newSigner("ecdsa"), {
      "extra-field": { a: 1, b: 2 },
      keyid_hash_algorithms: "md5",
    });
    repository.signers.snapshot = [signer];
    authorize(repository, "snapshot", [signer]);
    Object.assign(root, { "custom-field": "value" });
    Object.assign(root.roles.root, { "another-field": "value" });
    publish(repository, "root", "snapshot", "timestamp");
    expect(await refresh()).toBe(0);
    expect(await trusted()).toMatchObject({ root: 2, snapshot: 2 });
  });

  test("refuses a snapshot in the place of the timestamp though the timestamp's key signed it", async () => {
    const { repository, refresh, trusted } = await begun();
    const both = [...(repository.signers.snapshot ?? []), ...(repository.signers.timestamp ?? [])];
    authorize(repository, "snapshot", both);
    publish(repository, "root");
    const snapshot = { ...repository.roles.snapshot, version: 2, meta: { "snapshot.json": { version: 1 } } };
    repository.files.set(metadataPath("timestamp"), seal(snapshot, both));
    expect(await refresh()).toBe(1);
    expect(await trusted()).toEqual({ root: 2 });
  });

  test("without consistent snapshots asks for names without a version, but for roots", async () => {
    const { repository, init, refresh, download, downloaded } = await stage();
    repository.roles.root.consistent_snapshot = false;
    repository.roles.root.version = 0;
    delegate(repository, "targets", "delegated", { paths: ["dir/*"] });
    addTarget(repository, "delegated", "dir/file", "content");
    publish(repository, "root", "delegated", "targets", "snapshot", "timestamp");
    expect(await init()).toBe(0);
    expect(await refresh()).toBe(0);
    expect(takeAsked(repository)).toEqual(["2.root", "timestamp", "snapshot", "targets"]);
    expect(await download("dir/file")).toBe(0);
    expect(takeAsked(repository)).toEqual(["2.root", "timestamp", "delegated", "targets/dir/file"]);
    expect(await downloaded()).toEqual(["content"]);
  });
});

/** The signer with a key that has more fields, and whose id is still that of the key. */
function withKey(signer: Signer, fields: object): Signer {
  return { ...signer, key: { ...signer.key, ...fields } };
}

describe.concurrent("what has expired is not used:", () => {
  test("a root, which is kept all the same", async () => {
    const { repository, refresh, trusted } = await refreshed();
    repository.roles.root.expires = inDays(-1);
    publish(repository, "root", "targets", "snapshot", "timestamp");
    expect(await refresh()).toBe(1);
    expect(await trusted()).toEqual({ ...ALL, root: 2 });
  });

  test("a root in the middle of a chain, which is no hindrance", async () => {
    const { repository, refresh, trusted } = await refreshed();
    repository.roles.root.expires = inDays(-1);
    publish(repository, "root");
    repository.roles.root.expires = inDays(30);
    publish(repository, "root");
    expect(await refresh()).toBe(0);
    expect(await trusted()).toMatchObject({ root: 3 });
  });

  test.for(["timestamp", "snapshot", "targets"])("a %s", async (role) => {
    const { repository, refresh, trusted } = await refreshed();
    Object.assign(repository.roles[role] ?? {}, { expires: inDays(-5) });
    publish(repository, "targets", "snapshot", "timestamp");
    expect(await refresh()).toBe(1);
    expect((await trusted())[role]).toBe(1);
  });

  test("its own timestamp, from which a newer one leads on", async () => {
    const { repository, refresh, trusted } = await begun();
    repository.roles.timestamp.expires = inDays(7);
    publish(repository, "timestamp");
    expect(await refresh()).toBe(0);
    repository.roles.timestamp.expires = inDays(21);
    publish(repository, "targets", "snapshot", "timestamp");
    expect(await refresh(18)).toBe(0);
    expect(await trusted()).toEqual({ root: 1, snapshot: 2, targets: 2, timestamp: 3 });
    expect(await refresh(22)).toBe(1);
  });

  test("a delegated role, on arrival and later", async () => {
    const { repository, refresh, download, trusted, downloaded } = await begun();
    delegate(repository, "targets", "delegated", { paths: ["delegatedpath/*"] });
    for (const name of ["first", "second"]) addTarget(repository, "delegated", `delegatedpath/${name}`, name);
    const publishWith = (days: number) => {
      Object.assign(repository.roles.delegated ?? {}, { expires: inDays(days) });
      publish(repository, "delegated", "targets", "snapshot", "timestamp");
    };
    publishWith(-1);
    expect(await refresh()).toBe(0);
    expect(await download("delegatedpath/first")).toBe(1);
    expect(await trusted()).not.toHaveProperty("delegated");
    publishWith(7);
    expect(await download("delegatedpath/first")).toBe(0);
    expect(await download("delegatedpath/second", 18)).toBe(1);
    expect(await downloaded()).toEqual(["first"]);
    publishWith(21);
    expect(await download("delegatedpath/second", 18)).toBe(0);
    expect(await downloaded()).toEqual(["first", "second"]);
  });
});
