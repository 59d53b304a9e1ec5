/**
 * Learning which memory a sandbox uses when it wakes, so that later wakes of the same moment have it ready. The set goes to the sandbox's
 * own generation, and to the snapshot or warm base that it was made from. Without one a wake is slower, and that is all.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { findTwins, giveWorkingSet, hasWorkingSet } from "../generations/working-set.ts";
import { foldersOf } from "../sandboxes/folders.ts";
import type { Parts } from "../sandboxes/parts.ts";
import type { RunningSandbox } from "../sandboxes/sandbox.ts";
import { SAVE_FOLDER } from "../sandboxes/start-machine.ts";

/** After this much of a wake it has answered, run its first commands, and gone quiet. */
export const FIRST_USE_MS = 10_000;

type Awake = Pick<RunningSandbox, "machine" | "wokenFrom" | "startedAt">;
type Learning = Pick<Parts, "roots">;

/** Records what was used since it woke, if nobody has done so for that moment. */
export async function learnWorkingSet(parts: Learning, id: string, awake: Awake): Promise<void> {
  if (awake.wokenFrom === undefined || (await hasWorkingSet(awake.wokenFrom))) return;
  await record(parts, id, awake, [awake.wokenFrom, ...(await twinsOf(parts, awake.wokenFrom))]);
}

/**
 * Before a pause that comes early: its own generation is about to be replaced, but others may wake from the same moment.
 * Never fails: the pause is worth more.
 */
export async function learnBeforePause(
  parts: Learning & Pick<Parts, "now" | "logger">,
  id: string,
  awake: Awake,
): Promise<void> {
  const early = parts.now().getTime() - awake.startedAt.getTime() < FIRST_USE_MS;
  if (!early || awake.wokenFrom === undefined) return;
  try {
    if (await hasWorkingSet(awake.wokenFrom)) return;
    const twins = await twinsOf(parts, awake.wokenFrom);
    if (twins.length > 0) await record(parts, id, awake, twins);
  } catch (error) {
    parts.logger.warn({ sandbox: id, err: error }, "what a wake has used was not recorded");
  }
}

async function twinsOf({ roots }: Learning, generation: string): Promise<string[]> {
  const images = await readdir(roots.warmBases).catch(() => [] as string[]);
  return await findTwins(generation, [roots.generations, ...images.map((image) => join(roots.warmBases, image))]);
}

async function record({ roots }: Learning, id: string, { machine }: Awake, generations: string[]): Promise<void> {
  const { data } = foldersOf(roots, id);
  await machine.recordWorkingSet();
  await giveWorkingSet(join(data, SAVE_FOLDER, "working-set"), join(data, "working-set.new"), generations);
}
