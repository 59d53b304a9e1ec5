/** Where operations of a host's agent are to stop; see stopping-steps.ts. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LabHost } from "@roost/launcher/lab-host";

export type OperationName = "create" | "pause" | "free paused" | "resume" | "destroy";

/** In the host's checkout, because it imports from there. */
const FOLDER = "/root/roost/tests/lab/power";
const STATE = "/run/lab-power";

/** After every start of the host's agent: from now on its operations stop as planned. */
export async function takeHold(host: LabHost): Promise<void> {
  await host.run(["mkdir", "-p", FOLDER, `${STATE}/plans`, `${STATE}/reached`]);
  for (const name of ["stopping-steps.ts", "take-hold.ts"]) {
    await host.write(join(FOLDER, name), await readFile(join(import.meta.dirname, name), "utf8"));
  }
  const script =
    'exec .roost/cache/node-*/bin/node "$1/take-hold.ts" "$(pgrep -f "[h]ost-agent/src/main.ts")" "$1/stopping-steps.ts"';
  await host.run(["sh", "-c", script, "take-hold", FOLDER], { cwd: "/root/roost" });
}

/** The next operations of this kind stop, each after one of the steps. */
export async function planStops(host: LabHost, operation: OperationName, steps: readonly string[]): Promise<void> {
  const files = steps.map((step, index) => `${STATE}/plans/${operation}.${String(index).padStart(2, "0")}.${step}`);
  await host.run(["touch", ...files]);
}

/** Until all that are planned have come to their step. */
export async function untilStopped(host: LabHost): Promise<void> {
  const counts = `[ $(ls -A ${STATE}/reached | wc -l) -ge $(ls -A ${STATE}/plans | wc -l) ]`;
  const { status } = await host.attempt(["timeout", "900", "sh", "-c", `until ${counts}; do sleep 0.5; done`]);
  if (status === 0) return;
  const { stdout } = await host.run(["ls", "-A", `${STATE}/plans`, `${STATE}/reached`]);
  throw new Error(`not every operation has come to its step:\n${stdout}`);
}
