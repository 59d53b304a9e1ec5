/** A process, as a message or an address names it. */
import { RoostError } from "@roost/protocol/errors";
import type { ProcessName } from "../../sandboxes/sandboxes.ts";

/** @throws RoostError `invalid_request`, unless exactly one is there. */
export function processName(named: { readonly pid?: number; readonly tag?: string }): ProcessName {
  const { pid, tag } = named;
  if (pid !== undefined && tag === undefined) return { case: "pid", value: pid };
  if (tag !== undefined && pid === undefined) return { case: "tag", value: tag };
  throw new RoostError("invalid_request", "Name the process by its pid or by its tag.");
}
