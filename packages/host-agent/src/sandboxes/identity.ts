/** What a guest is told of itself by `/init`, last of all before its users' processes run (again). */
import type { GuestIdentity } from "../envd-client/envd-client.ts";
import type { Parts } from "./parts.ts";

/** Who runs commands when nobody is named; envd falls back to root in an image without it. */
const DEFAULT_USER = "user";

type Facts = Pick<Parts, "now" | "randomBytes">;

/** For a guest that has not been this sandbox before: it booted from an image, or is a clone. */
export function newIdentity(
  facts: Facts,
  id: string,
  env: Readonly<Record<string, string>>,
  accessToken: string,
): GuestIdentity {
  return {
    ...sameIdentity(facts, accessToken),
    envVars: env,
    defaultUser: DEFAULT_USER,
    hostname: id,
    machineId: facts.randomBytes(16).toString("hex"),
  };
}

/** For this sandbox's own disk, booted: what was in memory only is told again; its machine-id is on the disk. */
export function rebootedIdentity(
  facts: Facts,
  id: string,
  env: Readonly<Record<string, string>>,
  accessToken: string,
): GuestIdentity {
  return { ...sameIdentity(facts, accessToken), envVars: env, defaultUser: DEFAULT_USER, hostname: id };
}

/** For this sandbox itself, woken: it knows who it is, but not what time it is. */
export function sameIdentity(facts: Facts, accessToken: string): GuestIdentity {
  return { accessToken, timestamp: facts.now(), entropy: facts.randomBytes(64) };
}
