import { Notifications, type Verdict } from "../../agent/channels/notifications.ts";
import type { Log } from "../../config/log.ts";
import { formatBytes } from "../../core/amounts.ts";
import { explainError, type NearsourceError, toNearsourceError } from "../../errors.ts";
import { openFetcher } from "../../http/openFetcher.ts";
import { sharedNext } from "../../source/oneAtATime.ts";
import type { Catalog } from "../../tree/catalog.ts";
import { type ServerConfig, serverConfigFile } from "../serverConfig.ts";
import type { PublishedTrees } from "../settings/publishedTrees.ts";
import { type Mirrored, mirrorOnce, objectsOf } from "./mirrorPass.ts";
import { type MirrorPlace, mirrorDirsAt, mirrorPlaceOf } from "./mirrorPlace.ts";
import type { Looked, MirrorState } from "./mirrorState.ts";
import { sweepMirror, unnamedFiles } from "./publishMirrored.ts";
import { Verification } from "./verification.ts";
import type { Verified } from "./verifyObjects.ts";

export interface MirrorParts {
  config: ServerConfig;
  trees: PublishedTrees;
  log: Log;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Is told when the vendor is known to have had nothing newer, so that every server knows. */
  noteConfirmed?(at: number): Promise<void>;
  /** Is told whenever the state has changed, for pages that show it. */
  noteChanged?(): void;
}

/** Time (ms) for which a file is served that the newest publication no longer names, for agents in the middle of it. */
const GRACE = 900_000;
/** Pause (ms) after a failure, doubled with each that follows, up to the regular one. */
const AGAIN = 60_000;

/**
 * The vendor's content, kept as new in the published trees as ActiveUpdate has it: on schedule, on demand, and
 * when a signed notification says that there is something newer. A source that lies or is dead changes nothing.
 */
export class ContentMirror {
  readonly #parts: MirrorParts;
  readonly #place: MirrorPlace | undefined;
  readonly #notifications: Notifications | undefined;
  readonly #verification: Verification | undefined;
  readonly #stop = new AbortController();
  readonly #refresh = sharedNext(() => this.#pass());
  #timer: NodeJS.Timeout | undefined;
  #nextAt: number | null = null;
  #looked: Looked | null = null;
  #isStarted = false;
  #running: Promise<void> | undefined;
  #failures = 0;
  #error: MirrorState["error"] = null;
  #last: (Mirrored & { confirmedAt: number }) | undefined;
  #filling: MirrorState["filling"] = null;
  #received = 0;
  /** Files that are named no longer, each with the time since when. */
  #unnamed = new Map<string, number>();

  constructor(parts: MirrorParts) {
    this.#parts = parts;
    const place = mirrorPlaceOf(parts.config);
    this.#place = place;
    if (place === undefined) return;
    this.#verification = new Verification(place.home, parts);
    const roots = () => ({ content: place.root });
    this.#notifications = new Notifications({ dirs: mirrorDirsAt(place), roots, now: parts.now });
  }

