import { RoostError } from "@roost/protocol/errors";

/** What is told when the kernel refuses something about a control group. */
export function refused(attempt: string, error: unknown): RoostError {
  if (error instanceof RoostError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new RoostError("internal", `could not ${attempt}: ${reason}`, { cause: error });
}
