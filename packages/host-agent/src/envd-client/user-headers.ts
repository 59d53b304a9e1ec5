/** The headers of calls to the guest's services: for which user, and how often a silent stream shows that it lives. */
import { checkedUser } from "./file-path.ts";
import type { GuestLimits } from "./guest-limits.ts";

/** @param user undefined or empty: the sandbox's default user. @throws RoostError `invalid_request` */
export function userHeaders(user: string | undefined): Record<string, string> {
  if (user === undefined || user === "") return {};
  const credentials = Buffer.from(`${checkedUser(user)}:`).toString("base64");
  return { authorization: `Basic ${credentials}` };
}

/** Of a stream, which is given up when it stays silent. */
export function streamHeaders(user: string | undefined, limits: GuestLimits): Record<string, string> {
  return { ...userHeaders(user), "keepalive-ping-interval": String(Math.max(1, Math.floor(limits.silenceMs / 4_000))) };
}
