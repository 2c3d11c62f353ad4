import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { hrefOf, type ScreenName } from "../../src/console/screenLinks.ts";
import { SCREENS } from "../../src/console/screens.ts";
import { NO_BROWSER, openSignedIn, seriousFindings, shot, stopBrowser } from "../support/browser.ts";
import { type Administrator, type ConsoleWorld, makeConsole, setUpConsole } from "../support/consoleWorld.ts";
import { fillConsole } from "../support/filledConsole.ts";

const NOBODY = { id: "nobody", kind: "components", name: "nothing" };
/** Screens of one thing, which an empty server does not have. */
const OF_ONE: ScreenName[] = ["agent", "notification", "release", "policy"];
/** Screens that show nothing that was read of the server. */
const OF_THEMSELVES: ScreenName[] = ["account"];
const screens = Object.keys(SCREENS) as ScreenName[];
const addressOf = (screen: ScreenName) => hrefOf(screen as "agent", NOBODY);

describe.skipIf(NO_BROWSER)(`each screen${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: ConsoleWorld;
  let administrator: Administrator;
  beforeAll(async () => {
    world = await makeConsole();
    administrator = await setUpConsole(world);
  });
  afterAll(async () => {
    await world?.close();
    await stopBrowser();
  });

  async function settled(page: Page, screen: ScreenName): Promise<string> {
    await page.locator("main h1").waitFor();
    const isBusy = () => page.locator("[aria-busy=true]").count();
    await expect.poll(isBusy, { message: screen, timeout: 20_000 }).toBe(0);
    return (await page.locator("main").textContent()) ?? "";
  }

  test("of an empty server says what belongs there, and fails nowhere", { timeout: 180_000 }, async () => {
    const { page, faults, close } = await openSignedIn(world.url, administrator.cookie);
    for (const screen of screens) {
      await page.goto(addressOf(screen));
      const text = await settled(page, screen);
      if (OF_ONE.includes(screen)) expect(text, screen).toContain("NOT_FOUND");
      else expect(text, screen).not.toMatch(/NOT_FOUND|UNEXPECTED|OFFLINE|undefined|NaN|1970/);
      expect(text.length, screen).toBeGreaterThan(60);
      expect(await seriousFindings(page), screen).toEqual([]);
      await shot(page, `empty-${screen}`);
    }
    expect(faults).toEqual([]);
    await close();
  });

  test("is opened in the state that its address says", { timeout: 120_000 }, async () => {
    const filled = await fillConsole();
    onTestFinished(() => filled.close());
    const { page, faults, close } = await openSignedIn(filled.url, filled.cookie);
    page.setDefaultTimeout(8_000);
    const main = page.getByRole("main");
    const dialog = (name: string) => page.getByRole("dialog", { name }).waitFor();
    const isCurrent = (name: string) => main.locator("[aria-current]", { hasText: name }).waitFor();
    const isPressed = (name: string) => main.getByRole("button", { name, pressed: true }).waitFor();
    const inRow = async (range: string) =>
      expect
        .poll(() =>
          main
            .getByRole("row")
            .filter({ hasText: /10\.\d/ })
            .allTextContents(),
        )
        .toEqual([expect.stringContaining(range)]);
    const states: Record<string, () => Promise<unknown>> = {
      [hrefOf("agents", { q: "lyon-ws-0003" })]: () =>
        main.getByRole("link", { name: "lyon-ws-0003" }).waitFor(),
      [hrefOf("agents", { domain: "lyon" })]: async () => {
        await main.getByRole("link", { name: "lyon-ws-0003" }).waitFor();
        expect(await main.getByRole("link", { name: /^berlin-ws/ }).count()).toBe(0);
      },
      [hrefOf("agents", { deviates: true })]: () => isPressed("Does not do what the list says"),
      [hrefOf("agents", { state: "never" })]: () =>
        main.getByRole("link", { name: "lyon-ws-0004" }).waitFor(),
      [hrefOf("agents", { role: "update-agent" })]: () =>
        main.getByRole("link", { name: "ua-lyon" }).waitFor(),
      [hrefOf("updateSource", { open: "new", range: "10.7.0.0/24" })]: async () => {
        const first = page
          .getByRole("dialog", { name: "New entry" })
          .getByLabel("First address, or a prefix");
        await expect.poll(() => first.inputValue()).toBe("10.7.0.0/24");
      },
      [hrefOf("updateSource", { open: "import" })]: () => dialog("Import a list"),
      [hrefOf("updateSource", { open: "notify" })]: () => dialog("Notify All Agents"),
      [hrefOf("updateSource", { q: "10.2." })]: () => inRow("10.2.0.0/16"),
      [hrefOf("updateSource", { address: "10.2.0.7" })]: () =>
        main
          .getByText(/ua-lyon/)
          .first()
          .waitFor(),
      [hrefOf("listHistory", { version: 1 })]: () =>
        main.getByRole("button", { name: "Restore…" }).or(main.getByText("first")).first().waitFor(),
      [hrefOf("release", { kind: "components", name: "pattern", open: "stages" })]: () =>
        dialog("Stages of pattern"),
      [hrefOf("release", { kind: "components", name: "pattern", open: "halt" })]: () => dialog("Halt 1.1?"),
      [hrefOf("report", { days: 7 })]: () => isCurrent("7 days"),
      [hrefOf("drill", { without: ["ua-lyon"] })]: async () =>
        expect(await main.getByLabel("ua-lyon").isChecked()).toBe(true),
      [hrefOf("people", { tab: "tokens" })]: () => isCurrent("API tokens"),
      [hrefOf("webhooks", { open: "new" })]: () => dialog("New webhook"),
    };
    const wrong: string[] = [];
    for (const [href, isShown] of Object.entries(states)) {
      await page.goto(href);
      await page.locator("main h1").waitFor();
      await isShown().catch((error: Error) => wrong.push(`${href}: ${error.message}`));
      expect(new URL(page.url()).href, href).toBe(new URL(href, filled.url).href);
    }
    expect(wrong).toEqual([]);
    // What is typed and chosen is said in the address.
    await page.goto("/update-source");
    await main.getByRole("searchbox").first().fill("10.8.");
    await expect.poll(() => page.url()).toContain("q=10.8.");
    await page.goto("/releases/components/pattern");
    await main.getByRole("button", { name: "Stages…" }).click();
    expect(page.url()).toContain("open=stages");
    await page.keyboard.press("Escape");
    await expect.poll(() => page.url()).not.toContain("open=");

    // Columns that were chosen are those of the next time.
    await page.goto("/agents");
    const column = () => main.getByRole("columnheader", { name: "Program" });
    expect(await column().count()).toBe(0);
    await main.getByRole("button", { name: "Columns" }).click();
    await page.getByLabel("Program").check();
    await column().waitFor();
    await page.reload();
    await column().waitFor();

    // Also on a telephone agents are ticked.
    await page.setViewportSize({ width: 360, height: 800 });
    await main.getByLabel("Select ua-berlin").check();
    await main.getByRole("button", { name: "Update Agent Settings…" }).click();
    await dialog("Update Agent Settings");
    await page.keyboard.press("Escape");
    await shot(page, "agents-360-ticked");
    expect(faults).toEqual([]);
    await close();
  });

  test("of a server that is away says so, with the way to try again, and shows itself once it is back", {
    timeout: 240_000,
  }, async () => {
    const { page, faults, close } = await openSignedIn(world.url, administrator.cookie);
    page.setDefaultTimeout(20_000);
    await page.goto("/");
    await settled(page, "overview");
    await world.stop();
    const goTo = (href: string) =>
      page.evaluate(
        `history.pushState(null, "", ${JSON.stringify(href)}), dispatchEvent(new PopStateEvent("popstate"))`,
      );
    for (const screen of screens.filter((each) => !OF_THEMSELVES.includes(each) && each !== "overview")) {
      await goTo(addressOf(screen));
      const text = await settled(page, screen);
      expect(text, screen).toMatch(/the server does not answer/i);
      // A number that is not known is no number.
      if (screen === "agents") expect(text).toMatch(/All agents\s*–/);
      const again = page.getByRole("main").getByRole("button", { name: "Try again" });
      expect(await again.count(), screen).toBeGreaterThan(0);
      await shot(page, `away-${screen}`);
    }
    await goTo("/policies");
    await settled(page, "policies");
    await world.restart();
    await page.getByRole("main").getByRole("button", { name: "Try again" }).last().click();
    await page.getByRole("link", { name: "New policy" }).first().waitFor();
    expect(faults).toEqual([]);
    await close();
  });
});
