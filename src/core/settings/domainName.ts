/** Field of the server's answers to an agent: the domain that it is in (docs/agent.md). */
export const DOMAIN_HEADER = "nearsource-domain";

/** The name of a domain, as in `settings/policies/<domain>.json`. */
export const DOMAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * Whether an agent moves to the domain that its server says.
 *
 * @param ownDomain the configuration names the domain, which then stays
 */
export function isMove(
  { ownDomain, domain }: { ownDomain?: boolean | undefined; domain: string },
  said: string,
): boolean {
  return ownDomain !== true && said !== domain && DOMAIN_NAME.test(said);
}
