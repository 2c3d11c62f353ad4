/** The work of an Update Agent since it started; the metrics and the health are made of it. */
export interface RelayStats {
  /** Object transfers by how they ended: `aborted` by the client, `cut` by us as too slow, `failed` for want of bytes. */
  transfers: { complete: number; aborted: number; cut: number; failed: number };
  /** Transfers under way. */
  active: number;
  /** Body bytes of objects sent. */
  bytes: number;
  /** Answers from memory: metadata and manifests. */
  documents: number;
  /** Requests that were not answered, by reason. */
  refusals: Record<"transfers" | "client" | "room" | "loop" | "upstream" | "filling" | "late", number>;
  /** Requests for objects that were not held. */
  misses: number;
  /** Transfers of objects from upstream, and refreshes of metadata; of those, the ones that failed. */
  upstream: { objects: number; refreshes: number; failures: number; bytes: number };
  /** Objects taken over from the agent's own store, made of others that are held, and put away as damaged. */
  linked: number;
  made: number;
  quarantined: number;
}

export function newStats(): RelayStats {
  return {
    transfers: { complete: 0, aborted: 0, cut: 0, failed: 0 },
    active: 0,
    bytes: 0,
    documents: 0,
    refusals: { transfers: 0, client: 0, room: 0, loop: 0, upstream: 0, filling: 0, late: 0 },
    misses: 0,
    upstream: { objects: 0, refreshes: 0, failures: 0, bytes: 0 },
    linked: 0,
    made: 0,
    quarantined: 0,
  };
}
