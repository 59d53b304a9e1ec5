/** `POST /snapshot/prepare`: before a guest is frozen. Taken only from the guest's gateway, so it needs no token. */
import { errorWords } from "./error-answer.ts";
import type { GuestConnection } from "./guest-connection.ts";
import { guestRefusal, malformedAnswer } from "./guest-failure.ts";
import { askSmall } from "./small-answer.ts";

export async function prepareSnapshot(connection: GuestConnection, signal: AbortSignal): Promise<void> {
  const answer = await askSmall(connection, { method: "POST", path: "/snapshot/prepare" }, signal);
  if (answer.status >= 400) throw guestRefusal(errorWords(answer));
  if (answer.status !== 204) throw malformedAnswer(`status ${answer.status} to /snapshot/prepare`);
}
