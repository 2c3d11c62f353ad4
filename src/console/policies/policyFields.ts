import { KINDS, type Kind } from "../../core/content/kind.ts";

/** A policy's settings as a form has them. Fields of the document that the form has no place for stay in `rest`. */
export interface PolicyFields {
  activeUpdate: boolean;
  privilegeOnly: boolean;
  afterServer: boolean;
  /** Kinds that a run needs; all of them where the policy says nothing. */
  kinds: Kind[];
  schedule: "default" | "interval" | "cron";
  /** Minutes. */
  interval: number;
  cron: string;
  /** Kilobytes per second; null for no limit. */
  rate: number | null;
  /** `mon-fri 08:00-18:00`, one a line; empty for always. */
  hours: string;
  /** Minutes that a scheduled or notified run waits at an Update Agent that is filling; null for the default. */
  patience: number | null;
  holds: { component: string; release: number }[];
  rest: Record<string, unknown>;
}

type Written = Record<string, unknown>;

const MINUTE = 60_000;

/** The fields of a policy document as it was written. What the form cannot show is kept as it is. */
export function fieldsOf(settings: Written): PolicyFields {
  const { activeUpdate, activeUpdateRule, activeUpdateAfterServer, kinds, ...others } = settings;
  const { schedule, rateLimit, patience, holds, ...rest } = others;
  const [time, limit] = [scheduleOf(schedule), limitOf(rateLimit)];
  const wait = typeof patience === "number" ? patience / MINUTE : null;
  return {
    activeUpdate: activeUpdate === true,
    privilegeOnly: activeUpdateRule === "privilege",
    afterServer: activeUpdateAfterServer === true,
    kinds: Array.isArray(kinds) ? KINDS.filter((kind) => kinds.includes(kind)) : [...KINDS],
    ...time,
    ...limit,
    patience: wait,
    holds: Object.entries((holds ?? {}) as Record<string, number>).map(([component, release]) => ({
      component,
      release,
    })),
    rest: { ...rest, ...(patience !== undefined && wait === null ? { patience } : {}) },
  };
}

/** The policy document of the fields. Whether it is a valid one, `core/settings/policy` says. */
export function settingsOf(fields: PolicyFields): Written {
  const { activeUpdate, privilegeOnly, afterServer, kinds, patience, holds, rest } = fields;
  const schedule = writtenSchedule(fields);
  const rateLimit = writtenLimit(fields);
  return {
    ...rest,
    ...(activeUpdate ? { activeUpdate } : {}),
    ...(privilegeOnly ? { activeUpdateRule: "privilege" } : {}),
    ...(afterServer ? { activeUpdateAfterServer: true } : {}),
    ...(kinds.length === KINDS.length ? {} : { kinds }),
    ...(schedule === undefined ? {} : { schedule }),
    ...(rateLimit === undefined ? {} : { rateLimit }),
    ...(patience === null ? {} : { patience: patience * MINUTE }),
    ...(holds.length === 0
      ? {}
      : { holds: Object.fromEntries(holds.map((each) => [each.component, each.release])) }),
  };
}

function scheduleOf(written: unknown): Pick<PolicyFields, "schedule" | "interval" | "cron"> {
  const { interval, cron } = Object(written) as { interval?: number; cron?: string };
  if (typeof interval === "number") return { schedule: "interval", interval: interval / MINUTE, cron: "" };
  if (typeof cron === "string") return { schedule: "cron", interval: 60, cron };
  return { schedule: "default", interval: 60, cron: "" };
}

function writtenSchedule({ schedule, interval, cron }: PolicyFields): Written | undefined {
  if (schedule === "default") return undefined;
  return schedule === "interval" ? { interval: interval * MINUTE } : { cron: cron.trim() };
}

function limitOf(written: unknown): Pick<PolicyFields, "rate" | "hours"> {
  const { bytesPerSecond, hours } = (
    typeof written === "number" ? { bytesPerSecond: written } : Object(written)
  ) as { bytesPerSecond?: number; hours?: string[] };
  return {
    rate: bytesPerSecond === undefined ? null : bytesPerSecond / 1_000,
    hours: (hours ?? []).join("\n"),
  };
}

function writtenLimit({ rate, hours }: PolicyFields): unknown {
  if (rate === null) return undefined;
  const bytesPerSecond = Math.round(rate * 1_000);
  const lines = hours
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.length === 0 ? bytesPerSecond : { bytesPerSecond, hours: lines };
}
