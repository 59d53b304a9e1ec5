/**
 * This machine as a host of its own control plane, joined the way every host joins: a row, a one-time token, the agent's own
 * certificate request. The agent keeps its identity; the launcher only asks whether it still counts.
 */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Roost } from "@roost/sdk";
import { placeFile } from "../files/durable.ts";
import { readJsonObject } from "../files/presence.ts";
import { homePaths, type Settings } from "../settings.ts";
import { askUntil } from "./ask-until.ts";

/** The id under which this machine's agent has joined; undefined when it has not. */
export async function joinedHostId(settings: Settings): Promise<string | undefined> {
  const identity = await readJsonObject(join(homePaths.agentData(settings), "host", "identity.json"));
  const id = identity?.host_id;
  return typeof id === "string" ? id : undefined;
}

/** A one-time token (asked for in an admin's session) for the agent to join with; undefined when it has joined and the control plane knows it. */
export async function joinToken(
  settings: Settings,
  session: Roost,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  const joined = await joinedHostId(settings);
  const pendingFile = join(settings.home, "pending-host.json");
  if (joined !== undefined) {
    if (await isKnown(session.hosts.get(joined, { signal }))) {
      await rm(pendingFile, { force: true });
      return undefined;
    }
    const identity = join(homePaths.agentData(settings), "host");
    const aside = `${identity}.unknown-${joined}`;
    say(`the database does not know this machine as ${joined}: it joins anew (its old identity is kept in ${aside})`);
    await rename(identity, aside);
  }
  // A host row that an earlier start made, and whose token was never used, is taken up again.
  const pending = (await readJsonObject(pendingFile))?.host_id;
  if (typeof pending === "string") {
    const token = await unlessRefused(session.hosts.token(pending, { signal }));
    if (token !== undefined) return token;
  }
  const { host, registrationToken } = await session.hosts.create({ type: "regular" }, { signal });
  await placeFile(pendingFile, `${JSON.stringify({ host_id: host.id })}\n`, 0o600);
  return registrationToken;
}

/** Waits until the control plane has heard from this life of the agent. */
export async function hostOnline(settings: Settings, session: Roost, since: Date, signal: AbortSignal): Promise<void> {
  await askUntil(async () => {
    const id = await joinedHostId(settings);
    const host = id === undefined ? undefined : await unlessRefused(session.hosts.get(id, { signal }));
    const heard = host?.lastHeartbeatAt;
    return host?.status === "online" && heard != null && heard >= since;
  }, signal);
}

async function isKnown(host: Promise<unknown>): Promise<boolean> {
  return (await unlessRefused(host)) !== undefined;
}

/** Not there (404), not pending any more (409), deleted (410): undefined. */
async function unlessRefused<T>(answer: Promise<T>): Promise<T | undefined> {
  const { RoostApiError } = await import("@roost/sdk");
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RoostApiError && [404, 409, 410].includes(error.status)) return undefined;
    throw error;
  }
}
