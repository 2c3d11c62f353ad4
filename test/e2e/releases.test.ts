import { promises as fs } from "node:fs";
import path from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { NO_BROWSER, openSignedIn, seriousFindings, shot, stopBrowser } from "../support/browser.ts";
import { type ConsoleFleet, makeFleet } from "../support/consoleFleet.ts";
import { fillConsole } from "../support/filledConsole.ts";

/** Refuses the release of which `version` says 2.0. */
const HOOK = '#!/bin/sh\n! grep -q "^2.0" "$NEARSOURCE_CURRENT/components/rules/version"\n';

describe.skipIf(NO_BROWSER)(`Releases${NO_BROWSER ? `: ${NO_BROWSER}` : ""}`, () => {
  let fleet: ConsoleFleet;
  beforeAll(async () => {
    fleet = await makeFleet(["pilot"], { releases: { watchEvery: 200 }, approval: { share: 0.1 } });
  });
  afterAll(async () => {
    await fleet?.close();
    await stopBrowser();
  });

  const opened = async (place: string, cookie: string) => {
    const found = await openSignedIn(fleet.url, cookie);
    found.page.setDefaultTimeout(20_000);
    await found.page.goto(place);
    await found.page.locator("main h1").waitFor();
    return found;
  };
  /** Opens the dialog of an action of the release, and does what it asks about. */
  async function act(page: Page, action: string, deed: string): Promise<void> {
    await page.getByRole("button", { name: action }).click();
    const dialog = page.getByRole("dialog");
    expect(await seriousFindings(page)).toEqual([]);
    await dialog.getByRole("button", { name: deed, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  }
  /** Another person decides about what waits. */
  async function decide(page: Page, deed: "Approve" | "Refuse"): Promise<void> {
    await page.getByRole("navigation").getByRole("link", { name: "Releases" }).click();
    const waiting = page.getByRole("region", { name: "Waits for a second person" });
    await waiting.getByRole("button", { name: deed }).click();
    await waiting.waitFor({ state: "detached" });
  }

  test("a stage whose agents' hook fails is halted by the server, with the evidence, and goes on when two people agree", {
    timeout: 240_000,
  }, async () => {
    const agents = [
      await withHook("pilot-1", "127.0.1.1", "pilot"),
      await withHook("pilot-2", "127.0.1.2", "pilot"),
      await withHook("office-1", "127.0.1.3", "default"),
    ];
    await fleet.until(agents, "1.0");
    const [ada, bob] = [
      await opened("/releases", fleet.cookie),
      await opened("/releases", await fleet.signIn("administrator")),
    ];

    // The pilots first, everybody a day later.
    await ada.page.getByRole("link", { name: "rules" }).click();
    await ada.page.getByRole("button", { name: "Stages…" }).click();
    const stages = ada.page.getByRole("dialog", { name: "Stages of rules" });
    await stages.getByRole("button", { name: "Add a stage" }).click();
    await stages.getByRole("button", { name: "Add a stage" }).click();
    const first = stages.getByRole("group", { name: "Stage 1" });
    await first.getByLabel("Hours after first seen").fill("0");
    await first.getByLabel("Only in the domain").selectOption("pilot");
    expect(await seriousFindings(ada.page)).toEqual([]);
    await stages.getByRole("button", { name: "Save stages" }).click();
    await stages.waitFor({ state: "detached" });
    await ada.page.getByRole("list", { name: "Stages" }).waitFor();

    // A release comes, the pilots are told of it, and take it back.
    await fleet.publish("2.0");
    await fleet.call("POST", "/notifications", { target: { all: true } });
    await ada.page.getByText(/^Halted by the server/).waitFor();
    const evidence = ada.page.getByRole("region", { name: "Failures, with the evidence" });
    await evidence
      .getByRole("link", { name: /^pilot-/ })
      .first()
      .waitFor();
    await evidence.getByText("HOOK_FAILED").first().waitFor();
    expect(await evidence.getByText("office-1").count()).toBe(0);
    expect(await seriousFindings(ada.page)).toEqual([]);
    await shot(ada.page, "halted");
    expect(await Promise.all(agents.map((each) => each.installed()))).toEqual(["1.0", "1.0", "1.0"]);

    // Whoever looks at the whole is told of it, with a way there.
    await bob.page.getByRole("link", { name: "Overview" }).first().click();
    await bob.page.getByText(/^rules 2\.0 was halted\./).waitFor();
    await bob.page.getByRole("link", { name: "Look at the evidence" }).click();
    await bob.page.getByText(/^Halted by the server/).waitFor();

    // Ada would try it again, at so many that somebody else has to agree: Bob does not.
    await act(ada.page, "Resume…", "Resume");
    const own = ada.page.getByRole("region", { name: "Waits for a second person" });
    await own.getByText("You asked for it: somebody else has to approve.").waitFor();
    expect(await own.getByRole("button", { name: "Approve" }).isDisabled()).toBe(true);
    await decide(bob.page, "Refuse");
    await own.waitFor({ state: "detached" });

    // She rolls back instead. A release that is well follows: the pin goes, and the pilots get it.
    await act(ada.page, "Roll back…", "Roll back");
    await shot(ada.page, "rolled-back");
    await ada.page.getByText(/^Pinned to 1\.0/).waitFor();
    await fleet.publish("2.1");
    await act(ada.page, "Resume…", "Resume");
    await decide(bob.page, "Approve");
    await ada.page.getByText(/^Pinned to 1\.0/).waitFor({ state: "detached" });
    await fleet.until(agents.slice(0, 2), "2.1");
    expect(await agents[2]?.installed()).toBe("1.0");
    await ada.page.getByText("2 of the 2 agents of this stage have it").waitFor();
    await shot(ada.page, "resumed");
    expect([...ada.faults, ...bob.faults]).toEqual([]);
    await ada.close();
    await bob.close();
  });

  async function withHook(name: string, address: string, domain: string) {
    const hook = path.join(path.dirname(fleet.dir), "hook.sh");
    await fs.writeFile(hook, HOOK, { mode: 0o755 });
    return await fleet.start(name, { address, domain, config: { hooks: { afterUpdate: [hook] } } });
  }
});

test.skipIf(NO_BROWSER)(
  "stages are written by the form: a way that most take, changed, with the share that halts; what is refused is said at its field",
  {
    timeout: 120_000,
  },
  async () => {
    onTestFinished(stopBrowser);
    const world = await fillConsole();
    onTestFinished(() => world.close());
    const { page, faults, close } = await openSignedIn(world.url, world.cookie);
    page.setDefaultTimeout(20_000);
    await page.goto("/releases/components/pattern?open=stages");
    const form = page.getByRole("dialog", { name: "Stages of pattern" });
    await form.getByRole("button", { name: "5 %, 25 %, everybody" }).click();
    const stage = (number: number) => form.getByRole("group", { name: `Stage ${number}` });
    await stage(2).getByRole("button", { name: "Remove stage 2" }).click();
    await stage(1).getByLabel("Percent of the agents").fill("10");
    await stage(1).getByLabel("Only in the domain").selectOption("lyon");
    await stage(2).getByLabel("Hours after first seen").fill("36");
    await form.getByLabel("Halt when more than this percent fail").fill("2.5");

    // Later stages come later: the server says at which field that is not so.
    await stage(1).getByLabel("Hours after first seen").fill("48");
    await form.getByRole("button", { name: "Save stages" }).click();
    await form.getByRole("alert").or(form.locator(".find-line.bad")).first().waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await shot(page, "stages-refused");
    await stage(1).getByLabel("Hours after first seen").fill("0");
    await form.getByRole("button", { name: "Save stages" }).click();
    await form.waitFor({ state: "detached" });
    const stages = page.getByRole("list", { name: "Stages" });
    await stages.getByText("Stage 1: 10 %").waitFor();
    await stages.getByText("Stage 2: everybody").waitFor();
    await shot(page, "stages-saved");
    const { body } = await world.call("GET", "/releases/components/pattern");
    expect(body.stages).toEqual([
      { percent: 10, after: 0, domains: ["lyon"] },
      { percent: 100, after: 36 * 3_600_000 },
    ]);
    expect(body.limits.share).toBe(0.025);
    expect(faults).toEqual([]);
    await close();
  },
);
