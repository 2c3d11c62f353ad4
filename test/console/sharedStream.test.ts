import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Channel, SharedStream, type Versions } from "../../src/console/api/sharedStream.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Pages of one browser, and a server that says to each stream what it says. */
class Browser {
  readonly streams = new Set<{ heard(versions: Versions): void; isOver: boolean }>();
  readonly pages: { stream: SharedStream; heard: Versions | undefined; isFrozen: boolean }[] = [];
  versions: Versions = { agents: 0 };
  /** Streams are refused. */
  isFull = false;
  readonly #channels = new Map<Channel, number>();

  constructor(pages: number) {
    for (let index = 0; index < pages; index++) this.pages.push(this.#page(index));
  }

  say(versions: Versions): void {
    this.versions = versions;
    for (const each of [...this.streams]) each.heard(versions);
  }

  #page(index: number) {
    const page = {
      heard: undefined as Versions | undefined,
      isFrozen: false,
      stream: new SharedStream({
        channel: () => this.#channel(index),
        open: (heard) => {
          const stream = { heard, isOver: this.isFull };
          this.streams.add(stream);
          queueMicrotask(() => this.streams.has(stream) && heard(this.isFull ? null : this.versions));
          return { isOver: () => stream.isOver, close: () => this.streams.delete(stream) };
        },
        heard: (versions) => {
          page.heard = versions;
        },
        random: Math.random,
      }),
    };
    return page;
  }

  #channel(index: number): Channel {
    // Messages are late, and come in the order in which they were sent, as those of a BroadcastChannel do.
    const arrivals = new Map<Channel, number>();
    const channel: Channel = {
      onmessage: null,
      postMessage: (said) => {
        for (const [other, at] of this.#channels) {
          if (other === channel || this.pages[index]?.isFrozen) continue;
          const now = Date.now();
          const arrival = Math.max(arrivals.get(other) ?? 0, now + Math.floor(Math.random() * 20));
          arrivals.set(other, arrival);
          setTimeout(() => {
            const isHeard = this.#channels.has(other) && !this.pages[at]?.isFrozen;
            if (isHeard) other.onmessage?.({ data: said } as MessageEvent);
          }, arrival - now);
        }
      },
      close: () => this.#channels.delete(channel),
    };
    this.#channels.set(channel, index);
    return channel;
  }
}

const steps = fc.array(
  fc.record({ page: fc.nat(5), to: fc.constantFrom("start", "stop"), wait: fc.nat(2_000) }),
  { maxLength: 40 },
);

test("however pages come and go, one stream is open in the end, and every page that is seen hears what it says", async () => {
  const property = fc.asyncProperty(steps, async (all) => {
    const browser = new Browser(6);
    for (const { page, to, wait } of all) {
      browser.pages[page]?.stream[to as "start"]();
      await vi.advanceTimersByTimeAsync(wait);
    }
    await vi.advanceTimersByTimeAsync(30_000);
    const on = browser.pages.filter(({ stream }) => stream.isOn);
    expect(browser.streams.size).toBe(on.length === 0 ? 0 : 1);
    browser.say({ agents: 1 });
    await vi.advanceTimersByTimeAsync(1_000);
    for (const page of on) expect(page.heard).toEqual({ agents: 1 });
    for (const { stream } of browser.pages) stream.stop();
    expect(browser.streams.size).toBe(0);
  });
  await fc.assert(property, { numRuns: 100 });
});

test("pages that are opened all at once share one stream", async () => {
  const browser = new Browser(12);
  for (const { stream } of browser.pages) stream.start();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(browser.streams.size).toBe(1);
  expect(browser.pages.map(({ heard }) => heard)).toEqual(browser.pages.map(() => ({ agents: 0 })));
});

test("a page that says nothing more is taken for gone, and gives way when it is there again", async () => {
  const browser = new Browser(2);
  const [first, second] = browser.pages;
  first?.stream.start();
  await vi.advanceTimersByTimeAsync(1_000);
  second?.stream.start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(browser.streams.size).toBe(1);
  if (first) first.isFrozen = true;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(browser.streams.size).toBe(2);
  if (first) first.isFrozen = false;
  await vi.advanceTimersByTimeAsync(15_000);
  expect(browser.streams.size).toBe(1);
});

test("a stream that was refused is asked for anew after a while, and at once by a page that comes", async () => {
  const browser = new Browser(2);
  browser.isFull = true;
  const [first, second] = browser.pages;
  first?.stream.start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(first?.heard).toBe(null);
  browser.isFull = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(first?.heard).toBe(null);
  second?.stream.start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect([first?.heard, second?.heard]).toEqual([{ agents: 0 }, { agents: 0 }]);

  browser.isFull = true;
  first?.stream.start();
  second?.stream.stop();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(first?.heard).toBe(null);
  browser.isFull = false;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(first?.heard).toEqual({ agents: 0 });
});

test("a page listens from its first moment, and leaves the stream to the one that has it", async () => {
  const browser = new Browser(2);
  for (const page of browser.pages) {
    page.stream.start();
    await vi.advanceTimersByTimeAsync(1);
    expect(page.heard).toEqual({ agents: 0 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(browser.streams.size).toBe(1);
  }
});
