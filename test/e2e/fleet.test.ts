import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addHolder, tickAllKinds } from "../support/articleSteps.ts";
import { NO_BROWSER, openSignedIn, seriousFindings, shot, stopBrowser } from "../support/browser.ts";
import { type ConsoleFleet, type FleetAgent, makeFleet } from "../support/consoleFleet.ts";

describe.skipIf(NO_BROWSER)(`a fleet of real agents${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let fleet: ConsoleFleet;
  let leader: FleetAgent;
  let worker: FleetAgent;
  beforeAll(async () => {
    fleet = await makeFleet(["berlin", "lyon"]);
    leader = await fleet.start("berlin-ua", { address: "127.0.2.1", domain: "berlin" });
    worker = await fleet.start("berlin-ws", { address: "127.0.2.2", domain: "berlin" });
    await fleet.until([leader, worker], "1.0");
  });
  afterAll(async () => {
    await fleet?.close();
    await stopBrowser();
  });

  async function opened(place: string) {
    const found = await openSignedIn(fleet.url, fleet.cookie);
    found.page.setDefaultTimeout(20_000);
    await found.page.goto(place);
    await found.page.locator("main h1").waitFor();
    return found;
  }

  test("goes by a policy that makes a named agent an Update Agent, and updates through it", {
    timeout: 240_000,
  }, async () => {
    const { page, faults, close } = await opened("/policies");

    // Policies > Policy Management: the agent by name, three ticks.
    await page.getByRole("link", { name: "New policy" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("Update Agents");
    await page.getByRole("searchbox", { name: "Agents, by name" }).fill("berlin-ua");
    await page.getByRole("button", { name: "berlin-ua", exact: true }).click();
    for (const kind of ["Component updates", "Domain settings", "Agent programs and hot fixes"]) {
      await page.getByRole("group", { name: "Agents can act as Update Agents for" }).getByLabel(kind).check();
    }
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Save policy" }).click();
    await page.getByRole("heading", { name: "Update Agents", exact: true }).waitFor();
    await expect
      .poll(async () => (await fleet.call("GET", "/update-agents")).body.items, SOON)
      .toMatchObject([{ name: "berlin-ua", byHand: [], kinds: ["settings", "components", "programs"] }]);

    // Updates > Agents > Update Source: the site's addresses, from the drop-down, by its address.
    await addHolder(page, "127.0.2.0/24", "berlin-ua");
    await page.getByLabel("Update Agents update only from the server").check();
    await page.getByRole("complementary").getByRole("button", { name: "Save version 1" }).click();
    await page.getByText("Version 1 is signed and in force.").waitFor();

    await leader.resident.said(/this agent is an Update Agent/);
    // A release comes; both are told, the Update Agent first, and the other fetches from it.
    await fleet.publish("1.1");
    await page.getByRole("link", { name: "Notify All Agents" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Notify", exact: true }).click();
    const berlin = page.getByRole("region", { name: "By domain" }).getByRole("row", { name: /^berlin/ });
    await expect.poll(() => countsIn(berlin), SOON).toEqual(["2", "", ...TWO_DONE]);
    await page.getByText("It has ended.").waitFor();
    await expect.poll(() => worker.installed(), SOON).toBe("1.1");

    await page.getByRole("link", { name: "Agent Management" }).click();
    await page.getByRole("link", { name: "berlin-ws" }).click();
    const happened = page.getByRole("table", { name: "Planned beside happened" });
    // A run for the list may have come after the one that fetched the release: that it went there is what stays.
    await happened
      .getByRole("row", { name: /berlin-ua/ })
      .first()
      .waitFor();
    await page.getByRole("region", { name: "Runs" }).getByText("berlin-ua").first().waitFor();
    await shot(page, "agent-through-update-agent");
    expect(faults).toEqual([]);
    await close();
  });

  test("is notified site by site, and the agent that died is named with the reason", {
    timeout: 120_000,
  }, async () => {
    // It asks the server for nothing, so that the server has to reach it.
    const [address, config] = ["127.0.3.1", { notify: { poll: false } }];
    const dead = await fleet.start("lyon-ws", { address, domain: "lyon", config });
    await fleet.tell(dead, address);
    await expect
      .poll(async () => (await fleet.call("GET", `/agents/${dead.id}`)).body.outcome, SOON)
      .toMatch(/updated|current/);
    dead.resident.process.kill("SIGKILL");
    await dead.resident.ended;
    const { page, faults, close } = await opened("/update-source?open=notify");
    await page.getByRole("dialog").getByRole("button", { name: "Notify", exact: true }).click();
    const unreachable = page.getByRole("region", { name: "Could not be reached" });
    await unreachable.getByRole("row", { name: /^lyon-ws.*CONNECTION_REFUSED/ }).waitFor();
    const sites = page.getByRole("region", { name: "By domain" });
    const site = (name: string) => sites.getByRole("row", { name: new RegExp(`^${name}`) });
    await expect.poll(() => countsIn(site("berlin")), SOON).toEqual(["2", "", ...TWO_DONE]);
    // Nothing new has come since: they look, and say so, without a run.
    await expect.poll(() => site("berlin").getByText("2 had it already").count(), SOON).toBe(1);
    await expect.poll(() => countsIn(site("lyon")), SOON).toEqual(["1", "", "0", "0", "0", "0", "0", "1"]);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "notification-by-site");
    await page.setViewportSize({ width: 360, height: 800 });
    await shot(page, "notification-by-site-360");
    expect(await seriousFindings(page)).toEqual([]);
    await page.setViewportSize({ width: 1_280, height: 900 });
    await unreachable.getByRole("link", { name: "lyon-ws" }).click();
    await page.getByRole("heading", { name: "lyon-ws" }).waitFor();
    expect(faults).toEqual([]);
    await close();
  });

  test("gets an Update Agent by three ticks, through which another agent updates", {
    timeout: 240_000,
  }, async () => {
    const oslo = await fleet.start("oslo-ua", { address: "127.0.4.1" });
    const near = await fleet.start("oslo-ws", { address: "127.0.4.2" });
    const { page, faults, close } = await opened("/agents?q=oslo-ua");

    // Agents > Agent Management: the agent, Settings > Update Agent Settings, three ticks, Save.
    expect(await page.getByRole("button", { name: "Update Agent Settings…" }).isDisabled()).toBe(true);
    await page.getByText("Tick agents for what is done to a selection.").waitFor();
    await page.getByLabel("Select oslo-ua").check();
    await tickAllKinds(page);
    const granted = page.getByRole("status").filter({ hasText: "takes the role up with the next run" });
    await granted.getByText("oslo-ua").waitFor();
    await granted.getByRole("button", { name: "Notify" }).click();
    await page.getByRole("dialog").getByText("1 agent").waitFor();
    await page.keyboard.press("Escape");

    // Updates > Agents > Update Source: its network, from the drop-down; Save, Notify All Agents.
    await addHolder(page, "127.0.4.0/24", "oslo-ua");
    await page
      .getByRole("complementary")
      .getByRole("button", { name: /^Save version/ })
      .click();
    await page.getByText(/is signed and in force\.$/).waitFor();
    await oslo.resident.said(/this agent is an Update Agent/);
    await fleet.publish("1.2");
    await page.getByRole("link", { name: "Notify All Agents" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Notify", exact: true }).click();
    await page.getByRole("heading", { name: "Notification" }).waitFor();
    await expect.poll(() => near.installed(), SOON).toBe("1.2");

    await page.goto(`/agents/${near.id}`);
    await page.getByRole("region", { name: "Runs" }).getByText("oslo-ua").first().waitFor();
    expect(faults).toEqual([]);
    await close();
  });
});

const SOON = { timeout: 60_000 };
/** Cells of a row, without how many of those that are done had it already. */
async function countsIn(row: Locator): Promise<string[]> {
  const cells = await row.getByRole("cell").allTextContents();
  return cells.map((text) => text.replace(/ [\d,]+ had it already$/, ""));
}
/** Waiting, told, running, done, failed, could not be reached. */
const TWO_DONE = ["0", "0", "0", "2", "0", "0"];
