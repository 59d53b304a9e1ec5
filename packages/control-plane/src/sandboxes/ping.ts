/** A sign that a sandbox is in use: the time until it pauses itself begins anew, there and here. */
import { asHostError } from "../hosts/hosts.ts";
import { clientOfRunning, hostForgot } from "./host-of.ts";
import type { SandboxParts } from "./parts.ts";

const TIMEOUT_MS = 30_000;

/** @throws RoostError `not_found`, `not_running`, `host_unavailable`, `host_failed`. */
export async function pingSandbox(parts: SandboxParts, teamId: string, id: string): Promise<void> {
  const client = await clientOfRunning(parts, teamId, id);
  try {
    await client.pingSandbox({ sandboxId: id }, { timeoutMs: TIMEOUT_MS });
  } catch (error) {
    throw hostForgot(asHostError(error));
  }
}
