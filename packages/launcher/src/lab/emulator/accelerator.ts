/** Whether the outer machine's own virtualisation runs a lab's host, or QEMU emulates it. */
import { readIfThere } from "../../files/presence.ts";
import { ProgramFailure, runProgram } from "../../programs/run-program.ts";

export type Accelerator = "kvm" | "tcg";

/** KVM only where a guest has KVM, too (nesting), and only where it was seen to make a machine: the device alone says little. */
export async function chooseAccelerator(signal: AbortSignal): Promise<Accelerator> {
  const nested = await Promise.all(
    ["kvm_intel", "kvm_amd"].map((module) => readIfThere(`/sys/module/${module}/parameters/nested`)),
  );
  if (!nested.some((value) => /^[1Y]/.test(value ?? ""))) return "tcg";
  const machine = ["-M", "q35,accel=kvm", "-cpu", "host", "-m", "64", "-nodefaults", "-display", "none", "-S"];
  try {
    await runProgram(["qemu-system-x86_64", ...machine, "-qmp", "stdio"], {
      input: '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n',
      signal,
    });
    return "kvm";
  } catch (error) {
    if (!(error instanceof ProgramFailure)) throw error;
    return "tcg";
  }
}

/** Part of what a frozen machine can go on with. */
export async function qemuVersion(signal: AbortSignal): Promise<string> {
  const words = await runProgram(["qemu-system-x86_64", "--version"], { signal });
  return /version (\S+)/.exec(words)?.[1] ?? "unknown";
}
