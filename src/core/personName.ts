/** Names of users and of API tokens, which stand beside each other in the audit log. */

/** Longest name, in characters. */
const LONGEST = 100;

/** Characters that nobody sees, or that turn around what stands beside them. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** Alphabets with letters that look like those of another one of them. */
const ALIKE = ["Latin", "Greek", "Cyrillic", "Armenian", "Cherokee", "Coptic", "Lisu"].map((name) => ({
  name,
  has: new RegExp(`\\p{Script=${name}}`, "u"),
}));

/**
 * Letters and digits that look like others, after their lower case: a part of the Unicode Consortium's confusables
 * (UTS 39 §4), of the alphabets that most keyboards have. What looks alike as a capital counts too.
 */
const LOOKS_LIKE = new Map(
  Object.entries({
    a: "аα",
    b: "вьβ",
    c: "сϲ",
    d: "ԁ",
    e: "еεҽ",
    g: "ɡց",
    h: "нһηհ",
    k: "кκ",
    l: "i1|ıіӏιǀ",
    j: "јϳ",
    m: "мμ",
    n: "ոռ",
    o: "0оοօσ",
    p: "рρ",
    q: "ԛզ",
    s: "ѕ",
    t: "тτ",
    u: "սυ",
    v: "νѵ",
    w: "ԝա",
    x: "хχ",
    y: "уγү",
    z: "ζ",
  }).flatMap(([letter, others]) => [...others].map((other) => [other, letter] as const)),
);

/** A name as it is kept: NFKC, without spaces around it, and with one in place of several. */
export function plainName(typed: string): string {
  return typed.normalize("NFKC").replaceAll(/\s+/gu, " ").trim();
}

/** Fault of a name that `plainName` gave; undefined for none. */
export function faultOfName(name: string): string | undefined {
  if (name === "") return "has to have a letter";
  if ([...name].length > LONGEST) return `has ${LONGEST} characters at most`;
  if (UNSEEN.test(name)) return "has a character that nobody sees: type it anew";
  if (/^\p{M}/u.test(name)) return "begins with an accent that stands on no letter";
  for (const word of name.match(/[\p{L}\p{M}]+/gu) ?? []) {
    const [one, other] = ALIKE.filter(({ has }) => has.test(word));
    if (other !== undefined) return `mixes ${one?.name} and ${other.name} letters in one word`;
  }
  return undefined;
}

/** Text that two names have in common which people would take for one. */
export function likenessOf(name: string): string {
  const lower = plainName(name).toUpperCase().toLowerCase();
  return [...lower].map((each) => LOOKS_LIKE.get(each) ?? each).join("");
}
