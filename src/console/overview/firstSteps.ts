/** Facts by which the first steps tick themselves off. */
export interface StepFacts {
  reported: number;
  holders: number;
  /** 0 for none. */
  listVersion: number;
  notifications: number;
  mirror: { source: string | null; version: number | null };
}

/** The steps that are done. A server without a vendor to mirror has a repository of its own, and nothing to wait for. */
export function stepsDone({ reported, holders, listVersion, notifications, mirror }: StepFacts) {
  return {
    content: mirror.version !== null,
    enrol: reported > 0,
    role: holders > 0,
    list: listVersion > 0,
    notify: notifications > 0,
  };
}