  /** Looks now, and from now on regularly, unless it is paused. */
  start(): void {
    this.#isStarted = true;
    if (this.#place !== undefined && this.#every !== null) void this.refresh();
  }

  /** Looks now. A failure is kept in the state, and logged. */
  async refresh(): Promise<void> {
    const running = this.#refresh();
    this.#running = running;
    this.#changed();
    await running;
    if (this.#running === running) this.#running = undefined;
    this.#changed();
  }

  /** Looks now, and reads all that is here through: what was altered on the disk is fetched again. */
  async verify(): Promise<void> {
    this.#verification?.ask();
    await this.refresh();
  }

  /** Result of the last time that all files were read through. */
  get verified(): Verified | undefined {
    return this.#verification?.last;
  }

  /** Whether there is anything to mirror. */
  get isConfigured(): boolean {
    return this.#place !== undefined;
  }

  /**
   * Receives a notification of the vendor's; one that is signed and newer has the mirror look, unless it is
   * paused.
   *
   * @param text the body of a notification (docs/notification.md), of any shape
   */
  async receive(text: string): Promise<Verdict> {
    const verdict = (await this.#notifications?.receive(text)) ?? "refused";
    if (verdict === "new" && this.#every !== null) void this.refresh();
    return verdict;
  }

  state(): MirrorState {
    const { config, trees, now } = this.#parts;
    const absent = new Set(this.#last?.absent);
    const objects = this.#last === undefined ? [] : objectsOf(this.#last.catalog);
    const held = objects.filter((object) => !absent.has(object));
    return {
      source: this.#place?.url ?? null,
      every: config.mirror.every,
      components: config.mirror.components ?? null,
      verifyEvery: config.mirror.verifyEvery,
      verified: this.verified ?? null,
      isRunning: this.#running !== undefined,
      looked: this.#looked,
      nextAt: this.#running === undefined ? this.#nextAt : null,
      version: trees.versions().content ?? null,
      confirmedAt: this.#last?.confirmedAt ?? null,
      age: this.#last === undefined ? null : Math.max(0, now() - this.#last.confirmedAt),
      error: this.#error,
      objects: held.length,
      bytes: held.reduce((sum, { length }) => sum + length, 0),
      absent: absent.size,
      filling: this.#filling,
      received: this.#received,
    };
  }

  /** Ends what is under way; what came of it is continued after the next start. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    await this.#running;
  }

  #changed(): void {
    this.#parts.noteChanged?.();
  }

  get #every(): number | null {
    return this.#parts.config.mirror.every;
  }

  async #pass(): Promise<void> {
    if (this.#place === undefined || this.#stop.signal.aborted) return;
    clearTimeout(this.#timer);
    this.#nextAt = null;
    const before = this.#received;
    try {
      const isNewer = await this.#mirror(this.#place);
      this.#noteLook(isNewer ? "newer" : "nothing newer", before);
      this.#failures = 0;
      this.#error = null;
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#fail(toNearsourceError(error), before);
    } finally {
      this.#filling = null;
      this.#lookAgain();
    }
  }

  #noteLook(outcome: Looked["outcome"], before: number): void {
    this.#looked = { at: this.#parts.now(), outcome, received: this.#received - before };
  }

  /** @returns whether something newer is published */
  async #mirror(place: MirrorPlace): Promise<boolean> {
    const { config, trees, log, now } = this.#parts;
    // While the mirror is paused nothing is done that nobody has asked for.
    const onVerified = await this.#verification?.begin(
      this.#every === null ? null : config.mirror.verifyEvery,
    );
    const before = { version: trees.versions().content, received: this.#received };
    const fetcher = await openFetcher({
      file: serverConfigFile(config.dir),
      http: config.http,
      dns: config.dns,
      listen: {
        port: config.agents.port,
        ...(config.agents.host === "" ? {} : { host: config.agents.host }),
      },
    });
    try {
      const mirrored = await mirrorOnce(place, {
        www: trees.www,
        components: config.mirror.components,
        minFree: config.mirror.minFree,
        now,
        etag: this.#last?.etag,
        onVerified,
        fetcher,
        signal: this.#stop.signal,
        onNeeded: (needed) => {
          this.#filling = { received: 0, needed };
        },
        onReceived: (length) => this.#count(length),
      });
      this.#last = { ...mirrored, confirmedAt: now() - mirrored.age * 1_000 };
      await this.#parts.noteConfirmed?.(this.#last.confirmedAt);
      await this.#verification?.noteMended();
      await trees.look();
      if (mirrored.version !== before.version) {
        const received = formatBytes(this.#received - before.received);
        log.info(`version ${mirrored.version} of ${place.url} is published, ${received} were fetched for it`);
      }
      await this.#sweep(mirrored.catalog);
      return mirrored.version !== before.version;
    } finally {
      fetcher.close();
    }
  }

  #count(length: number): void {
    this.#received += length;
    if (this.#filling !== null) this.#filling.received += length;
    this.#changed();
  }

  #fail(error: NearsourceError, before: number): void {
    // Another server of this folder does it; what it publishes is looked for all the time.
    if (error.code === "LOCKED") return;
    this.#failures++;
    this.#noteLook("failed", before);
    const message = explainError(error);
    if (this.#error?.message !== message) {
      this.#parts.log.error(`the content could not be mirrored: ${message}; what was published stays`);
    }
    this.#error = { code: error.code, message, at: this.#parts.now() };
  }

  #lookAgain(): void {
    const every = this.#every;
    if (!this.#isStarted || every === null || this.#stop.signal.aborted) return;
    const most = this.#unnamed.size === 0 ? every : Math.min(every, GRACE);
    const pause = this.#failures === 0 ? most : Math.min(every, AGAIN * 2 ** (this.#failures - 1));
    this.#nextAt = this.#parts.now() + pause;
    this.#timer = setTimeout(() => void this.refresh(), pause);
    this.#timer.unref();
  }

  /** Deletes files that have not been named for a while by what is published. */
  async #sweep(catalog: Catalog): Promise<void> {
    const { trees, now } = this.#parts;
    const found = await unnamedFiles(trees.www, catalog);
    this.#unnamed = new Map(found.map((place) => [place, this.#unnamed.get(place) ?? now()]));
    const over = found.filter((place) => now() - (this.#unnamed.get(place) ?? now()) >= GRACE);
    await sweepMirror(trees.www, over);
    for (const place of over) this.#unnamed.delete(place);
  }
}
