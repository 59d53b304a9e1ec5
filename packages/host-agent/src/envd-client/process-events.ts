/** The guest agent's events of a process, as what they mean. */
import type { process } from "@roost/protocol/envd";

export type GuestEvent =
  | { readonly case: "start"; readonly pid: number }
  | { readonly case: "stdout" | "stderr"; readonly bytes: Uint8Array }
  | { readonly case: "pty"; readonly bytes: Uint8Array }
  | { readonly case: "end"; readonly end: process.ProcessEvent_EndEvent };

/** Undefined: a sign of life, or what this protocol does not know. */
export function interpret(event: process.ProcessEvent | undefined): GuestEvent | undefined {
  switch (event?.event.case) {
    case "start":
      return { case: "start", pid: event.event.value.pid };
    case "data": {
      const { output } = event.event.value;
      if (output.case === undefined) return undefined;
      return output.case === "pty" ? { case: "pty", bytes: output.value } : { case: output.case, bytes: output.value };
    }
    case "end":
      return { case: "end", end: event.event.value };
    default:
      return undefined;
  }
}
