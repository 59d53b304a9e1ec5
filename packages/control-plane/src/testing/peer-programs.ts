/** The few programs that a peer's sandboxes have. */
import { once } from "node:events";
import { create } from "@bufbuild/protobuf";
import { type ExecRequest, type ExecResponse, ExecResponseSchema } from "@roost/protocol/hostagent";

/** `echo`, `cat`, `bytes HEX`, `flood N`, `exit N`, `slow` (until its time is out), `hang` (until its caller goes). */
export async function runPeerProgram(request: ExecRequest, callerGone: AbortSignal): Promise<ExecResponse> {
  const [argument = ""] = request.args;
  const answer = create(ExecResponseSchema, { exitCode: 0, durationMs: 1 });
  switch (request.cmd) {
    case "echo":
      return { ...answer, stdout: Buffer.from(`${request.args.join(" ")}\n`) };
    case "cat":
      return { ...answer, stdout: request.stdin };
    case "bytes":
      return { ...answer, stdout: Buffer.from(argument, "hex"), stderr: Buffer.from("plain") };
    case "flood": {
      const wanted = Number(argument);
      const stdout = Buffer.alloc(Math.min(wanted, request.outputLimitBytes), "é");
      return { ...answer, stdout, truncated: wanted > request.outputLimitBytes };
    }
    case "exit":
      return { ...answer, exitCode: Number(argument) };
    case "slow":
      return create(ExecResponseSchema, {
        stdout: Buffer.from("so far"),
        timedOut: true,
        durationMs: request.timeoutMs,
      });
    case "hang":
      await once(callerGone, "abort");
      return answer;
    default:
      return { ...answer, exitCode: 127 };
  }
}
