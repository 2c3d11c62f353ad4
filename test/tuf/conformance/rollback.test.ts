import { describe, expect, test } from "vitest";
import { addTarget, delegate, publish, rotateKeys, takeAsked } from "./repository.ts";
import { begun, prepareStages } from "./stage.ts";

prepareStages();

describe.concurrent("a rollback", () => {
  test.for([false, true])("of the timestamp is refused (hashes: %s)", async (measured) => {
    const { repository, refresh, trusted } = await begun();
    repository.measured = measured;
    publish(repository, "timestamp");
    expect(await refresh()).toBe(0);
    repository.roles.timestamp.version = 0;
    publish(repository, "timestamp");
    expect(await refresh()).toBe(1);
    expect(await trusted()).toMatchObject({ timestamp: 2 });
    expect(takeAsked(repository).at(-1)).toBe("timestamp");
  });

  test.for([false, true])(
    "of the snapshot is refused before it is asked for (hashes: %s)",
    async (measured) => {
      const { repository, refresh, trusted } = await begun();
      repository.measured = measured;
      publish(repository, "targets", "snapshot", "timestamp");
      expect(await refresh()).toBe(0);
      repository.roles.snapshot.version = 0;
      publish(repository, "snapshot", "timestamp");
      expect(await refresh()).toBe(1);
      expect(await trusted()).toMatchObject({ timestamp: 2, snapshot: 2 });
      expect(takeAsked(repository).at(-1)).toBe("timestamp");
    },
  );

  test.for([false, true])("of the targets is refused (hashes: %s)", async (measured) => {
    const { repository, refresh, trusted } = await begun();
    repository.measured = measured;
    publish(repository, "targets", "targets", "snapshot", "timestamp");
    expect(await refresh()).toBe(0);
    repository.roles.targets.version = 1;
    publish(repository, "targets", "snapshot", "timestamp");
    expect(await refresh()).toBe(1);
    expect(await trusted()).toMatchObject({ snapshot: 2, targets: 3 });
  });

  test("of a delegated role is refused", async () => {
    const { repository, download, trusted } = await begun();
    delegate(repository, "targets", "delegated");
    addTarget(repository, "delegated", "file", "content");
    publish(repository, "delegated", "delegated", "targets", "snapshot", "timestamp");
    expect(await download("file")).toBe(0);
    Object.assign(repository.roles.delegated ?? {}, { version: 0 });
    publish(repository, "delegated", "snapshot", "timestamp");
    expect(await download("file")).toBe(1);
    expect(await trusted()).toMatchObject({ delegated: 2 });
  });

  test.for([
    ["timestamp", ["timestamp"]],
    ["snapshot", ["snapshot", "timestamp"]],
    ["targets", ["snapshot"]],
  ] as const)(
    "of the %s is how a fast-forward is recovered from, once keys are new",
    async ([role, rotated]) => {
      const { repository, refresh, trusted } = await begun();
      const signed = repository.roles[role] ?? {};
      signed.version = 99_998;
      publish(repository, ...["targets", "snapshot", "timestamp"]);
      expect(await refresh()).toBe(0);
      const before = (await trusted())[role];
      expect(before).toBe(99_999);
      for (const each of rotated) rotateKeys(repository, each);
      publish(repository, "root");
      signed.version = 0;
      publish(repository, "targets", "snapshot", "timestamp");
      expect(await refresh()).toBe(0);
      expect((await trusted())[role]).toBe(1);
    },
  );
});
