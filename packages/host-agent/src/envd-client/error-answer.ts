/** The guest's HTTP errors: `{"message", "code"}` beside a status. */
import type { SmallAnswer } from "./small-answer.ts";

/** What an error answer says: its message if it has one, else its status. Still the guest's words: quote them. */
export function errorWords(answer: SmallAnswer): string {
  try {
    const parsed: unknown = JSON.parse(answer.text);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed && typeof parsed.message === "string") {
      return parsed.message;
    }
  } catch {
    // Not JSON: the status says as much as there is to know.
  }
  return `HTTP status ${answer.status}`;
}
