/** Parts of JSON: a text, a text that does not end, a mark, a word; and comments, which JSON has not. */
const PARTS = /\/\/[^\r\n]*|\/\*[\s\S]*?\*\/|"[^"\\]*(?:\\.[^"\\]*)*"|"|[{}[\],:]|[^\s"{}[\],:/]+/g;

/**
 * What JSON (RFC 8259) has after `before`, in words; undefined where it ends within a text or a word.
 *
 * @param before the text as far as it is JSON
 */
export function expectedAfter(before: string): string | undefined {
  const open: string[] = [];
  let [last, isName] = ["", false];
  for (const [part] of before.matchAll(PARTS)) {
    if (part === '"') return undefined;
    if (part.startsWith("/")) continue;
    isName = open.at(-1) === "{" && (last === "{" || last === ",");
    if (part === "{" || part === "[") open.push(part);
    else if (part === "}" || part === "]") open.pop();
    last = part;
  }
  if (/[\w.+-]$/.test(before)) return undefined;
  const inside = open.at(-1);
  if (last === "") return "'{'";
  if (last === "{") return "a name in double quotes, or '}'";
  if (last === "[") return "a value, or ']'";
  if (last === ":") return "a value";
  if (last === ",") return inside === "{" ? "a name in double quotes" : "a value";
  if (inside === undefined) return "the end of the file";
  if (inside === "[") return "',' or ']'";
  return isName && last.startsWith('"') ? "':'" : "',' or '}'";
}
