/** Where operations of a host's agent are to stop; see stopping-steps.ts. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LabHost } from "@roost/launcher/lab-host";

const PROGRAM = "/run/lab-power/stopping-steps.ts";

/** Of `./roost up`: its agent stops where it is told to, and does nothing that it was not told to. */
export const STOPPING_AGENT = {
  NODE_OPTIONS: `--import ${PROGRAM}`,
  ROOST_HOST_RESERVE_MB: "256",
  ROOST_WARM_BASES: "off",
};

/** After every start of the host, before its Roost starts. Everyone may read it, because every Node that is started there does. */
export async function layGround(host: LabHost): Promise<void> {
  await host.run(["mkdir", "-p", "/run/lab-power/plans", "/run/lab-power/reached"]);
  await host.write("/run/lab-power/package.json", '{ "type": "module" }\n');
  await host.write(PROGRAM, await readFile(join(import.meta.dirname, "stopping-steps.ts"), "utf8"));
}

/** The next operations of this kind stop, each after one of the steps. */
export async function planStops(
  host: LabHost,
  operation: "create" | "destroy",
  steps: readonly string[],
): Promise<void> {
  const files = steps.map(
    (step, index) => `/run/lab-power/plans/${operation}.${String(index).padStart(2, "0")}.${step}`,
  );
  await host.run(["touch", ...files]);
}

/** Until so many have come to their step. */
export async function untilStopped(host: LabHost, count: number): Promise<void> {
  const condition = `[ $(ls /run/lab-power/reached | wc -l) -ge ${count} ]`;
  const { status } = await host.attempt(["timeout", "600", "sh", "-c", `until ${condition}; do sleep 0.2; done`]);
  if (status === 0) return;
  const { stdout } = await host.run(["ls", "-A", "/run/lab-power/plans", "/run/lab-power/reached"]);
  throw new Error(`not every operation has come to its step:\n${stdout}`);
}
