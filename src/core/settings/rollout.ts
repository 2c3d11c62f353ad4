import * as v from "valibot";
import { CONTENT_KINDS } from "../content/kind.ts";
import { byteLength, isShown, placeOf, positiveInteger, readDocument } from "../document.ts";
import { hasNoEffect, unknownFields } from "./unknownFields.ts";

/** A part of the fleet, and how long after a release was first seen that part may have it (docs/releases.md). */
export interface Stage {
  /** Names of domains; undefined for all. */
  domains?: string[] | undefined;
  /** More than 0, 100 at most: the agents whose place (`core/content/stages.ts`) is below it. */
  percent: number;
  /** Milliseconds since the release was first seen. */
  after: number;
}

/** Way of the releases of one component through a fleet. Times in milliseconds since the epoch. */
export interface Rollout {
  /** In order of time; without any, every release is for everybody at once. */
  stages: Stage[];
  /** When the server first saw each release; where there are stages, one that is not here is for nobody yet. */
  seen: { release: number; at: number }[];
  /** Releases that go no further. */
  halted: { release: number; at?: number | undefined; reason?: string | undefined }[];
  /** The release to have, as long as it is offered. */
  pin?: number | undefined;
}

/** `settings/releases.json`: rollouts by `kind/name`. A component that is not in it is for everybody at once. */
export interface Releases {
  version: number;
  components: Record<string, Rollout>;
}

/** Longest time (ms) of a stage after a release was first seen: ten years. */
const LONGEST = 315_360_000_000;
const MOST_STAGES = 50;

const percent = v.pipe(
  v.number("!must be a number above 0 and 100 at most"),
  v.check((value) => value > 0 && value <= 100, "!must be above 0 and 100 at most"),
);
const after = v.pipe(byteLength, v.maxValue(LONGEST, "!must be ten years at most, in milliseconds"));
const domain = v.pipe(v.string(), v.minLength(1, "!is empty"), v.maxLength(200, "!is too long"));
const reason = v.pipe(
  v.string(),
  v.check((text) => text.length <= 300 && isShown(text), "!must be one line of 300 characters at most"),
);

const stages = v.pipe(
  v.array(
    v.object({
      domains: v.optional(v.pipe(v.array(domain), v.minLength(1))),
      percent,
      after,
    }),
  ),
  v.maxLength(MOST_STAGES, `!has more than ${MOST_STAGES} stages`),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const early = dataset.value.findIndex((stage, index) => {
      return stage.after < (dataset.value[index - 1]?.after ?? 0);
    });
    if (early > 0)
      addIssue({ message: `!stage ${early + 1} is before the one above it: sort them by "after"` });
  }),
);

/** A list that names each release once. */
function onceEach<Item extends { release: number }>(item: v.GenericSchema<unknown, Item>) {
  return v.pipe(
    v.array(item),
    v.check(
      (list) => new Set(list.map(({ release }) => release)).size === list.length,
      "!names a release twice",
    ),
  );
}

/** The schema of one component's rollout. */
export const rolloutSchema = v.object({
  stages: v.optional(stages, []),
  seen: v.optional(onceEach(v.object({ release: positiveInteger, at: byteLength })), []),
  halted: v.optional(
    onceEach(v.object({ release: positiveInteger, at: v.optional(byteLength), reason: v.optional(reason) })),
    [],
  ),
  pin: v.optional(positiveInteger),
});

/** The schema of the document; `parseReleases` reads by it. */
export const releasesSchema = v.object({
  version: v.optional(byteLength, 0),
  components: v.optional(
    v.pipe(
      v.unknown(),
      v.check((value) => !Array.isArray(value), "!must be an object, not a list"),
      v.record(v.string(), rolloutSchema),
    ),
    {},
  ),
});

/** Releases where a site says nothing of them: each is for everybody at once. */
export const NO_RELEASES: Releases = { version: 0, components: {} };

/**
 * Reads `settings/releases.json` of unknown shape.
 *
 * @throws DocumentError naming the component, the field and the reason
 */
export function parseReleases(value: unknown): Releases {
  return readDocument(releasesSchema, value);
}

/** Finds what has no effect in releases as they were written, and agents that no stage ever reaches. */
export function reviewReleases(releases: unknown): string[] {
  const { components } = Object(releases) as { components?: unknown };
  const names = Object.keys(Object(components));
  const lost = names.filter(
    (name) => !CONTENT_KINDS.some((kind) => name.startsWith(`${kind}/`) && name.length > kind.length + 1),
  );
  return [
    ...unknownFields(releasesSchema, releases).map((field) => hasNoEffect(placeOf(field.path), field)),
    ...names.flatMap((name) => {
      const written = (components as Record<string, unknown>)[name];
      const rollout = v.safeParse(rolloutSchema, written);
      const odd = rollout.success ? reviewStages(rollout.output.stages) : [];
      const unknown = unknownFields(rolloutSchema, written).map((field) =>
        hasNoEffect(placeOf(["components", name, ...field.path]), field),
      );
      return [...unknown, ...odd.map((each) => `components.${name}.stages: ${each}`)];
    }),
    ...lost.map((name) => {
      return `its ${JSON.stringify(name)} has no effect: a component is named kind/name, such as ${JSON.stringify(`components/${name}`)}`;
    }),
  ];
}

/** Remarks on stages that are valid and hardly intended. */
export function reviewStages(stages: readonly Stage[]): string[] {
  const isWhole = stages.some(({ domains, percent }) => domains === undefined && percent === 100);
  if (stages.length === 0 || isWhole) return [];
  return ["no stage is for all agents: those that are in none never get a newer release"];
}
