/** A source, of a step of an order or of an attempt. */
export interface NamedSource {
  rule?: string | undefined;
  name?: string | undefined;
  url: string;
}

/** Name of a source for people: the name that the list gives it, else its URL. */
export function nameOf({ rule, name, url }: NamedSource): string {
  if (rule === "server") return "server";
  return rule === "active-update" ? "ActiveUpdate" : (name ?? url);
}
