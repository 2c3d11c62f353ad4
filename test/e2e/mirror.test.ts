import { expect, onTestFinished, test } from "vitest";
import { NO_BROWSER, openSignedIn, seriousFindings, shot, stopBrowser } from "../support/browser.ts";
import { makeConsole, setUpConsole } from "../support/consoleWorld.ts";
import { contentPublications } from "../support/repositories.ts";
import { startSource } from "../support/source.ts";

test.skipIf(NO_BROWSER)(
  `the vendor's content is looked for by a button, which says what came of it, when the next look is, and how the files are${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`,
  {
    timeout: 120_000,
  },
  async () => {
    onTestFinished(stopBrowser);
    const { root, states } = await contentPublications();
    const vendor = await startSource(states.get("v1") ?? "", { etags: true });
    onTestFinished(() => vendor.close());
    const settings = { activeUpdate: vendor.url, roots: { content: root }, mirror: { minFree: 0 } };
    const world = await makeConsole(settings);
    onTestFinished(() => world.close());
    const { cookie, signIn } = await setUpConsole(world);
    const { page, faults, close } = await openSignedIn(world.url, cookie);
    page.setDefaultTimeout(30_000);
    await page.goto("/releases");
    const panel = page.getByRole("region", { name: "The vendor's content" });
    const look = () => panel.getByRole("button", { name: "Look for new content now" }).click();
    await panel.getByText(/found something newer/).waitFor();
    await panel.getByText(/^in \d+ min$/).waitFor();

    await look();
    await panel.getByText(/nothing newer/).waitFor();
    vendor.root = states.get("v2") ?? "";
    await look();
    await panel.getByText(/found something newer/).waitFor();
    await panel.getByRole("button", { name: "Read all files through" }).click();
    await panel.getByText(/\d+ files?, all as they were signed/).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "mirror");

    await vendor.close();
    await look();
    await panel.getByText(/: failed/).waitFor();
    await shot(page, "mirror-failed");
    expect(faults).toEqual([]);
    await close();

    const viewer = await openSignedIn(world.url, await signIn("viewer"));
    await viewer.page.goto("/releases");
    await viewer.page.getByText(/: failed/).waitFor();
    expect(await viewer.page.getByRole("button", { name: "Look for new content now" }).count()).toBe(0);
    await viewer.close();
  },
);
