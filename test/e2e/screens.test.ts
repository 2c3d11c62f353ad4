import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { may, type Role } from "../../src/console/api/may.ts";
import { hrefOf, LINKS, type ScreenName } from "../../src/console/screenLinks.ts";
import { SCREENS } from "../../src/console/screens.ts";
import { NO_BROWSER, openPage, seriousFindings, stopBrowser, type WatchedPage } from "../support/browser.ts";
import { type FilledConsole, fillConsole } from "../support/filledConsole.ts";

const ROLES: Role[] = ["viewer", "operator", "administrator"];
const LOOKS = [
  { width: 360, dark: false },
  { width: 1_280, dark: true },
  { width: 2_560, dark: false },
];
const screens = Object.keys(SCREENS) as ScreenName[];

describe.skipIf(NO_BROWSER)(`every screen${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: FilledConsole;
  let params: Record<string, Record<string, string>>;
  const cookies = new Map<Role, string>();

  beforeAll(async () => {
    world = await fillConsole();
    const policies = (await world.call("GET", "/policies")).body.items;
    const notification = (await world.call("POST", "/notifications", { target: { all: true } })).body;
    params = {
      agent: { id: world.agents.get("lyon-ws-0003")?.id ?? "" },
      policy: { id: policies[0].id },
      notification: { id: notification.id },
      release: { kind: "components", name: "pattern" },
    };
    for (const role of ROLES) cookies.set(role, await world.signIn(role));
  });
  afterAll(async () => {
    await world?.close();
    await stopBrowser();
  });

  const addressOf = (screen: ScreenName) =>
    hrefOf(screen as "agent", (params[screen] ?? {}) as { id: string });

  async function signedIn(role: Role, look: { width: number; dark: boolean }): Promise<WatchedPage> {
    const opened = await openPage(world.url, look);
    const [name = "", value = ""] = cookies.get(role)?.split("=") ?? [];
    await opened.page.context().addCookies([{ name, value, url: world.url }]);
    return opened;
  }

  test.each(LOOKS)("has its heading and no fault at $width px, dark: $dark", async (look) => {
    const { page, faults, close } = await signedIn("administrator", look);
    for (const screen of screens) {
      await page.goto(addressOf(screen));
      await page.locator("main h1").waitFor();
      await expect.poll(() => page.locator("[aria-busy=true]").count(), { message: screen }).toBe(0);
      expect(await page.title(), screen).toMatch(/ · Nearsource$/);
      expect(await seriousFindings(page), `${screen} at ${look.width}`).toEqual([]);
      const root = "document.documentElement";
      const beyond = await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`);
      expect(beyond, `${screen} scrolls sideways at ${look.width}`).toBeLessThanOrEqual(0);
    }
    expect(faults).toEqual([]);
    await close();
  });

  test.each(ROLES)("shows a %s no more than they may", async (role) => {
    const { page, faults, close } = await signedIn(role, { width: 1_280, dark: false });
    await page.goto("/");
    const menu = page.getByRole("navigation", { name: "Main" });
    await menu.waitFor();
    for (const screen of screens) {
      const { title, menu: group, needs } = SCREENS[screen] ?? { title: "" };
      const isOpen = needs === undefined || may(role, needs);
      if (group !== undefined) {
        expect(await menu.getByRole("link", { name: title, exact: true }).count(), screen).toBe(
          isOpen ? 1 : 0,
        );
      }
      if (isOpen) continue;
      await page.goto(addressOf(screen));
      await page.getByRole("heading", { name: "There is no such page" }).waitFor();
    }
    expect(faults).toEqual([]);
    await close();
  });

  test("that is gone to takes the focus to its heading, and Back leads back", async () => {
    const { page, close } = await signedIn("administrator", { width: 1_280, dark: false });
    await page.goto("/agents");
    await page.getByRole("link", { name: "lyon-ws-0003" }).click();
    await expect.poll(() => page.evaluate("document.activeElement.tagName")).toBe("H1");
    await expect.poll(() => page.locator("h1").textContent()).toBe("lyon-ws-0003");
    await page.goBack();
    await page.getByRole("heading", { name: "Agent Management" }).waitFor();
    await close();
  });

  test("is one of those that have an address", () => {
    expect(screens.filter((screen) => !(screen in LINKS))).toEqual([]);
  });
});
