/** After a power cut: what the database, the host's folders and its kernel say of sandboxes, and whether they say the same. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { LabHost } from "@roost/launcher/lab-host";
import { type Roost, SANDBOX_STATUSES, type Sandbox } from "@roost/sdk";

const ROOST = "/root/roost/.roost";
/** The control plane has reconciled after a minute; emulated processors take longer. */
const LIMIT_MS = 300_000;
const LOOK_AGAIN_MS = 1000;
/** No operation is under way. */
const AT_REST: readonly string[] = ["error", "paused", "running", "stopped"];

export interface Agreement {
  readonly rows: readonly Sandbox[];
  /** Ids of the sandboxes that have anything on the host's disk. */
  readonly folders: readonly string[];
}

/** Waits until no row waits for anything, every folder is that of a sandbox that is not over, and machines are of those that run. */
export async function agreementOf(client: Roost, host: LabHost): Promise<Agreement> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const rows = await Array.fromAsync(client.sandboxes.list({ status: SANDBOX_STATUSES }));
    const folders = await foldersOf(host);
    const { groups, vmms } = await machinesOf(host);
    const alive = rows.filter(({ status }) => status !== "stopped");
    const running = rows.filter(({ status }) => status === "running");
    const wrong = [
      ...rows.filter(({ status }) => !AT_REST.includes(status)).map(({ id, status }) => `${id} is ${status}`),
      ...folders.filter((id) => !alive.some((row) => row.id === id)).map((id) => `${id} is over, and has a folder`),
      ...alive
        .filter(({ id, status }) => status !== "error" && !folders.includes(id))
        .map(({ id, status }) => `${id} is ${status}, and has no folder`),
      ...groups.filter((name) => !running.some(({ id }) => name.includes(id))).map((name) => `${name} is nobody's`),
      ...(vmms === running.length ? [] : [`${vmms} VMMs run, for ${running.length} sandboxes`]),
    ];
    if (wrong.length === 0) return { rows, folders };
    if (Date.now() > end) {
      const known = rows.map(({ id, status, error }) => `${id} ${status} ${error ?? ""}`);
      assert.fail(`database, host and kernel do not agree:\n${[...wrong, "", ...known].join("\n")}`);
    }
    await pause(LOOK_AGAIN_MS);
  }
}

async function foldersOf(host: LabHost): Promise<string[]> {
  const { stdout } = await host.run(["ls", `${ROOST}/data/sandboxes`]);
  return stdout.split("\n").filter((name) => name !== "");
}

/** Control groups of sandboxes, which bear their ids, and how many VMMs there are. */
async function machinesOf(host: LabHost): Promise<{ readonly groups: readonly string[]; readonly vmms: number }> {
  const script = "find /sys/fs/cgroup -type d -name 'r*sb-*' -printf '%f\\n'; pgrep --count qemu-system";
  const { stdout } = await host.attempt(["sh", "-c", script]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { groups: lines.slice(0, -1), vmms: Number(lines.at(-1)) };
}

/** Of the last operation of this name that has ended: the agent logs the time of each of its steps. */
export async function stepsLogged(host: LabHost, operation: string): Promise<string[]> {
  const log = await host.read(`${ROOST}/logs/host-agent.log`);
  const line = log.split("\n").findLast((text) => text.endsWith(`"msg":"${operation}"}`)) ?? "{}";
  const names = Object.keys(JSON.parse(line) as object).filter((key) => key.endsWith("_ms") && key !== "total_ms");
  return names.map((name) => name.slice(0, -"_ms".length));
}
