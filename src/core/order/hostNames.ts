/**
 * Names are equal without regard to the case of ASCII letters, and of those only (RFC 4343 §3), nor to dots
 * at their end: a label on the wire may hold any byte, so that there may be several.
 */
export function canonicalName(name: string): string {
  let end = name.length;
  while (name[end - 1] === ".") end--;
  return name.slice(0, end).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Whether `name` is one that a host can have and a question can carry (RFC 1123 §2.1, RFC 1035 §2.3.4). */
export function isHostName(name: string): boolean {
  const bare = name.replace(/\.$/, "");
  return bare.length <= 253 && bare.split(".").every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label));
}

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
