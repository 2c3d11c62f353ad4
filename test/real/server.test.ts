import { once } from "node:events";
import { promises as fs } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { killAll, type ResidentProcess, startResident } from "../support/resident.ts";
import { openServer, type ServerProcess, startServerProcess } from "../support/serverProcess.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { closeAll, newFolder, payload, sharedWorld, writeJson } from "../support/world.ts";
import { json, nearsource } from "./commandLine.ts";

const stage = sharedWorld();

const sources: TestSource[] = [];
const residents: ResidentProcess[] = [];
const servers: ServerProcess[] = [];
afterEach(async () => {
  await killAll(residents);
  for (const { process: each, ended } of servers.splice(0)) {
    each.kill("SIGKILL");
    await ended;
  }
  await closeAll(sources);
});

/** A server that trusts the vendor of the world, and one source of the vendor's content. */
async function begin() {
  const folder = await newFolder();
  const source = await startSource(stage.world.www(2));
  sources.push(source);
  const root = path.join(stage.world.www(1), "content", "metadata", "1.root.json");
  const server = await startServerProcess(folder, "--content-root", root);
  servers.push(server);
  return { folder, server, source };
}

/** Makes an agent of this machine, with a token of the server. */
async function enrol(folder: string, server: ServerProcess, body: object = {}, place = "agent") {
  const { token } = (await server.call("POST", "/enrolment-tokens", body)).body;
  const configFile = path.join(folder, place, "config.json");
  const made = await nearsource(
    ...["enrol", "--server", server.agents, "--token", token, "--config", configFile],
    ...["--data-dir", path.join(folder, place, "data"), "--name", `pc-${place}`, "--json"],
  );
  return { made, token: token as string, configFile };
}

/** An agent that has its policy from the beginning: without one it spreads what follows a notification over a minute. */
async function startGoverned(configFile: string): Promise<ResidentProcess> {
  expect((await nearsource("update", "--config", configFile)).code).toBe(4);
  const resident = startResident({ configFile });
  residents.push(resident);
  return resident;
}

