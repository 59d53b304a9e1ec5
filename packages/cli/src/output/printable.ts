/**
 * Words from elsewhere (a guest, a server, another user) as they may be shown on a terminal: nothing in them moves the
 * cursor, changes colours, or turns the direction of the line.
 */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const CONTROL_IN_LINES = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** One line: control characters become visible escapes such as `\x1b`. */
export function printable(text: string): string {
  return text.replaceAll(CONTROL, escaped);
}

/** Several lines: line ends and tabs stay. */
export function printableLines(text: string): string {
  return text.replaceAll("\r\n", "\n").replaceAll(CONTROL_IN_LINES, escaped);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0).toString(16);
  return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
}
