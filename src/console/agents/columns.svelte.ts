/** Columns of the list that people choose among. */
export const COLUMNS = ["domain", "source", "difference", "program", "report"] as const;
export type Column = (typeof COLUMNS)[number];

const KEY = "agent columns";
const AT_FIRST: Column[] = ["domain", "source", "difference", "report"];

/** The columns that this person chose, kept in the browser. */
class Columns {
  #chosen = $state.raw<readonly Column[]>(kept());

  has(column: Column): boolean {
    return this.#chosen.includes(column);
  }

  get chosen(): readonly Column[] {
    return this.#chosen;
  }

  choose(columns: readonly Column[]): void {
    this.#chosen = columns;
    localStorage.setItem(KEY, columns.join(" "));
  }
}

function kept(): readonly Column[] {
  const text = localStorage.getItem(KEY);
  return text === null ? AT_FIRST : COLUMNS.filter((each) => text.split(" ").includes(each));
}

export const columns = new Columns();
