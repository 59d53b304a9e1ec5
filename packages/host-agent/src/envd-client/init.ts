/** `POST /init`: what a guest learns from its host after boot and after every restore. Taken only from the guest's gateway, so it needs no token. */

import { errorWords } from "./error-answer.ts";
import type { GuestConnection } from "./guest-connection.ts";
import { guestRefusal, malformedAnswer } from "./guest-failure.ts";
import { askSmall } from "./small-answer.ts";

/** What is absent stays as it is. */
export interface GuestIdentity {
  /** Environment of every process started from now on. */
  readonly envVars?: Readonly<Record<string, string>>;
  /** Needed for every call from now on. */
  readonly accessToken: string;
  /** What the guest's clock is set to. */
  readonly timestamp: Date;
  readonly defaultUser?: string;
  readonly defaultWorkdir?: string;
  readonly hostname?: string;
  /** Fed to the kernel's random pool. */
  readonly entropy: Uint8Array;
  /** 32 hexadecimal digits. */
  readonly machineId?: string;
}

export async function initialise(
  connection: GuestConnection,
  identity: GuestIdentity,
  signal: AbortSignal,
): Promise<void> {
  const body = JSON.stringify({
    ...identity,
    timestamp: identity.timestamp.toISOString(),
    entropy: Buffer.from(identity.entropy).toString("base64"),
  });
  const headers = { "content-type": "application/json" };
  const answer = await askSmall(connection, { method: "POST", path: "/init", headers, body }, signal);
  if (answer.status >= 400) throw guestRefusal(errorWords(answer));
  if (answer.status !== 204) throw malformedAnswer(`status ${answer.status} to /init`);
  connection.accessToken = identity.accessToken;
}
