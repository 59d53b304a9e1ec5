/**
 * Where a machine runs that is to be frozen: on a network of its own, from the disk and memory of the folder that is to hold it, which it
 * changes; its state is written there, too. Of the bench nothing is left.
 */
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import { writeCheckoutArchive } from "./checkout-archive.ts";
import type { Accelerator } from "./emulator/accelerator.ts";
import { Emulator, type MachineSpec } from "./emulator/emulator.ts";
import { tscRate } from "./emulator/tsc.ts";
import { imageFolder } from "./image/image.ts";
import { Surroundings } from "./network/surroundings.ts";

export interface FreezingBench extends AsyncDisposable {
  /** The machine's working folder, with its lines. */
  readonly folder: string;
  /** The one machine of this bench; it ends with it. */
  start(how: MachineSpec["start"]): Promise<Emulator>;
}

/** @param frozen holds `disk` and `ram`, and, of a machine that is to be thawed, `state`. */
export async function openFreezingBench(
  settings: Settings,
  frozen: string,
  accelerator: Accelerator,
  signal: AbortSignal,
): Promise<FreezingBench> {
  await using stack = new AsyncDisposableStack();
  const surroundings = stack.use(await Surroundings.start());
  await surroundings.socket("tap0");
  const folder = await mkdtemp(join(await benches(settings), "bench."));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  for (const name of ["kernel", "initrd"]) await symlink(join(imageFolder(settings), name), join(folder, name));
  for (const name of ["disk", "ram", "state"]) await symlink(join(frozen, name), join(folder, name));
  await writeCheckoutArchive(settings, join(folder, "checkout"), signal);
  const kept = stack.move();
  return {
    folder,
    async start(how) {
      const tscKhz = await tscRate(settings);
      const spec = { folder, accelerator, tscKhz, memory: "shared", start: how, tap: "tap0" } as const;
      const machine = await Emulator.start({ ...spec, enterNetwork: surroundings.enter });
      kept.defer(() => machine.kill());
      return machine;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Their place, empty: there is one at a time in a cache, so what is in there is a killed process's. */
async function benches(settings: Settings): Promise<string> {
  const place = join(settings.cache, "lab", "freezing");
  await rm(place, { recursive: true, force: true });
  await mkdir(place, { recursive: true });
  return place;
}

/** A disk that holds what differs from another. */
export async function overlay(
  under: string,
  format: "raw" | "qcow2",
  disk: string,
  signal: AbortSignal,
): Promise<void> {
  await runProgram(["qemu-img", "create", "-q", "-f", "qcow2", "-b", under, "-F", format, disk], { signal });
}
