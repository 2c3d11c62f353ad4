/** Field of an answer that asks an agent to fetch a new secret (docs/agent.md). */
export const ROTATE_HEADER = "nearsource-new-secret";

const DAY = 86_400_000;

/** Age of an agent's secret; times in milliseconds since the epoch. */
export interface SecretAge {
  /** When the secret in force was given. */
  givenAt: number;
  /** When a person asked for another; null for nobody did. */
  askedAt: number | null;
}

/**
 * Whether an agent is to fetch a new secret.
 *
 * @param after days for which a secret lasts; null for as long as nobody asks
 */
export function isRotationDue({ givenAt, askedAt }: SecretAge, after: number | null, now: number): boolean {
  return askedAt !== null || (after !== null && now - givenAt >= after * DAY);
}
