/** The guest's refusals of file requests, as errors that a caller acts on. */
import { RoostError } from "@roost/protocol/errors";
import { quoteForeignWords } from "../foreign-words/foreign-words.ts";
import { errorWords } from "./error-answer.ts";
import { guestRefusal, malformedAnswer } from "./guest-failure.ts";
import type { SmallAnswer } from "./small-answer.ts";

export function fileRefusal(answer: SmallAnswer, path: string): RoostError {
  const name = quoteForeignWords(path);
  switch (answer.status) {
    case 400:
    case 403:
      return new RoostError(
        "invalid_request",
        `The sandbox refused the path ${name}: ${quoteForeignWords(errorWords(answer))}`,
      );
    case 401:
      return new RoostError(
        "invalid_request",
        `The sandbox refused the user: ${quoteForeignWords(errorWords(answer))}`,
      );
    case 404:
      return new RoostError("not_found", `The sandbox has no file ${name}.`);
    case 507:
      return new RoostError("disk_full", "The sandbox's disk is full. Remove files in it and try again.");
    default:
      return answer.status >= 400
        ? guestRefusal(errorWords(answer))
        : malformedAnswer(`status ${answer.status} to /files`);
  }
}
