/**
 * Words of a stranger, made fit for an error message or a log line: he chooses them, so they are cut short, and whatever could
 * move a terminal's cursor, forge a line or reverse the reading direction is written as an escape.
 */
const LIMIT = 200;
/** Control, format, surrogate, private and unassigned characters, and every separator but the plain space. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** At most 200 characters, all of them printable. */
export function quoteForeignWords(words: string): string {
  const escaped = words.slice(0, LIMIT).replace(UNSAFE, escapeCharacter);
  const whole = words.length <= LIMIT && escaped.length <= LIMIT;
  return whole ? escaped : `${escaped.slice(0, LIMIT - 1)}…`;
}

function escapeCharacter(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return `\\u{${character.codePointAt(0)?.toString(16)}}`;
}
