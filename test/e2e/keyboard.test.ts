import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NO_BROWSER, openSignedIn, seriousFindings, stopBrowser } from "../support/browser.ts";
import { type FilledConsole, fillConsole } from "../support/filledConsole.ts";

/** More stops than any screen here has. */
const MOST_STOPS = 80;

describe.skipIf(NO_BROWSER)(`the keyboard alone${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let world: FilledConsole;
  beforeAll(async () => {
    world = await fillConsole();
  });
  afterAll(async () => {
    await world?.close();
    await stopBrowser();
  });

  const focused = (page: Page) =>
    page.evaluate<string>(
      "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent).trim()",
    );
  /** Presses Tab until something of this name has the focus. */
  async function tabTo(page: Page, name: RegExp): Promise<void> {
    for (let stop = 0; stop < MOST_STOPS; stop++) {
      if (name.test(await focused(page))) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`nothing called ${name} can be reached; the focus is at ${await focused(page)}`);
  }

  test.each([
    { look: "light", dark: false },
    { look: "dark", dark: true },
  ])(
    "adds an entry, orders, saves and notifies; each dialog gives the focus back ($look)",
    {
      timeout: 120_000,
    },
    async ({ dark }) => {
      const { page, faults, close } = await openSignedIn(world.url, world.cookie, { dark });
      page.setDefaultTimeout(30_000);
      const range = dark ? "10.51.0.0/16" : "10.50.0.0/16";
      await page.goto("/update-source");
      await page.getByRole("heading", { name: "Update Source", exact: true }).waitFor();
      await page.getByRole("link", { name: "Add…" }).waitFor();

      await tabTo(page, /^Add…$/);
      await page.keyboard.press("Enter");
      const drawer = page.getByRole("dialog", { name: "New entry" });
      await drawer.waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await drawer.waitFor({ state: "detached" });
      await expect.poll(() => focused(page)).toBe("Add…");
      await page.keyboard.press("Enter");
      await drawer.waitFor();
      await page.keyboard.type(range);
      await page.keyboard.press("Enter");
      await drawer.waitFor({ state: "detached" });
      await expect.poll(() => focused(page)).toBe("Add…");

      // The list is one stop; the new entry is its last row, and goes to the top.
      const row = page.getByRole("row").filter({ hasText: range });
      await row.waitFor();
      const isInList = () => page.evaluate<boolean>("document.activeElement.hasAttribute('data-key')");
      for (let stop = 0; stop < MOST_STOPS && !(await isInList()); stop++) await page.keyboard.press("Tab");
      await page.keyboard.press("End");
      await page.keyboard.press("Alt+ArrowUp");
      await page.keyboard.press("Alt+Home");
      await expect.poll(() => page.getByRole("row").nth(1).textContent()).toContain(range);
      await expect.poll(() => focused(page)).toContain(range);
      await tabTo(page, /^Save version/);
      await page.keyboard.press("Enter");
      await page.getByText(/is signed and in force\.$/).waitFor();
      const { list } = (await world.call("GET", "/source-list")).body;
      expect(list.entries[0].range).toBe(range);

      await tabTo(page, /^Notify All Agents$/);
      await page.keyboard.press("Enter");
      const dialog = page.getByRole("dialog", { name: "Notify All Agents" });
      await dialog.waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
      await expect.poll(() => focused(page)).toBe("Notify All Agents");
      await page.keyboard.press("Enter");
      await dialog.waitFor();
      await tabTo(page, /^Notify$/);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Notification" }).waitFor();
      await expect.poll(() => focused(page)).toBe("Notification");
      expect(faults).toEqual([]);
      await close();
    },
  );
});
