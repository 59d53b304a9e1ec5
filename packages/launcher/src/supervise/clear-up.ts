/** Takes away what a launcher that could not stop in order has left: sandboxes, PostgreSQL, the run folder. */
import { rm } from "node:fs/promises";
import { exists } from "../files/presence.ts";
import { clearLeftovers } from "../postgres/leftovers.ts";
import { homePaths, type Settings } from "../settings.ts";
import { putHostToRest, type Rest } from "./host-agent.ts";
import { removeLauncherRecord } from "./launcher-record.ts";
import { joinedHostId } from "./membership.ts";

/** What became of the sandboxes that still ran. */
export async function clearUp(settings: Settings, say: (line: string) => void, signal: AbortSignal): Promise<Rest> {
  const joined = (await joinedHostId(settings)) !== undefined;
  const rest = joined ? await putHostToRest(settings, () => {}) : { paused: 0, ended: 0 };
  if (await exists(homePaths.postgres(settings))) await clearLeftovers(homePaths.postgres(settings), say, signal);
  await removeLauncherRecord(settings);
  await rm(settings.run, { recursive: true, force: true });
  return rest;
}
