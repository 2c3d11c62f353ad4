import { canonicalName } from "./dnsAnswer.ts";

/**
 * The names that a machine goes by: its own, and the full or short one that its own stands for in the
 * first domain of the search list. In further domains another machine may have the same short name.
 *
 * @param name as the system says it: full or short, in any case, with or without a dot at its end
 */
export function namesOfHost(name: string, [domain]: readonly string[]): string[] {
  const own = canonicalName(name);
  if (domain === undefined || own === "") return [own].filter((each) => each !== "");
  const suffix = `.${canonicalName(domain)}`;
  if (!own.includes(".")) return [own, own + suffix];
  return own.endsWith(suffix) ? [own, own.slice(0, -suffix.length)] : [own];
}
