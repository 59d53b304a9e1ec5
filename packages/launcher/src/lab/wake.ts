/** A host learns who it is and what time it is. */
import { LauncherFailure } from "../failure.ts";
import type { CommandLine } from "./channel/frames.ts";
import type { HostLine } from "./channel/host-line.ts";

/** Of a host that is in no lab. */
export const NOBODYS_NUMBER = 9;

/** Takes the checkout from its disk, in place of the one that was there. */
export const BRING_CHECKOUT = ["/lab/bring-checkout.sh"] as const;

export async function wake(line: HostLine, number: number): Promise<void> {
  await runOn(line, ["/lab/wake.sh", String(number), String(Date.now() / 1000)]);
}

/** Runs a program to its end. @throws LauncherFailure, with what it said, unless it exits with 0. */
export async function runOn(line: HostLine, argv: CommandLine["argv"], signal?: AbortSignal): Promise<void> {
  const said: Buffer[] = [];
  const onPiece = (piece: Buffer) => void said.push(piece);
  const streams = { onStdout: onPiece, onStderr: onPiece, ...(signal === undefined ? {} : { signal }) };
  const { status, failure } = await line.run({ argv }, streams);
  if (status === 0) return;
  const words = failure ?? Buffer.concat(said).toString().slice(-4000);
  throw new LauncherFailure(`in the host, ${argv.join(" ")} ended with ${status}:\n${words}`);
}