describe("from nothing to an agent that does what the list says:", () => {
  test("made, set up, enrolled, told of sources, updated, reported and explained", {
    timeout: 300_000,
  }, async () => {
    const { folder, server, source } = await begin();
    const { made, configFile } = await enrol(folder, server, { uses: 1 });
    expect(made.code, made.stderr).toBe(0);
    const { id } = json<{ id: string }>(made);
    expect((await fs.stat(path.join(folder, "agent", "data", "identity.json"))).mode & 0o777).toBe(0o600);

    const entries = [
      { range: "0.0.0.0/0", name: "near", url: source.url, kinds: ["components", "programs"] },
    ];
    const list = { mode: "customized", entries, serverFallback: { enabled: false } };
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    const listen = { host: "127.0.0.1", port: 0 };
    await writeJson(configFile, { ...config, addresses: ["10.1.2.3"], listen, metrics: { port: null } });
    // At once after a notification.
    const policy = {
      name: "ours",
      targets: { domains: ["default"], agents: [] },
      settings: { notify: { window: 0 } },
    };
    expect((await server.call("POST", "/policies", policy)).status).toBe(201);
    const resident = await startGoverned(configFile);
    await resident.said(/the agent is ready/);
    const reported = async () => (await server.call("GET", `/agents/${id}`)).body;
    // What the server itself does not have of the vendor's content.
    await expect.poll(reported, { timeout: 120_000, interval: 200 }).toMatchObject({ outcome: "exhausted" });

    // The agent asks the server for notifications, and hears of what is saved.
    const saved = await server.call("PUT", "/source-list", list, { "if-match": '"0"' });
    expect(saved.body).toMatchObject({ version: 1, effect: { after: { unmatched: 0 } } });
    // No machine that is enrolled stands behind the entry; what it does not have, the settings, comes from the server.
    const codes = saved.body.findings.map(({ code }: { code: string }) => code);
    expect(codes).toEqual(["UPDATE_AGENT_UNKNOWN"]);
    await expect.poll(reported, { timeout: 120_000, interval: 200 }).toMatchObject({
      outcome: "updated",
      source: "near",
      addresses: ["10.1.2.3"],
    });
    expect((await server.call("GET", `/agents/${id}/order`)).body).toMatchObject({
      deviates: false,
      sentence: "near is first by clause 1, and was used",
    });
    const file = path.join(folder, "agent", "data", "current", "components", "rules", "rules.dat");
    expect(await fs.readFile(file)).toEqual(payload(2, "rules")["rules.dat"]);
  });

  test("it goes by the policy of its token's domain, and by another's once it was moved there", {
    timeout: 300_000,
  }, async () => {
    const { folder, server } = await begin();
    for (const domain of ["berlin", "lyon"]) {
      expect((await server.call("POST", "/domains", { name: domain })).status).toBe(201);
      const policy = {
        name: domain,
        targets: { domains: [domain], agents: [] },
        settings: { notify: { window: 0 } },
      };
      expect((await server.call("POST", "/policies", policy)).status).toBe(201);
    }
    const { made, configFile } = await enrol(folder, server, { uses: 1, domain: "berlin" });
    const { id } = json<{ id: string }>(made);
    const domainOf = async () =>
      json<{ domain: string }>(await nearsource("explain", "--config", configFile, "--json")).domain;
    expect(await domainOf()).toBe("berlin");
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    await writeJson(configFile, { ...config, listen: { port: null }, metrics: { port: null } });
    const policies = async () => {
      const found = fs.glob("metadata/settings/*/targets/settings/policies/*.json", {
        cwd: path.join(folder, "agent", "data"),
      });
      return (await Array.fromAsync(found)).map((place) => path.basename(place));
    };
    const resident = await startGoverned(configFile);
    const slowly = { timeout: 120_000, interval: 200 };
    await expect.poll(policies, slowly).toContain("berlin.json");
    const reported = async () => (await server.call("GET", `/agents/${id}`)).body.outcome;
    await expect.poll(reported, slowly).toBe("exhausted");
    expect((await server.call("PATCH", `/agents/${id}`, { domain: "lyon" })).status).toBe(200);
    // The server says so with its next answers, here to the report of the run that a save brings.
    await server.call("PUT", "/source-list", { entries: [] }, { "if-match": '"0"' });
    await resident.said(/has this agent in the domain lyon now/);
    await expect.poll(policies, slowly).toContain("lyon.json");
    expect(await domainOf()).toBe("lyon");
  });

  test("who has all there is runs where that is wished for, and not for a notification without the wish", {
    timeout: 300_000,
  }, async () => {
    const { folder, server, source } = await begin();
    const entries = [
      { range: "0.0.0.0/0", name: "near", url: source.url, kinds: ["components", "programs"] },
    ];
    const list = { mode: "customized", entries, serverFallback: { enabled: true } };
    await server.call("PUT", "/source-list", list, { "if-match": '"0"' });
    const settings = { notify: { window: 0 } };
    const governed = { name: "all", targets: { domains: ["default"], agents: [] }, settings };
    expect((await server.call("POST", "/policies", governed)).status).toBe(201);
    const { made, configFile } = await enrol(folder, server);
    const { id } = json<{ id: string }>(made);
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    await writeJson(configFile, { ...config, listen: { port: null }, metrics: { port: null } });
    const first = await nearsource("update", "--config", configFile);
    expect(first.code, first.stderr).toBe(0);
    const resident = startResident({ configFile });
    residents.push(resident);
    const slowly = { timeout: 120_000, interval: 200 };
    const notified = async (body: object) => {
      const made = await server.call("POST", "/notifications", { target: { all: true }, ...body });
      const read = async () => (await server.call("GET", `/notifications/${made.body.id}`)).body;
      await expect.poll(async () => (await read()).state, slowly).toBe("ended");
      return await read();
    };
    const byNotification = async () => {
      const { items } = (await server.call("GET", `/agents/${id}/runs`)).body;
      return items.filter(({ trigger }: { trigger: string }) => trigger === "notify").length;
    };
    const without = await notified({});
    expect(without).toMatchObject({ counts: { done: 1 }, current: 1 });
    const before = await byNotification();
    const wished = await notified({ run: true });
    expect(wished).toMatchObject({ counts: { done: 1 }, current: 0 });
    expect(await byNotification()).toBe(before + 1);
  });

  test("a run by hand is reported without a resident agent, and later where the server was away", async () => {
    const { folder, server } = await begin();
    const { made, configFile } = await enrol(folder, server);
    const { id } = json<{ id: string }>(made);
    const runs = async () => (await server.call("GET", `/agents/${id}/runs`)).body.items;
    const first = await nearsource("update", "--config", configFile);
    expect(first.code, first.stderr).toBe(4);
    expect(await runs()).toMatchObject([{ trigger: "manual", outcome: "exhausted" }]);
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    await writeJson(configFile, { ...config, server: "http://127.0.0.1:1" });
    expect((await nearsource("update", "--config", configFile)).code).toBe(4);
    await writeJson(configFile, config);
    expect((await nearsource("update", "--config", configFile)).code).toBe(4);
    expect(await runs()).toHaveLength(3);
  });

  test("agents of one machine in two places are two, and one that is made anew in its place is itself", async () => {
    const { folder, server } = await begin();
    const idOf = async (place: string) => {
      const { made, configFile } = await enrol(folder, server, {}, place);
      expect(made.code, made.stderr).toBe(0);
      await fs.rm(configFile);
      return json<{ id: string }>(made).id;
    };
    const ids = [await idOf("agent"), await idOf("other")];
    expect(await idOf("agent")).toBe(ids[0]);
    const { items } = (await server.call("GET", "/agents")).body;
    expect(items.map(({ id, name }: { id: string; name: string }) => [name, id])).toEqual([
      ["pc-agent", ids[0]],
      ["pc-other", ids[1]],
    ]);
  });

  test("a token is good for as many machines as it says, and a server that was killed goes on", async () => {
    const { folder, server } = await begin();
    const { made, token } = await enrol(folder, server, { uses: 1 });
    expect(made.code, made.stderr).toBe(0);
    server.process.kill("SIGKILL");
    await server.ended;
    const again = await openServer(server.dir);
    servers.push(again);
    const second = await nearsource(
      ...["enrol", "--server", again.agents, "--token", token],
      ...[
        "--config",
        path.join(folder, "other", "config.json"),
        "--data-dir",
        path.join(folder, "other", "data"),
      ],
    );
    expect(second.code).toBe(4);
    expect(second.stderr).toContain("the token is unknown, used up, or has expired");
    await expect(fs.stat(path.join(folder, "other", "config.json"))).rejects.toMatchObject({
      code: "ENOENT",
    });
  });
});

