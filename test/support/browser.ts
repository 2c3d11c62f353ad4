import { existsSync, promises as fs } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";
import { freshConsole } from "../../src/console/buildConsole.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

/** Reason for which there is no browser here; undefined where there is one. */
export const NO_BROWSER = CHROMIUM === undefined ? "there is no /usr/bin/chromium" : undefined;

/** A name of this machine that browsers do not trust over plain HTTP, as they do an address of loopback. */
export const PLAIN_NAME = "console.test";

let starting: Promise<Browser> | undefined;

/** The browser of this test file, started once, with the page as its sources are now. */
export async function startBrowser(): Promise<Browser> {
  starting ??= freshConsole().then(() =>
    chromium.launch({
      executablePath: CHROMIUM as string,
      args: ["--no-sandbox", "--disable-gpu", `--host-resolver-rules=MAP ${PLAIN_NAME} 127.0.0.1`],
      // Pages that are left are kept for a while, as in the browsers of people.
      ignoreDefaultArgs: ["--disable-back-forward-cache"],
    }),
  );
  return await starting;
}

export async function stopBrowser(): Promise<void> {
  await (await starting)?.close();
  starting = undefined;
}

/** A page, and everything about it that nobody may overlook. */
export interface WatchedPage {
  page: Page;
  /** Errors of scripts and of the policy, and requests to anywhere else. */
  faults: string[];
  close(): Promise<void>;
}

/**
 * Opens a page.
 *
 * @param origin all that the page may ask
 */
export async function openPage(
  origin: string,
  options: { width?: number; dark?: boolean; zone?: string } = {},
): Promise<WatchedPage> {
  const { width = 1_280, dark = false, zone = "Europe/Berlin" } = options;
  const browser = await startBrowser();
  const context = await browser.newContext({
    baseURL: origin,
    viewport: { width, height: 900 },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: "reduce",
    timezoneId: zone,
    locale: "en-GB",
  });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    // A refusal that the page is told of is an answer like others.
    const isAnswer = message.text().startsWith("Failed to load resource");
    // Over plain HTTP, by a name, browsers say that one header is for TLS.
    const isOfTls = message.text().startsWith("The Cross-Origin-Opener-Policy header has been ignored");
    if (message.type() === "error" && !isAnswer && !isOfTls) faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${origin}/`)) faults.push(`request: ${request.url()}`);
  });
  return { page, faults, close: () => context.close() };
}

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Serious findings of axe on what is shown. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // The page's policy takes no script but its own: this one is run by the browser's own door.
  await page.evaluate(await fs.readFile(AXE, "utf8"));
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    return (await axe.run()).violations.map(({ id, impact, nodes }) => ({
      id,
      impact,
      html: nodes.map((each) => each.html.slice(0, 200)),
    }));
  });
  return found
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, html }) => `${id}: ${html.join(" | ")}`);
}

/** Opens a page with the session of a cookie. */
export async function openSignedIn(
  origin: string,
  cookie: string,
  options: Parameters<typeof openPage>[1] = {},
): Promise<WatchedPage> {
  const opened = await openPage(origin, options);
  const [name = "", value = ""] = cookie.split("=");
  await opened.page.context().addCookies([{ name, value, url: origin }]);
  return opened;
}

/** Keeps a picture for people to look at, where `SHOTS` names a folder. */
export async function shot(page: Page, name: string): Promise<void> {
  const { SHOTS } = process.env;
  if (SHOTS !== undefined) await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
}
