/** The upkeep of a host, made from its parts. */
import { stat } from "node:fs/promises";
import type { Parts } from "../sandboxes/parts.ts";
import { snapshotFolder } from "../sandboxes/snapshots.ts";
import { ASLEEP, AWAKE, renewGeneration } from "./renew.ts";
import { type Subject, Upkeep } from "./upkeep.ts";
import { learnWorkingSet } from "./working-set.ts";

export function openUpkeep(parts: Parts): Upkeep {
  const { now, logger } = parts;
  return new Upkeep({
    renew: (folder, { asleep }, signal) => renewGeneration(parts, folder, asleep ? ASLEEP : AWAKE, signal),
    learn: (id, running) => learnWorkingSet(parts, id, running),
    now,
    logger,
  });
}

export function snapshotSubject({ roots }: Pick<Parts, "roots">, id: string): Subject {
  const folder = snapshotFolder(roots, id);
  return {
    id,
    folder: () =>
      stat(folder).then(
        () => folder,
        () => undefined,
      ),
    asleep: true,
  };
}