test("who enrols is told the commands for afterwards, by the same configuration", async () => {
  const { folder, server } = await begin();
  const { token } = (await server.call("POST", "/enrolment-tokens", {})).body;
  const configFile = path.join(folder, "an agent", "config.json");
  const { stdout, stderr } = await nearsource(
    ...["enrol", "--server", server.agents, "--token", token, "--config", configFile],
    ...["--data-dir", path.join(folder, "an agent", "data")],
  );
  expect(stdout, stderr).toContain(
    `hint: nearsource update --config "${configFile}" fetches what is current; nearsource agent --config "${configFile}" stays`,
  );
});

describe("two agents of one machine", () => {
  test("each have ports of their own by one option; who is given another's is told by which key, and takes that one for a source", {
    timeout: 120_000,
  }, async () => {
    const { folder, server } = await begin();
    const { token } = (await server.call("POST", "/enrolment-tokens", {})).body;
    const port = await freePort();
    const placeOf = (name: string) => {
      const configFile = path.join(folder, name, "config.json");
      return { configFile, dataDir: path.join(folder, name, "data") };
    };
    const enrolAt = async (name: string, at: number) => {
      const { configFile, dataDir } = placeOf(name);
      const made = await nearsource(
        ...["enrol", "--server", server.agents, "--token", token, "--config", configFile],
        ...["--data-dir", dataDir, "--name", name, "--listen", `${at}`, "--json"],
      );
      expect(made.code, made.stderr).toBe(0);
      const { listen, metrics } = JSON.parse(await fs.readFile(configFile, "utf8"));
      expect([json<{ port: number }>(made).port, listen, metrics]).toEqual([
        at,
        { port: at },
        { port: at + 1 },
      ]);
      return configFile;
    };
    const [one, two] = [await enrolAt("agent-a", port), await enrolAt("agent-b", port)];
    const resident = startResident({ configFile: one });
    residents.push(resident);
    expect(await resident.port()).toBe(port);
    const other = startResident({ configFile: two });
    residents.push(other);
    await other.said(
      new RegExp(
        `cannot listen at port ${port}, listen\\.port of ${two}.*hint: .*"listen":\\{"port":.*whatever has it is asked`,
      ),
    );
    const list = path.join(folder, "list.json");
    const entries = [{ range: "0.0.0.0/0", url: `http://127.0.0.1:${port}` }];
    await writeJson(list, { entries });
    const isItself = async (configFile: string) => {
      const said = await nearsource(
        "explain",
        "--config",
        configFile,
        "--source-list",
        list,
        "--ip",
        "127.0.0.1",
      );
      return said.stdout.includes("it is this agent itself");
    };
    expect([await isItself(one), await isItself(two)]).toEqual([true, false]);
    const wrong = await nearsource(
      ...["enrol", "--server", server.agents, "--token", token, "--listen", "65535"],
      ...["--config", path.join(folder, "c", "config.json"), "--data-dir", path.join(folder, "c", "data")],
    );
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("a port from 1 to 65534")]);
  });
});

