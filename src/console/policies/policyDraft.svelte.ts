import type { Kind } from "../../core/content/kind.ts";
import { canonical } from "../../core/fleet/listDiff.ts";
import { type Collision, type MergedList, mergeLists, type Side } from "../../core/fleet/listMerge.ts";
import { fieldsOf, settingsOf } from "./policyFields.ts";

/** A policy as it is sent. */
export interface PolicyBody {
  name: string;
  targets: { domains: string[]; agents: string[] };
  settings: Record<string, unknown>;
  updateAgent: { kinds: Kind[] };
}

/** An edit that is kept: the version it was made from, what that was, and what it is now. */
export interface KeptPolicy {
  from: number;
  base: PolicyBody;
  body: PolicyBody;
}

export const NO_POLICY: PolicyBody = {
  name: "",
  targets: { domains: [], agents: [] },
  settings: {},
  updateAgent: { kinds: [] },
};

/** A policy under edit, as its form has it. Nothing here knows of the server or the page. */
export class PolicyDraft {
  /** The version that it is made from; 0 for a new one. */
  from = $state(0);
  base = $state.raw(NO_POLICY);
  name = $state("");
  targets = $state.raw(NO_POLICY.targets);
  kinds = $state.raw<Kind[]>([]);
  fields = $state(fieldsOf({}));

  readonly body = $derived.by((): PolicyBody => {
    const settings = $state.snapshot(settingsOf(this.fields)) as PolicyBody["settings"];
    return { name: this.name.trim(), targets: this.targets, settings, updateAgent: { kinds: this.kinds } };
  });
  readonly isChanged = $derived(canonical(flat(this.body)) !== canonical(flat(asShown(this.base))));

  /** @param kept an edit from before, which goes on */
  constructor(from: number, base: PolicyBody, kept?: KeptPolicy) {
    this.from = kept?.from ?? from;
    this.base = kept?.base ?? base;
    this.#show(kept?.body ?? base);
  }

  get kept(): KeptPolicy {
    return { from: this.from, base: this.base, body: this.body };
  }

  /** Goes on from what was saved. */
  saved(version: number, body: PolicyBody): void {
    this.from = version;
    this.base = body;
  }

  discard(): void {
    this.#show(this.base);
  }

  /** This edit and what somebody else saved meanwhile, put together field by field. */
  merge(theirs: PolicyBody, choose: (collision: Collision) => Side): MergedList {
    return mergeLists(flat(asShown(this.base)), flat(this.body), flat(asShown(theirs)), choose);
  }

  /** Goes on from a newer version, with a policy that has both changes in it. */
  rebase(from: number, base: PolicyBody, { list }: MergedList): void {
    const { name, domains, agents, role, entries: _, ...settings } = list as ReturnType<typeof flat>;
    this.from = from;
    this.base = base;
    this.#show({ name, targets: { domains, agents }, updateAgent: { kinds: role }, settings });
  }

  #show({ name, targets, settings, updateAgent }: PolicyBody): void {
    this.name = name;
    this.targets = targets;
    this.kinds = updateAgent.kinds;
    this.fields = fieldsOf(settings);
  }
}

/** The policy as it is after a form has shown it: what is by default is not written. */
function asShown(body: PolicyBody): PolicyBody {
  return { ...body, settings: settingsOf(fieldsOf(body.settings)) };
}

/** One level of fields, which are compared one by one. */
function flat({ name, targets: { domains, agents }, settings, updateAgent: { kinds } }: PolicyBody) {
  const entries: unknown = undefined;
  return { ...settings, name, domains, agents, role: kinds, entries };
}
