/**
 * The suffix array of `text`: where every suffix starts, in the order of the suffixes as bytes. By
 * induced sorting (Nong, Zhang and Chan, "Two Efficient Algorithms for Linear Time Suffix Array
 * Construction", 2011): time and memory grow with the length alone, some 10 bytes for each byte.
 *
 * @param text fewer than 2^31 bytes
 */
export function suffixArray(text: Uint8Array): Int32Array {
  return sortSuffixes(text, 256);
}

type Text = Uint8Array | Int32Array;

/** The data that every pass over one text needs. */
interface Sorting {
  text: Text;
  /** 1 for a suffix that is smaller than the one after it: the paper's S-type. */
  smaller: Uint8Array;
  /** Start of the larger suffixes of each letter in the array, and of its smaller ones. */
  largerFrom: Int32Array;
  smallerFrom: Int32Array;
}

/** `text` over the letters 0 to `letters - 1`. A suffix that ends sorts before one that goes on. */
function sortSuffixes(text: Text, letters: number): Int32Array {
  if (text.length < 2) return new Int32Array(text.length);
  const smaller = classify(text);
  const sorting = { text, smaller, ...bucketsOf(text, smaller, letters) };
  const valleys = valleysOf(smaller);
  const bySubstring = induce(sorting, valleys);
  if (valleys.length === 0) return bySubstring;
  return induce(sorting, sortValleys(sorting, valleys, bySubstring));
}

function classify(text: Text): Uint8Array {
  const smaller = new Uint8Array(text.length);
  for (let at = text.length - 2; at >= 0; at--) {
    const here = text[at] as number;
    const next = text[at + 1] as number;
    smaller[at] = here === next ? (smaller[at + 1] as number) : here < next ? 1 : 0;
  }
  return smaller;
}

function bucketsOf(text: Text, smaller: Uint8Array, letters: number) {
  const largerFrom = new Int32Array(letters + 1);
  const smallerFrom = new Int32Array(letters);
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as number;
    if (smaller[at] === 1) largerFrom[letter + 1] = (largerFrom[letter + 1] as number) + 1;
    else smallerFrom[letter] = (smallerFrom[letter] as number) + 1;
  }
  for (let letter = 0; letter < letters; letter++) {
    smallerFrom[letter] = (smallerFrom[letter] as number) + (largerFrom[letter] as number);
    largerFrom[letter + 1] = (largerFrom[letter + 1] as number) + (smallerFrom[letter] as number);
  }
  return { largerFrom, smallerFrom };
}

/** The smaller suffixes that follow a larger one (the paper's LMS), in the order of the text. */
function valleysOf(smaller: Uint8Array): Int32Array {
  const valleys = new Int32Array((smaller.length >> 1) + 1);
  let count = 0;
  for (let at = 1; at < smaller.length; at++) {
    if (smaller[at] === 1 && smaller[at - 1] === 0) valleys[count++] = at;
  }
  return valleys.slice(0, count);
}

/** Puts `valleys` at the heads of their buckets, and from them the order of all other suffixes. */
function induce({ text, smaller, largerFrom, smallerFrom }: Sorting, valleys: Int32Array): Int32Array {
  const { length } = text;
  const sorted = new Int32Array(length).fill(-1);
  const heads = smallerFrom.slice();
  for (const valley of valleys) {
    const letter = text[valley] as number;
    sorted[heads[letter] as number] = valley;
    heads[letter] = (heads[letter] as number) + 1;
  }
  const larger = largerFrom.slice();
  const put = (at: number) => {
    const letter = text[at] as number;
    sorted[larger[letter] as number] = at;
    larger[letter] = (larger[letter] as number) + 1;
  };
  put(length - 1);
  for (let rank = 0; rank < length; rank++) {
    const before = (sorted[rank] as number) - 1;
    if (before >= 0 && smaller[before] === 0) put(before);
  }
  const tails = largerFrom.slice();
  for (let rank = length - 1; rank >= 0; rank--) {
    const before = (sorted[rank] as number) - 1;
    if (before < 0 || smaller[before] === 0) continue;
    const next = (text[before] as number) + 1;
    tails[next] = (tails[next] as number) - 1;
    sorted[tails[next] as number] = before;
  }
  return sorted;
}

/** The valleys in the order of their suffixes, found by sorting the text that their names make. */
function sortValleys(sorting: Sorting, valleys: Int32Array, bySubstring: Int32Array): Int32Array {
  const number = new Int32Array(sorting.text.length).fill(-1);
  for (let index = 0; index < valleys.length; index++) number[valleys[index] as number] = index;
  const names = new Int32Array(valleys.length);
  let name = -1;
  let previous = -1;
  for (const at of bySubstring) {
    const index = number[at] as number;
    if (index === -1) continue;
    if (previous === -1 || !sameStretch(sorting.text, valleys, previous, index)) name++;
    names[index] = name;
    previous = index;
  }
  return sortSuffixes(names, name + 1).map((index) => valleys[index] as number);
}

/** Whether the text is the same from two valleys to the valley after each. */
function sameStretch(text: Text, valleys: Int32Array, one: number, other: number): boolean {
  const from = valleys[one] as number;
  const against = valleys[other] as number;
  const length = (valleys[one + 1] ?? text.length) - from;
  if (length !== (valleys[other + 1] ?? text.length) - against) return false;
  // The last one ends the text, which no other does.
  if (from + length >= text.length || against + length >= text.length) return false;
  for (let at = 0; at <= length; at++) {
    if (text[from + at] !== text[against + at]) return false;
  }
  return true;
}
