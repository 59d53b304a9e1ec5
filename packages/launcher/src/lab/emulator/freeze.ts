/**
 * Freezing and thawing of emulated machines. The state that is written holds everything but the memory: that stays in the file which the
 * frozen machine shared, and which every thawed one maps privately.
 */
import { setTimeout as pause } from "node:timers/promises";
import { LauncherFailure } from "../../failure.ts";
import type { Emulator } from "./emulator.ts";
import type { Qmp } from "./qmp.ts";

const LOOK_AGAIN_MS = 10;

/** Writes `state` into the machine's folder; the machine ends. */
export async function freeze(machine: Emulator): Promise<void> {
  using qmp = await machine.qmp();
  await leaveMemoryOut(qmp);
  await qmp.run("stop");
  await qmp.run("migrate", { uri: "exec:cat > state" });
  for (;;) {
    const { status } = (await qmp.run("query-migrate")) as { status?: string };
    if (status === "completed") break;
    if (status === "failed") throw new LauncherFailure(`QEMU could not freeze the machine: ${machine.words()}`);
    await pause(LOOK_AGAIN_MS);
  }
  await qmp.run("quit");
  await machine.ended;
}

/** Lets a machine that was started to be thawed go on from `state`. */
export async function thaw(machine: Emulator): Promise<void> {
  using qmp = await machine.qmp();
  await leaveMemoryOut(qmp);
  await qmp.run("migrate-incoming", { uri: "exec:cat state" });
  for (;;) {
    const { status } = (await qmp.run("query-status")) as { status: string };
    if (status === "paused" || status === "postmigrate") break;
    if (status !== "inmigrate" && status !== "prelaunch") return;
    await pause(LOOK_AGAIN_MS);
  }
  await qmp.run("cont");
}

async function leaveMemoryOut(qmp: Qmp): Promise<void> {
  await qmp.run("migrate-set-capabilities", { capabilities: [{ capability: "x-ignore-shared", state: true }] });
}