/** A port that was free a moment ago, with the one after it. */
async function freePort(): Promise<number> {
  for (;;) {
    const [first, second] = [createServer(), createServer()];
    await once(first.listen(0), "listening");
    const { port } = first.address() as AddressInfo;
    const isFree = await once(second.listen(port + 1), "listening").then(
      () => true,
      () => false,
    );
    first.close();
    second.close();
    if (isFree && port < 65_535) return port;
  }
}

describe("who enrols takes no other root than the token's", () => {
  test("whatever the one between it and the server gives", async () => {
    const { folder, server } = await begin();
    const { token } = (await server.call("POST", "/enrolment-tokens", {})).body;
    const www = path.join(server.dir, "www", "settings", "metadata");
    const root = JSON.parse(await fs.readFile(path.join(www, "1.root.json"), "utf8"));
    await writeJson(path.join(www, "1.root.json"), { ...root, planted: true });
    const configFile = path.join(folder, "agent", "config.json");
    const { code, stderr } = await nearsource(
      ...["enrol", "--server", server.agents, "--token", token, "--config", configFile],
      ...["--data-dir", path.join(folder, "agent", "data")],
    );
    expect([code, stderr]).toEqual([4, expect.stringContaining("is not the root that the token names")]);
  });

  test("and sends its token over no open line to another machine", async () => {
    const { folder, server } = await begin();
    const { token } = (await server.call("POST", "/enrolment-tokens", {})).body;
    const { code, stderr } = await nearsource(
      ...["enrol", "--server", "http://nearsource.corp.example:21111", "--token", token],
      ...["--config", path.join(folder, "agent", "config.json")],
    );
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining("would carry the agent's secret unencrypted"),
    ]);
  });
});

test("who enrols at the console's port, or where nobody listens, is told which port it takes", async () => {
  const { folder, server } = await begin();
  const { token } = (await server.call("POST", "/enrolment-tokens", {})).body;
  const at = (url: string) =>
    nearsource(
      ...["enrol", "--server", url, "--token", token, "--config", path.join(folder, "agent", "config.json")],
      ...["--data-dir", path.join(folder, "agent", "data")],
    );
  const wrong = await at(server.console);
  expect(wrong).toMatchObject({ code: 4, stdout: "" });
  expect(wrong.stderr).toMatch(/1\.root\.json is not there/);
  expect(wrong.stderr).toMatch(/hint: name the server's port for agents \(21111 .*not that of its console/);
  const dead = await at("http://127.0.0.1:1");
  expect(dead).toMatchObject({ code: 4 });
  expect(dead.stderr).toMatch(/hint: start the server, and compare the port of 127\.0\.0\.1:1 with "agents"/);
});

test("server init makes nothing where something is, and what it makes is nobody else's to read", async () => {
  const folder = await newFolder();
  const dir = path.join(folder, "server");
  const first = await nearsource("server", "init", dir);
  expect(first.code, first.stderr).toBe(0);
  const modes = async (...names: string[]) => (await fs.stat(path.join(dir, ...names))).mode & 0o777;
  expect(await Promise.all([modes(), modes("server.json"), modes("nearsource.db")])).toEqual([
    0o700, 0o600, 0o600,
  ]);
  expect(await modes("keys", "root", "root.pem")).toBe(0o600);
  const second = await nearsource("server", "init", dir);
  expect([second.code, second.stderr]).toEqual([6, expect.stringContaining("is not empty")]);
});
