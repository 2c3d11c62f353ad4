import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import { leastReaderRate } from "../../src/relay/readerRate.ts";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { ask, makeRelayAgent, startTestRelay } from "../support/relay.ts";
import { settingsPublications } from "../support/repositories.ts";
import { replyTo, startSource } from "../support/source.ts";
import {
  type Agent,
  closeAll,
  makeAgent,
  readTree,
  runUpdate,
  sharedWorld,
  writeJson,
} from "../support/world.ts";

const stage = sharedWorld();
const open: { close: () => Promise<void> }[] = [];
afterEach(() => closeAll(open));

/** The endpoint's only source delivers settings. */
async function fetchSettingsFrom(agent: Agent, url: string): Promise<void> {
  const entries = [{ range: "127.0.0.0/8", name: "settings", url, kinds: ["settings"] }];
  await writeJson(path.join(agent.folder, "list.json"), { entries, serverFallback: { enabled: false } });
}

test("an Update Agent granted settings serves the documents of every domain, and agents take them from it", async () => {
  const { root, states } = await settingsPublications([
    {
      state: "first",
      documents: {
        "source-list": { version: 1, entries: [] },
        "policies/default": { version: 2 },
        "policies/berlin": {
          version: 3,
          rateLimit: { bytesPerSecond: 2_000, hours: ["mon-fri 08:00-18:00"] },
        },
        "update-agents": { agents: [] },
      },
    },
  ]);
  const www = states.get("first") ?? "";
  const origin = await startSource(www);
  open.push(origin);
  const config = { roots: { settings: root }, kinds: ["settings"], components: undefined };
  const options = { upstream: origin.url, kinds: ["settings" as const], config };
  const agent = await makeRelayAgent(stage.world, options);
  await fetchSettingsFrom(agent, origin.url);
  const relay = await startTestRelay(stage.world, { ...options, agent });
  open.push(relay);
  await relay.relay.refresh();

  // Readers need be no faster than the slowest policy lets an agent with four transfers be.
  const relayConfig = await readConfig(agent.configFile, {});
  const dirs = [agent.dataDir, path.join(agent.dataDir, "relay")].map(dataDirAt);
  expect(await leastReaderRate(relayConfig, dirs)).toBe(500);
  expect(await leastReaderRate({ ...relayConfig, relay: { ...relayConfig.relay, minRate: 0 } }, dirs)).toBe(
    0,
  );
  expect(await leastReaderRate(relayConfig, [])).toBe(4_096);

  const documents = Object.entries(await readTree(path.join(www, "settings", "targets")));
  expect(documents.length).toBe(4);
  for (const [name, bytes] of documents) {
    const answer = await ask(relay.url, `/settings/targets/${name}`);
    expect([name, answer.status, answer.body.equals(bytes)]).toEqual([name, 200, true]);
  }
  expect((await ask(relay.url, "/content/metadata/timestamp.json")).status).toBe(404);

  const client = await makeAgent(stage.world, { sources: {}, config: { ...config, domain: "berlin" } });
  await fetchSettingsFrom(client, relay.url);
  const { report } = await runUpdate(client);
  expect(report).toMatchObject({
    outcome: "updated",
    attempts: [{ name: "settings", outcome: "delivered" }],
  });
  const held = await readTree(path.join(client.dataDir, "metadata", "settings"));
  expect(Object.keys(held).some((name) => name.endsWith(path.join("policies", "berlin.json")))).toBe(true);
  await fs.access(path.join(relay.agent.dataDir, "relay", "metadata", "settings"));
});

test("settings are announced while an Update Agent upstream has the content wait", async () => {
  const publication = (state: string, version: number) => ({
    state,
    documents: { "source-list": { version, entries: [] } },
  });
  const { root, states } = await settingsPublications([publication("first", 1), publication("second", 2)]);
  let state = "first";
  const origin = await startSource(stage.world.www(1), {
    answer: async ({ url = "" }, response) => {
      if (url.startsWith("/settings/")) {
        const asked = { path: url, range: undefined, ifNoneMatch: undefined };
        const { status, headers, body } = await replyTo(states.get(state) ?? "", {}, asked);
        response.writeHead(status, headers).end(body);
        return true;
      }
      if (state === "second") response.setHeader("nearsource-state", "filling");
      return false;
    },
  });
  open.push(origin);
  const kinds = ["components", "settings"] as const;
  const config = { roots: { content: "root.json", settings: root }, kinds };
  const options = { upstream: origin.url, kinds: [...kinds], config };
  const agent = await makeRelayAgent(stage.world, options);
  const entries = [{ range: "127.0.0.0/8", name: "all", url: origin.url, kinds }];
  await writeJson(path.join(agent.folder, "list.json"), { entries, serverFallback: { enabled: false } });
  const relay = await startTestRelay(stage.world, { ...options, agent });
  open.push(relay);
  await relay.relay.refresh();
  const version = () => relay.relay.health().repositories.settings?.version;
  const first = version();
  expect(first).toBeGreaterThan(0);
  state = "second";
  void relay.relay.refresh();
  await expect.poll(version, { timeout: 10_000 }).toBe((first ?? 0) + 1);
  const content = () => ask(relay.url, "/content/metadata/timestamp.json");
  await expect
    .poll(async () => (await content()).headers["nearsource-state"], { timeout: 10_000 })
    .toMatch(/^filling/);
});
