import type { FleetEffect } from "../../core/fleet/effect.ts";
import type { EntryUse } from "../../core/fleet/fleetUse.ts";
import type { Body } from "../api/bodies.ts";
import { type ApiProblem, answerOf, api } from "../api/call.ts";
import { toProblem } from "../api/resource.svelte.ts";
import type { WrittenList } from "./sourceListDraft.svelte.ts";

export type Finding = Body<"checkSourceList">["findings"][number];

/** Pause (ms) after the last edit before the server is asked. */
const PAUSE = 350;

/** Findings and effect of the list under edit, by the server: of the whole fleet, and what only it knows. */
export class Checking {
  findings = $state.raw<readonly Finding[]>([]);
  effect = $state.raw<FleetEffect | null>(null);
  /** Use that the fleet makes of the entries, by their keys in the draft: a number goes where its entry is moved. */
  uses = $state.raw<ReadonlyMap<number, EntryUse>>(new Map());
  /** Time (ms) that the last answer took. */
  took = $state<number>();
  busy = $state(false);
  problem = $state.raw<ApiProblem>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  get hasErrors(): boolean {
    return this.findings.some(({ level }) => level === "error");
  }

  /** Asks, once nothing has been edited for a moment. The last answer stays until there is another. */
  soon(list: WrittenList, keys: readonly number[]): void {
    clearTimeout(this.#timer);
    this.busy = true;
    this.#timer = setTimeout(() => void this.#ask(list, keys), PAUSE);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.busy = false;
  }

  async #ask(list: WrittenList, keys: readonly number[]): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    const began = performance.now();
    try {
      const { body } = await answerOf(api.POST("/api/v1/source-list/check", { body: list }));
      if (asked !== this.#asked) return;
      this.findings = body.findings;
      this.effect = body.effect as FleetEffect | null;
      this.uses = new Map(body.uses?.map((use, index) => [keys[index] ?? -1, use]));
      this.took = performance.now() - began;
      this.problem = undefined;
    } catch (error) {
      if (asked !== this.#asked) return;
      this.problem = toProblem(error);
    }
    this.busy = false;
  }
}
