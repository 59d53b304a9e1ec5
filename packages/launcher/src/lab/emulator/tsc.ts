/**
 * How fast the processor's time stamp counter runs. An emulated processor shows it as its own, and a kernel that measures it while the
 * emulator waits for its turn is wrong by any factor: its clock then runs away, in every copy of the frozen host. So it is told.
 */
import { LauncherFailure } from "../../failure.ts";
import { runProgram } from "../../programs/run-program.ts";
import { programPath, type Settings } from "../../settings.ts";

/** In kHz. */
export async function tscRate(settings: Settings): Promise<number> {
  const said = await runProgram([programPath(settings, "roost-tsc-rate")]);
  const khz = Number(said.trim());
  if (!Number.isSafeInteger(khz) || khz <= 0) throw new LauncherFailure(`roost-tsc-rate does not tell a rate: ${said}`);
  return khz;
}
