import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { openPage, openSignedIn, stopBrowser } from "../test/support/browser.ts";
import { USER } from "../test/support/consoleWorld.ts";
import { type FilledConsole, fillConsole } from "../test/support/filledConsole.ts";
import { median } from "./measure.ts";
import type { Bench, Outcome } from "./outcome.ts";
import { FLEET } from "./server/fleet.ts";
import { startOwnServer } from "./server/ownServer.ts";

const ENTRIES = 1_024;
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];

/**
 * The console with a full list, in a real browser: time until it can be used, and from a key to the picture that
 * shows it. The peer is the same page with three entries.
 */
export async function consolePage(bench: Bench): Promise<Outcome> {
  const { runs, say } = bench;
  const notes = [
    "times of the browser's own clock, headless Chromium, the page and its server on this machine",
  ];
  if (!CHROMIUM.some(existsSync)) return { tables: [], goals: [], notes: ["there is no Chromium here"] };
  const world = await fillConsole();
  try {
    const [few, many] = [await measure(world, runs, 3), await measure(world, runs, ENTRIES)];
    const fleet = await largeFleet(bench);
    say(`console: ${ENTRIES} entries can be used after ${many.ready.toFixed(0)} ms`);
    const row = (what: string, key: keyof Measured) => [what, few[key].toFixed(0), many[key].toFixed(0)];
    return {
      tables: [
        {
          title: "Update Source in the console",
          headings: ["ms, median", "3 entries", `${ENTRIES} entries`],
          rows: [
            row("until it can be used", "ready"),
            row("a key in the search", "typing"),
            row("Alt ↓ moves an entry", "moving"),
          ],
        },
        {
          title: `The console of ${FLEET.toLocaleString("en")} agents`,
          headings: ["ms, median", "until it can be used", "until all is there", "a key in its search"],
          rows: fleet.map(({ screen, ready, whole, typing }) => [
            screen,
            ready.toFixed(0),
            whole.toFixed(0),
            typing?.toFixed(0) ?? "",
          ]),
        },
      ],
      goals: [
        { name: `a key in the search of ${ENTRIES} entries`, value: many.typing, limit: 100, unit: "ms" },
        { name: `moving one of ${ENTRIES} entries`, value: many.moving, limit: 100, unit: "ms" },
        {
          name: `a key in the search of ${FLEET.toLocaleString("en")} agents`,
          value: Math.max(...fleet.flatMap(({ typing }) => typing ?? [])),
          limit: 100,
          unit: "ms",
        },
      ],
      notes,
    };
  } finally {
    await stopBrowser();
    await world.close();
  }
}

/** Screens of a large fleet, with what is on them once they can be used, and the field of their search. */
const SCREENS: { screen: string; path: string; shown: string; search?: string }[] = [
  { screen: "Overview", path: "/", shown: "section.panel h2" },
  { screen: "Agent Management", path: "/agents", shown: "tbody tr", search: "#agent-search" },
  { screen: "Update Source", path: "/update-source", shown: "section.panel h2" },
  { screen: "Analytical report", path: "/report", shown: "section.panel h2" },
];

interface OpenedScreen {
  screen: string;
  ready: number;
  /** Until nothing on it waits for an answer. */
  whole: number;
  typing?: number;
}

/** The console of a server with a large fleet, which runs as a process of its own. */
async function largeFleet(bench: Bench): Promise<OpenedScreen[]> {
  const server = await startOwnServer(bench, "SQLite");
  try {
    const url = `http://127.0.0.1:${server.console}`;
    const cookie = await signIn(url);
    const found = [];
    for (const each of SCREENS) {
      bench.say(`console: ${each.screen} of a large fleet`);
      const all = [];
      for (let run = 0; run < bench.runs; run++) all.push(await openScreen(url, cookie, each));
      const typing = all.flatMap((one) => one.typing ?? []);
      const ready = median(all.map((one) => one.ready));
      const whole = median(all.map((one) => one.whole));
      found.push({
        screen: each.screen,
        ready,
        whole,
        ...(typing.length === 0 ? {} : { typing: median(typing) }),
      });
    }
    return found;
  } finally {
    await server.close();
  }
}

/** @returns the cookie of a session of the administrator that `startOwnServer` made */
async function signIn(url: string): Promise<string> {
  const answer = await fetch(`${url}/api/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json", "sec-fetch-site": "same-origin" },
    body: JSON.stringify(USER),
  });
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}

async function openScreen(url: string, cookie: string, { path, shown, search }: (typeof SCREENS)[number]) {
  const { page, close } = await openSignedIn(url, cookie);
  page.setDefaultTimeout(120_000);
  await page.goto(path, { waitUntil: "commit" });
  await page.locator(shown).first().waitFor();
  const ready = Number(await page.evaluate("performance.now()"));
  await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
  const whole = Number(await page.evaluate("performance.now()"));
  if (search !== undefined) await page.locator(search).focus();
  const typing = search === undefined ? undefined : await untilPainted(page, "7");
  await close();
  return { ready, whole, typing };
}

interface Measured {
  ready: number;
  typing: number;
  moving: number;
}

async function measure(world: FilledConsole, runs: number, entries: number): Promise<Measured> {
  const { version } = (await world.call("GET", "/source-list")).body;
  await world.call("PUT", "/source-list", listOf(entries), { "if-match": `"${version}"` });
  const all: Measured[] = [];
  for (let run = 0; run < runs; run++) all.push(await once(world));
  const of = (key: keyof Measured) => median(all.map((each) => each[key]));
  return { ready: of("ready"), typing: of("typing"), moving: of("moving") };
}

async function once(world: FilledConsole): Promise<Measured> {
  const { page, close } = await openPage(world.url);
  const [name = "", value = ""] = world.cookie.split("=");
  await page.context().addCookies([{ name, value, url: world.url }]);
  await page.goto("/update-source", { waitUntil: "commit" });
  await page.getByRole("grid").waitFor();
  const ready = Number(await page.evaluate("performance.now()"));
  await page.getByText(/^computed in/).waitFor();
  await page.getByRole("row").nth(1).focus();
  const moving = await untilPainted(page, "Alt+ArrowDown");
  await page.getByLabel("Range, address or source").focus();
  const typing = await untilPainted(page, "7");
  await close();
  return { ready, typing, moving };
}

/** Time (ms) from a key to the second picture after it, by when its effect is drawn. */
async function untilPainted(page: Page, key: string): Promise<number> {
  await page.evaluate(`globalThis.painted = new Promise((done) => addEventListener("keydown", ({ timeStamp }) =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - timeStamp))),
    { once: true, capture: true })); 0`);
  await page.keyboard.press(key);
  return Number(await page.evaluate("globalThis.painted"));
}

function listOf(entries: number) {
  return {
    mode: "customized",
    entries: Array.from({ length: entries }, (_, index) => ({
      range: `10.${Math.floor(index / 250)}.${index % 250}.0/24`,
      url: `http://10.200.${Math.floor(index / 250)}.${index % 250}:21112`,
      kinds: ["components"],
    })),
    serverFallback: { enabled: true },
  };
}
