import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NO_BROWSER, openSignedIn, seriousFindings, shot, stopBrowser } from "../support/browser.ts";
import { type FilledConsole, fillConsole, LIST } from "../support/filledConsole.ts";

/** The clock of the viewer, as it stands in a sentence. */
const CLOCK = /\d\d:\d\d/;

describe.skipIf(NO_BROWSER)(`two people at once${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: FilledConsole;
  let other = "";
  let policy = { id: "", version: 0 };
  beforeAll(async () => {
    world = await fillConsole();
    other = await world.signIn("administrator");
    policy = (await world.call("GET", "/policies")).body.items[0];
  });
  afterAll(async () => {
    await world?.close();
    await stopBrowser();
  });

  async function opened(place: string, cookie = world.cookie) {
    const found = await openSignedIn(world.url, cookie);
    found.page.setDefaultTimeout(30_000);
    await found.page.goto(place);
    await found.page.locator("main h1").waitFor();
    return found;
  }
  const inForce = async () => (await world.call("GET", "/source-list")).body;
  const row = (page: Page, text: string) => page.getByRole("row").filter({ hasText: text });
  const save = (page: Page) => page.getByRole("complementary").getByRole("button", { name: /^Save version/ });
  const isSaved = (page: Page) => page.getByText(/is signed and in force\.$/).waitFor();
  const question = (page: Page) => page.getByRole("alert").filter({ hasText: "while you were editing" });
  /** A line over which an answer takes its time. */
  async function slow(page: Page, latency: number) {
    const line = await page.context().newCDPSession(page);
    const speed = { offline: false, latency, downloadThroughput: -1, uploadThroughput: -1 };
    await line.send("Network.emulateNetworkConditions", speed);
    return () => line.send("Network.emulateNetworkConditions", { ...speed, latency: 0 });
  }
  async function tick(page: Page, kind: string) {
    await row(page, "10.2.0.0/16").getByRole("link").click();
    const drawer = page.getByRole("dialog", { name: "Entry" });
    await drawer.getByLabel(kind).check();
    await drawer.getByRole("button", { name: "Change entry" }).click();
    await drawer.waitFor({ state: "detached" });
  }

  test("who change one entry in two ways are asked whose counts, with the other's name and the time", async () => {
    const [mine, theirs] = [await opened("/update-source"), await opened("/update-source", other)];
    await tick(mine.page, "Agent programs and hot fixes");
    await tick(theirs.page, "Domain settings");
    await save(theirs.page).click();
    await isSaved(theirs.page);

    const asked = question(mine.page);
    await asked.getByText(/^the administrator saved version 2 while you were editing/).waitFor();
    expect(await asked.getByRole("time").textContent()).toMatch(CLOCK);
    await asked.getByText("collide in one place").waitFor();
    expect(await seriousFindings(mine.page)).toEqual([]);
    await shot(mine.page, "collision");
    await asked
      .getByRole("group", { name: "entry 2" })
      .getByRole("radio", { name: /^Theirs/ })
      .check();
    await asked.getByRole("button", { name: /^Put together/ }).click();
    await asked.waitFor({ state: "detached" });
    expect((await inForce()).list.entries[1].kinds).not.toContain("programs");
    // Nothing is left of mine here, so there is nothing to save.
    await expect.poll(() => save(mine.page).count()).toBe(0);
    expect([...mine.faults, ...theirs.faults]).toEqual([]);
    await Promise.all([mine.close(), theirs.close()]);
  });

  test("see who saved what, and when, while they only look", async () => {
    const { page, close } = await opened("/update-source");
    await row(page, "10.1.0.0/16").waitFor();
    const { version } = await inForce();
    await world.call("PUT", "/source-list", LIST, { "if-match": `"${version}"`, cookie: other });
    const said = page.getByRole("status").filter({ hasText: `Version ${version + 1}` });
    await said.getByText(/was saved by/).waitFor();
    expect(await said.textContent()).toMatch(/the administrator/);
    expect(await said.getByRole("time").textContent()).toMatch(CLOCK);
    await said.getByRole("button", { name: "Show it" }).click();
    await said.waitFor({ state: "detached" });
    await close();
  });

  test("change one policy, and neither loses what they typed", async () => {
    const { page, faults, close } = await opened(`/policies/${policy.id}`);
    await page.getByLabel("Minutes", { exact: true }).fill("120");
    const version = `"${policy.version}"`;
    const settings = { activeUpdate: true, schedule: { interval: 60_000 }, rateLimit: 90_000 };
    await world.call("PATCH", `/policies/${policy.id}`, { settings }, { "if-match": version, cookie: other });
    const asked = question(page);
    await asked.getByText("collide in one place").waitFor();
    expect(await asked.textContent()).toMatch(/^the administrator saved version 2 while you were editing/);
    expect(await asked.getByRole("time").textContent()).toMatch(CLOCK);
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "collision-policy");
    // What is asked waits over a reload too.
    await page.reload();
    expect(await page.getByLabel("Minutes", { exact: true }).inputValue()).toBe("120");
    await asked.getByRole("button", { name: /^Put together/ }).click();
    await asked.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Save policy" }).click();
    await expect
      .poll(async () => (await world.call("GET", `/policies/${policy.id}`)).body)
      .toMatchObject({ version: 3, settings: { schedule: { interval: 7_200_000 }, rateLimit: 90_000 } });
    expect(faults).toEqual([]);
    await close();
  });

  test("a late answer takes nobody back who has gone on", async () => {
    const { page, close } = await opened("/policies/new");
    await page.getByLabel("Name", { exact: true }).fill("late");
    await slow(page, 1_500);
    const answer = page.waitForResponse(
      (each) => each.request().method() === "POST" && each.url().endsWith("/policies"),
    );
    await page.getByRole("button", { name: "Save policy" }).click();
    await page.getByRole("link", { name: "Logs and audit" }).click();
    await page.getByRole("heading", { name: "Logs and audit" }).waitFor();
    expect((await answer).status()).toBe(201);
    await page.getByRole("cell", { name: /late/ }).first().waitFor();
    expect(new URL(page.url()).pathname).toBe("/logs");
    await close();
  });

  test("what is edited while a save is under way goes on from what was saved", async () => {
    const { page, close } = await opened("/update-source");
    await row(page, "10.8.0.0/16").focus();
    await page.keyboard.press("Alt+ArrowUp");
    await slow(page, 1_500);
    await save(page).click();
    await row(page, "10.8.0.0/16").focus();
    await page.keyboard.press("Alt+ArrowUp");
    await isSaved(page);
    const ranges = (entries: { range: string }[]) => entries.map(({ range }) => range);
    const [berlin, lyon, vpn] = ["10.1.0.0/16", "10.2.0.0/16", "10.8.0.0/16"];
    expect(ranges((await inForce()).list.entries)).toEqual([berlin, vpn, lyon]);
    await expect.poll(() => page.getByRole("row").nth(1).textContent()).toContain(vpn);
    const { version } = await inForce();
    await save(page).click();
    await page.getByText(`Version ${version + 1} is signed and in force.`).waitFor();
    expect(ranges((await inForce()).list.entries)).toEqual([vpn, berlin, lyon]);
    await close();
  });
});
