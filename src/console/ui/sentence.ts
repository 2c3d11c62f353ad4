/** A piece of a sentence, and how it is shown. */
export type Part =
  | { as: "text" | "strong" | "code"; text: string }
  | { as: "link"; text: string; to: string };

// A mark that `plain` has taken the meaning of begins nothing.
const MARKS =
  /\*\*(?<strong>[^*]+)\*\*|`(?!\u2060)(?<code>[^`]+)`(?!\u2060)|\[(?!\u2060)(?<link>[^\]]+)\]\((?<to>\w+)\)/g;

/** Pieces of a sentence with `**strong**`, `` `code` `` and `[link](name)`; all else is text as it stands. */
export function partsOf(sentence: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const found of sentence.matchAll(MARKS)) {
    if (found.index > end) parts.push({ as: "text", text: sentence.slice(end, found.index) });
    const { strong, code, link, to = "" } = found.groups ?? {};
    if (strong !== undefined) parts.push({ as: "strong", text: strong });
    else if (code !== undefined) parts.push({ as: "code", text: code });
    else parts.push({ as: "link", text: link ?? "", to });
    end = found.index + found[0].length;
  }
  if (end < sentence.length) parts.push({ as: "text", text: sentence.slice(end) });
  return parts;
}

/** With a capital letter at its beginning, as messages of programs have none. */
export function capital(text: string): string {
  // A name of a machine stays as it is written.
  return /^[a-z]+[\s,:]/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** Places of a list (`entries[2].range`) as its rows are numbered on the screen, from 1. */
export function byRows(text: string): string {
  return text.replaceAll(
    /entries\u2060?\[\u2060?(\d+)\]\u2060?(?:\.(\w+))?/g,
    (_, index: string, field?: string) => {
      const entry = `entry ${Number(index) + 1}`;
      return field === undefined ? entry : `${field} of ${entry}`;
    },
  );
}

/** Text that a person or machine gave, so that nothing in it is taken for a mark. */
export function plain(text: string): string {
  return text.replaceAll(/[*`[\]]/g, (mark) => `${mark}\u2060`);
}
