/** All that can be measured, in the order in which it is. */
import type { BenchGround } from "../ground.ts";
import type { Scenario } from "../measure.ts";
import type { RowId } from "../rows.ts";
import { openBoot } from "./boot.ts";
import { openCloneMemory } from "./clone-memory.ts";
import { openClones, openCreate } from "./create.ts";
import { openExec } from "./exec.ts";
import { openFaults, openPush } from "./page-server.ts";
import { openSleep, openUsedSleep } from "./sleep.ts";

export interface ScenarioKind {
  readonly rows: readonly RowId[];
  readonly warmBases: "auto" | "off";
  /** @param note what else is to be known of a row; the last one counts. */
  readonly open: (ground: BenchGround, note: (id: RowId, text: string) => void) => Promise<Scenario>;
}

export const SCENARIOS: readonly ScenarioKind[] = [
  { rows: ["exec"], warmBases: "off", open: openExec },
  { rows: ["resume", "pause"], warmBases: "off", open: openSleep },
  { rows: ["resume-used", "pause-used"], warmBases: "off", open: openUsedSleep },
  { rows: ["clones"], warmBases: "off", open: openClones },
  {
    rows: ["clone-memory"],
    warmBases: "off",
    open: (ground, note) => openCloneMemory(ground, (text) => note("clone-memory", text)),
  },
  { rows: ["fault"], warmBases: "off", open: openFaults },
  { rows: ["push"], warmBases: "off", open: openPush },
  { rows: ["boot"], warmBases: "off", open: openBoot },
  { rows: ["create"], warmBases: "auto", open: openCreate },
];
