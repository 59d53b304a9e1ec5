/** Waking: on the host that holds the sandbox's files, from its last generation or by booting its disk. */
import { RoostError } from "@roost/protocol/errors";
import { ResumeMode } from "@roost/protocol/hostagent";
import type { SandboxRow } from "../db/tables.ts";
import { requireSandbox } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";
import { requireNoOtherStep } from "./pause.ts";
import { asItsHostHasIt, STEP_TIMEOUT_MS, takeStep } from "./step.ts";

/** `memory`: its processes carry on. `disk`: it boots the newest state of its disk; what was in memory is given up. */
export type WakeFrom = "memory" | "disk";

const MODES: Readonly<Record<WakeFrom, ResumeMode>> = { memory: ResumeMode.MEMORY, disk: ResumeMode.DISK };

/**
 * Answers when it takes commands. One in `error` resumes, too.
 * @throws RoostError `not_found`, `not_paused`, `conflict` (another step, or destroyed meanwhile), `no_capacity`, `disk_full`,
 * `host_unavailable`, `host_failed`: then it is as it was.
 */
export async function resumeSandbox(
  parts: SandboxParts,
  teamId: string,
  id: string,
  mode: WakeFrom,
): Promise<SandboxRow> {
  const known = await requireSandbox(parts, teamId, id);
  // Its host may have paused it by itself a moment ago, and its caller have noticed before we did.
  const before = known.status === "running" ? await asItsHostHasIt(parts, known) : known;
  requireNoOtherStep(before);
  if (before.status !== "paused" && before.status !== "error") {
    throw new RoostError("not_paused", `The sandbox is ${before.status}; this needs it paused.`);
  }
  const outcome = await takeStep(parts, before, {
    status: "resuming",
    call: (client) => client.resumeSandbox({ sandboxId: id, mode: MODES[mode] }, { timeoutMs: STEP_TIMEOUT_MS }),
  });
  // Also when only the answer was lost.
  if (outcome.row.status === "running") return outcome.row;
  throw outcome.failure ?? new RoostError("host_failed", "The host answered that it runs, and it does not.");
}
