import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROGRAM } from "../support/program.ts";
import { bootSystemd, type Systemd, whyNoSystemd } from "../support/systemd.ts";
import { writeJson } from "../support/world.ts";

const reason = whyNoSystemd();
if (reason !== undefined) console.warn(`test/real/systemd.test.ts is skipped: ${reason}`);

const DOCS = path.join(import.meta.dirname, "..", "..", "docs");
/** The program where units find it: their own /tmp and /root have nothing of the tests. */
const INSTALLED = "/opt/nearsource/nearsource";
const SERVER = "/srv/nearsource";
const DATA = "/var/lib/nearsource";

describe.skipIf(reason !== undefined)(
  "under a systemd that was booted for it, by the unit of the page,",
  () => {
    let systemd: Systemd;
    let folder = "";
    beforeAll(async () => {
      folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-systemd-"));
      const server = await fs.readFile(path.join(DOCS, "nearsource-server.service"), "utf8");
      const page = await fs.readFile(path.join(DOCS, "agent.md"), "utf8");
      const [, agent = ""] = /nearsource\.service`:\n\n```ini\n([^`]*)```/.exec(page) ?? [];
      expect(agent).toContain("Type=notify");
      systemd = await bootSystemd(folder, {
        "server.service": server
          .replace("/usr/bin/nearsource", INSTALLED)
          .replace("User=nearsource", "User=nobody"),
        "agent.service": agent
          .replace("/usr/bin/nearsource agent", `${INSTALLED} agent --config ${DATA}/config.json`)
          .replace("Restart=on-failure", "Restart=on-failure\nRestartSec=0"),
      });
      const shell = async (script: string) => {
        const said = await systemd.run("sh", "-ec", script);
        expect(said.code, said.stderr).toBe(0);
      };
      await shell(`mkdir -p ${path.dirname(INSTALLED)}
      cp ${process.execPath} ${path.dirname(INSTALLED)}/node
      cp -r ${path.dirname(PROGRAM)} ${path.dirname(INSTALLED)}/program
      printf '#!/bin/sh\\nexec ${path.dirname(INSTALLED)}/node ${path.dirname(INSTALLED)}/program/main.cjs "$@"\\n' > ${INSTALLED}
      chmod -R a+rX ${path.dirname(INSTALLED)}; chmod a+x ${INSTALLED}
      ${INSTALLED} server init ${SERVER} --console 127.0.0.1:0 --agents 127.0.0.1:0 > /dev/null
      chown -R nobody ${SERVER}; mkdir -p ${DATA}`);
      const config = path.join(folder, "config.json");
      const roots = { settings: `${DATA}/root.json` };
      await writeJson(config, {
        ...{ dataDir: `${DATA}/data`, server: "http://127.0.0.1:9", roots, kinds: ["settings"] },
        ...{ listen: { host: "127.0.0.1", port: 0 }, metrics: { port: null } },
      });
      await shell(
        `cp ${config} ${DATA}/config.json; cp ${SERVER}/www/settings/metadata/1.root.json ${DATA}/root.json`,
      );
    }, 120_000);
    afterAll(async () => {
      await systemd?.close();
      await fs.rm(folder, { recursive: true, force: true });
    });

    test.for(["server.service", "agent.service"])(
      "%s is ready, reloads, stops in time, and is there again when it is killed",
      {
        timeout: 180_000,
      },
      async (unit) => {
        const state = () => systemd.show(unit, "ActiveState");
        const main = async () => Number(await systemd.show(unit, "MainPID"));
        const ctl = async (verb: string) => {
          const said = await systemd.run("systemctl", verb, unit);
          expect(said.code, said.stderr).toBe(0);
        };
        // Of a unit of Type=notify, start comes back once it said that it is ready.
        await ctl("start");
        expect([await state(), await systemd.show(unit, "Type")]).toEqual(["active", "notify"]);
        const first = await main();
        expect(await systemd.show(unit, "NotifyAccess")).toBe("all");
        await ctl("reload");
        await expect.poll(() => systemd.show(unit, "SubState"), { timeout: 30_000 }).toBe("running");
        expect([await state(), await main()]).toEqual(["active", first]);

        expect((await systemd.run("kill", "-KILL", String(first))).code).toBe(0);
        await expect
          .poll(() => systemd.show(unit, "NRestarts"), { timeout: 60_000, interval: 200 })
          .toBe("1");
        await expect.poll(state, { timeout: 60_000, interval: 200 }).toBe("active");
        expect(await main()).not.toBe(first);

        await ctl("stop");
        expect([await state(), await systemd.show(unit, "Result")]).toEqual(["inactive", "success"]);
        const [left, entered] = await Promise.all(
          ["InactiveEnterTimestampMonotonic", "ActiveExitTimestampMonotonic"].map((name) =>
            systemd.show(unit, name),
          ),
        );
        // By systemd's own clock, in microseconds.
        expect(Number(left) - Number(entered)).toBeLessThan(5_000_000);
      },
    );
  },
);
