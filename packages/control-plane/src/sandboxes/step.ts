/**
 * A step that a host takes with a sandbox between two states that last: pausing, resuming, making a snapshot. The row says
 * so while it lasts, and afterwards what the sandbox is: as the host's answer has it, or, when the step failed, as the host
 * says when it is asked. The step goes on when its caller has gone.
 */
import { RoostError } from "@roost/protocol/errors";
import type { SandboxStatus } from "@roost/protocol/hostagent";
import type { SandboxRow } from "../db/tables.ts";
import { asHostError, type HostAgentClient } from "../hosts/hosts.ts";
import { clientOfHost, hostForgot } from "./host-of.ts";
import { askHost, LOST, type Observation, observe } from "./observed.ts";
import type { SandboxParts } from "./parts.ts";

/** Memory goes to a disk and comes from there, on machines that may be slow and busy. */
export const STEP_TIMEOUT_MS = 15 * 60_000;

interface Answer {
  readonly sandbox?: SandboxStatus | undefined;
}

export interface Step<T extends Answer> {
  /** What the row says meanwhile; undefined for a step during which the sandbox stays what it is. */
  readonly status: "pausing" | "resuming" | undefined;
  /** Asks the host. Its answer says, beside other things, what the sandbox is now. */
  call(client: HostAgentClient): Promise<T>;
}

/** How a step ended. `row` is there, and right, in either case. */
export type StepOutcome<T> =
  | { readonly row: SandboxRow; readonly answer: T; readonly failure?: undefined }
  | { readonly row: SandboxRow; readonly failure: RoostError };

/**
 * @param before the row as it was found fit for the step.
 * @throws RoostError `conflict`: another request was quicker, or destroyed it meanwhile.
 */
export function takeStep<T extends Answer>(
  parts: SandboxParts,
  before: SandboxRow,
  step: Step<T>,
): Promise<StepOutcome<T>> {
  return parts.inFlight.during(before.id, async () => {
    const begun = step.status ? await parts.rows.begin(before, step.status) : before;
    if (!begun) throw new RoostError("conflict", "Another request changes this sandbox at this moment.");
    const asked = await ask(parts, before, step);
    if (asked.failure) return { row: await putRight(parts, begun, before), failure: asked.failure };
    return { row: await putDown(parts, begun, observe(asked.answer.sandbox)), answer: asked.answer };
  });
}

async function ask<T extends Answer>(parts: SandboxParts, before: SandboxRow, step: Step<T>) {
  try {
    return { answer: await step.call(await clientOf(parts, before)) };
  } catch (error) {
    return { failure: hostForgot(asHostError(error)) };
  }
}

function clientOf(parts: SandboxParts, { host_id }: SandboxRow): Promise<HostAgentClient> {
  if (host_id === null) throw new TypeError("a sandbox that can take a step has a host");
  return clientOfHost(parts, host_id);
}

/**
 * The row of a sandbox, after its host was asked what it is: heartbeats tell of what hosts do by themselves only when it has
 * been done. Of a host that does not answer, the row as it was.
 * @throws RoostError `conflict` when it was destroyed meanwhile.
 */
export async function asItsHostHasIt(parts: SandboxParts, row: SandboxRow): Promise<SandboxRow> {
  const observation = await lookAt(parts, row).catch(() => undefined);
  return observation ? putDown(parts, row, observation) : row;
}

async function lookAt(parts: SandboxParts, row: SandboxRow): Promise<Observation> {
  const present = await askHost(await clientOf(parts, row));
  return observe(present.get(row.id));
}

/** After a step that failed: the row becomes what the sandbox is now. */
async function putRight(parts: SandboxParts, begun: SandboxRow, before: SandboxRow): Promise<SandboxRow> {
  let observation: Observation;
  try {
    observation = await lookAt(parts, before);
  } catch (error) {
    const { code, message } = asHostError(error);
    parts.log.warn(
      { sandbox_id: before.id, host_id: before.host_id, code, reason: message },
      "a step's end is unknown",
    );
    // Heartbeats will tell, should the host have taken the step all the same.
    if (begun === before) return begun;
    return (await parts.rows.takeBack(begun, before)) ?? (await asItIsNow(parts, begun));
  }
  return putDown(parts, begun, observation);
}

/** The row becomes what the host says, unless it says so already, or another step has begun. */
async function putDown(parts: SandboxParts, begun: SandboxRow, observation: Observation): Promise<SandboxRow> {
  if (observation.state === "changing") return begun;
  const observed = observation.state === "absent" ? LOST : observation;
  let row = begun;
  while (row.status !== observed.state) {
    const followed = await parts.rows.follow(row, observed);
    if (followed) return followed;
    row = await asItIsNow(parts, row);
    if (row.status === "pausing" || row.status === "resuming") break;
  }
  return row;
}

/** @throws RoostError `conflict` when it was destroyed meanwhile. */
async function asItIsNow(parts: SandboxParts, { team_id, id }: SandboxRow): Promise<SandboxRow> {
  const row = await parts.rows.find(team_id, id);
  if (row && row.status !== "stopping" && row.status !== "stopped") return row;
  throw new RoostError("conflict", "The sandbox was destroyed meanwhile.");
}
