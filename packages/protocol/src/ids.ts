/**
 * Ids: a prefix that says what a thing is, and 20 random characters of lower-case base32 (100 bits: nobody guesses one).
 */
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const LENGTH = 20;

const PREFIXES = {
  sandbox: "sb",
  host: "host",
  team: "team",
  user: "usr",
  apiKey: "key",
  template: "tpl",
  invite: "inv",
  event: "evt",
} as const;

export type Kind = keyof typeof PREFIXES;

/** A function that fills a buffer with random bytes, such as `randomBytes` of `node:crypto`. */
export type RandomBytes = (size: number) => Uint8Array;

/** A new id of this kind, e.g. `sb-mfzwizlnmvzwk3tfoi2a`. */
export function newId(kind: Kind, randomBytes: RandomBytes): string {
  const characters = Array.from(randomBytes(LENGTH), (byte) => ALPHABET[byte & 31]);
  return `${PREFIXES[kind]}-${characters.join("")}`;
}

/** Whether a text from outside has the form of an id of this kind. */
export function isId(kind: Kind, text: string): boolean {
  const prefix = `${PREFIXES[kind]}-`;
  return text.startsWith(prefix) && /^[a-z2-7]{20}$/.test(text.slice(prefix.length));
}

/** A regular expression for ids of this kind, for schemas. */
export function idPattern(kind: Kind): string {
  return `^${PREFIXES[kind]}-[a-z2-7]{${LENGTH}}$`;
}

/** The four characters that begin the name of every kernel object a host makes; see ARCHITECTURE.md, "found again". */
export function hostMark(hostId: string): string {
  if (!isId("host", hostId)) throw new TypeError(`not a host id: ${hostId}`);
  return hostId.slice(PREFIXES.host.length + 1, PREFIXES.host.length + 5);
}
