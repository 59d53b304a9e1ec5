/**
 * A host that has started and waits, frozen: its memory, its state, its disk. Every host of a lab is a copy of it and starts in a second
 * or two. Made again when the image, QEMU, or the way it runs has changed.
 */
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { LauncherFailure } from "../failure.ts";
import { placeFolder } from "../files/durable.ts";
import { readIfThere, readJsonObject } from "../files/presence.ts";
import type { Step } from "../install/step.ts";
import type { Settings } from "../settings.ts";
import { type Accelerator, chooseAccelerator, qemuVersion } from "./emulator/accelerator.ts";
import { type Emulator, MEMORY_MB } from "./emulator/emulator.ts";
import { freeze } from "./emulator/freeze.ts";
import { openFreezingBench, overlay } from "./freezing-bench.ts";
import { imageFolder } from "./image/image.ts";

/** As long as a slow machine may take that has much else to do. */
const START_LIMIT_MS = 300_000;
const LOOK_AGAIN_MS = 50;
/** What the agent writes on the console. */
const READY = "ROOST-LAB-READY";

/** `disk`, `ram`, `state`, `ready.json`. */
export function readyFolder(settings: Settings): string {
  return join(imageFolder(settings), "ready");
}

export function readyStateStep(settings: Settings): Step {
  const place = readyFolder(settings);
  return {
    name: "lab host, frozen when ready",
    after: ["lab image"],
    byHand: "docs/lab.md says how a host is frozen.",
    isDone: async (signal) => JSON.stringify(await readJsonObject(join(place, "ready.json"))) === (await facts(signal)),
    async run(say, signal) {
      const accelerator = await chooseAccelerator(signal);
      say(`starting a host, by ${accelerator}`);
      await placeFolder(place, async (folder) => {
        await makeReady(settings, folder, accelerator, signal);
        await writeFile(join(folder, "ready.json"), await facts(signal));
      });
    },
  };
}

/** How the frozen machine runs. */
export async function readyAccelerator(settings: Settings): Promise<Accelerator> {
  const known = await readJsonObject(join(readyFolder(settings), "ready.json"));
  if (known?.accelerator !== "kvm" && known?.accelerator !== "tcg") {
    throw new LauncherFailure("there is no frozen host: run ./roost lab up");
  }
  return known.accelerator;
}

/** With other facts, the frozen machine cannot go on. */
async function facts(signal: AbortSignal): Promise<string> {
  const [accelerator, qemu] = await Promise.all([chooseAccelerator(signal), qemuVersion(signal)]);
  return JSON.stringify({ accelerator, qemu, memory_mb: MEMORY_MB });
}

async function makeReady(
  settings: Settings,
  folder: string,
  accelerator: Accelerator,
  signal: AbortSignal,
): Promise<void> {
  await overlay(join(imageFolder(settings), "disk"), "raw", join(folder, "disk"), signal);
  await using ram = await open(join(folder, "ram"), "wx");
  await ram.truncate(MEMORY_MB * 1024 * 1024);
  await using bench = await openFreezingBench(settings, folder, accelerator, signal);
  const machine = await bench.start("boot");
  await untilReady(machine, bench.folder, signal);
  await freeze(machine);
}

/** Until a machine that starts from its disk has come up. */
export async function untilReady(machine: Emulator, folder: string, signal: AbortSignal): Promise<void> {
  const end = Date.now() + START_LIMIT_MS;
  while (!(await readIfThere(join(folder, "console.log")))?.includes(READY)) {
    if (!machine.running || Date.now() > end) throw new LauncherFailure(`the host did not start\n${machine.words()}`);
    await pause(LOOK_AGAIN_MS, undefined, { signal });
  }
}
