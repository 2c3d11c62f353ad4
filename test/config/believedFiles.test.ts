import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { update } from "../../src/update/update.ts";
import { checkVersionRecord } from "../../src/update/versionRecordCheck.ts";
import { newFolder } from "../support/world.ts";

/** A configuration that names every file there can be, all of them safe. */
async function wholeConfig() {
  const folder = await newFolder();
  const file = path.join(folder, "config.json");
  for (const name of ["root", "list", "policy", "ca", "cert", "hook"]) {
    await fs.writeFile(path.join(folder, name), "", { mode: 0o755 });
  }
  for (const name of ["key", "password"]) await fs.writeFile(path.join(folder, name), "", { mode: 0o600 });
  const config = {
    dataDir: "data",
    roots: { content: "root" },
    sourceList: "list",
    policy: "policy",
    http: { ca: "ca" },
    relay: { tls: { cert: "cert", key: "key" } },
    notify: { mqtt: { url: "mqtts://broker.example", topic: "t", passwordFile: "password" } },
    hooks: { afterUpdate: ["./hook"] as string[] },
    dns: { versionRecord: "_nearsource.example" },
  };
  const write = (changes: object = {}) =>
    fs.writeFile(file, JSON.stringify({ ...config, ...changes }), { mode: 0o644 });
  await write();
  return { folder, file, write, read: () => readConfig(file, process.env) };
}

describe.runIf(process.platform !== "win32")("a configuration is believed as sshd believes its own:", () => {
  test.for([
    ["config.json", "the configuration"],
    ["root", '"roots.content"'],
    ["list", '"sourceList"'],
    ["policy", '"policy"'],
    ["ca", '"http.ca"'],
    ["cert", '"relay.tls.cert"'],
    ["key", '"relay.tls.key"'],
    ["password", '"notify.mqtt.passwordFile"'],
    ["hook", '"hooks.afterUpdate"'],
  ])("who can write %s is nobody but its owner", async ([name = "", what = ""]) => {
    const { folder, read } = await wholeConfig();
    await read();
    const place = path.join(folder, name);
    await fs.chmod(place, 0o666);
    await expect(read()).rejects.toMatchObject({
      code: "FILE_UNSAFE",
      message: expect.stringMatching(new RegExp(`^${what}.* ${place} can be written .*0666`)),
      hint: expect.stringContaining(`chmod go-w ${place}`),
    });
  });

  test("a key and a password are not for others to read", async () => {
    const { folder, read } = await wholeConfig();
    for (const name of ["key", "password"]) {
      await fs.chmod(path.join(folder, name), 0o644);
      await expect(read()).rejects.toMatchObject({
        code: "FILE_UNSAFE",
        hint: expect.stringContaining("chmod 600"),
      });
      await fs.chmod(path.join(folder, name), 0o600);
    }
    await read();
  });

  test("the script of an interpreter is the hook's program, as are one found by PATH and what another program runs", async () => {
    const { folder, file, write } = await wholeConfig();
    await fs.chmod(path.join(folder, "hook"), 0o777);
    for (const afterUpdate of [
      ["/bin/sh", "-e", path.join(folder, "hook")],
      ["sh", "../hook"],
      ["hook"],
      ["env", "A=1", "sh", path.join(folder, "hook")],
      ["/usr/bin/nice", "-n", "5", "../hook"],
      ["timeout", "60", "/bin/sh", "../hook"],
    ]) {
      await write({ hooks: { afterUpdate } });
      const env = { PATH: `${folder}:/usr/bin:/bin` };
      await expect(readConfig(file, env)).rejects.toMatchObject({
        code: "FILE_UNSAFE",
        message: expect.stringContaining('"hooks.afterUpdate"'),
      });
    }
  });

  test("what was safe when a process read it is looked at again by each of its runs", async () => {
    const { folder, read } = await wholeConfig();
    const config = await read();
    await fs.chmod(path.join(folder, "hook"), 0o777);
    await expect(update({ config })).rejects.toMatchObject({ code: "FILE_UNSAFE" });
    expect(await fs.readdir(folder)).not.toContain("data");
  });

  test("the scheduled run that one DNS packet may end does not believe it either", async () => {
    const { file } = await wholeConfig();
    await fs.chmod(file, 0o666);
    await expect(checkVersionRecord(file, new Date())).rejects.toMatchObject({ code: "FILE_UNSAFE" });
  });

  test("commands that only show what there is take it as it is", async () => {
    const { file } = await wholeConfig();
    await fs.chmod(file, 0o666);
    expect(await readConfig(file, process.env, { onlyShown: true })).toMatchObject({ file });
  });
});
