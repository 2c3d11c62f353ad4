import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { initServer } from "../../src/server/initServer.ts";
import { openServer } from "../support/serverWorld.ts";
import { newFolder } from "../support/world.ts";

test.for([
  ["a database of no kind", { database: "mysql://host/x" }, "CONFIG_INVALID"],
  ["a database that does not answer", { database: "postgres://nobody@127.0.0.1:1/x" }, "STORAGE_FAILED"],
  ["a vendor's root that is not there", { contentRoot: "/nowhere/root.json" }, "TRUST_ROOT_INVALID"],
  ["a vendor's root that is none", { contentRoot: "/dev/null" }, "TRUST_ROOT_INVALID"],
  ["an address of the vendor that is none", { activeUpdate: "updates.vendor.example" }, "CONFIG_INVALID"],
  ["a repository that is not there", { adopt: "/nowhere/www" }, undefined],
] as const)(
  "a server that cannot be made for %s leaves its folder as it was, for the corrected call",
  async ([, wrong, code]) => {
    const dir = path.join(await newFolder(), "server");
    const refused = initServer({ dir, ...wrong });
    await expect(refused).rejects.toMatchObject(code === undefined ? { name: "NearsourceError" } : { code });
    expect(await fs.readdir(dir)).toEqual([]);
    expect((await initServer({ dir })).setupUrl).toContain("/setup#token=");
  },
);

test("a server whose online key others can read does not start, and says what to do", async () => {
  const dir = path.join(await newFolder(), "server");
  const { token } = await initServer({ dir });
  await fs.chmod(path.join(dir, "keys", "settings", "timestamp.pem"), 0o644);
  await expect(openServer(dir, token)).rejects.toMatchObject({
    ...{ code: "FILE_UNSAFE", hint: expect.stringContaining("chmod 600") },
  });
  await fs.chmod(path.join(dir, "keys", "settings", "timestamp.pem"), 0o600);
  await (await openServer(dir, token)).close();
});
