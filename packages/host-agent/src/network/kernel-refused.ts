import { RoostError } from "@roost/protocol/errors";
import { CommandError } from "../commands/run.ts";

/** What is told when a step that changes the kernel's network failed: what was tried, and the reason the program gave. */
export function kernelRefused(attempt: string, error: unknown): RoostError {
  if (error instanceof RoostError) return error;
  const reason = error instanceof CommandError && error.missing ? missing(error.program) : messageOf(error);
  return new RoostError("internal", `could not ${attempt}: ${reason}`, { cause: error });
}

/** Debian's packages for the programs that we run. */
const PACKAGES: Readonly<Record<string, string>> = { ip: "iproute2", nft: "nftables", nsenter: "util-linux" };

function missing(program: string): string {
  return `${program} is not installed (Debian and Ubuntu have it in the package ${PACKAGES[program] ?? program})`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
