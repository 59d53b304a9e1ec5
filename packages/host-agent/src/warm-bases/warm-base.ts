/**
 * Making one warm base: a machine boots from the image as a sandbox's does, is used a little, frozen, and taken apart. It is nobody: it is
 * told no name, no token, no environment; that is told to each sandbox made from it. From its beginning to its end it has the marker
 * of a sandbox that is being made, so an agent that starts after one that died in the middle removes it.
 */
import { RoostError } from "@roost/protocol/errors";
import { newId } from "@roost/protocol/ids";
import type { EnvdClient } from "../envd-client/envd-client.ts";
import { bringUp } from "../sandboxes/create.ts";
import { destroySandbox } from "../sandboxes/destroy.ts";
import { foldersOf } from "../sandboxes/folders.ts";
import { Operation } from "../sandboxes/operation.ts";
import { generationFolder } from "../sandboxes/own-generations.ts";
import type { Parts } from "../sandboxes/parts.ts";
import { freezeSandbox } from "../sandboxes/pause.ts";
import type { RunningSandbox, SandboxSpec } from "../sandboxes/sandbox.ts";
import { imageSource } from "../sandboxes/sources.ts";
import type { Shape } from "../sandboxes/start-machine.ts";
import { tryAgain } from "../sandboxes/try-again.ts";
import type { Shelf } from "./shelf.ts";

/** What commands need of the disk is in memory then, and what the guest does the first time only is done. */
const USE = "command -v python3 > /dev/null && python3 -c pass; true";
const USE_LIMIT_MS = 60_000;
const OUTPUT_LIMIT_BYTES = 4096;
const TAKE_APART_LIMIT_MS = 60_000;

export interface Order {
  readonly image: string;
  /** `giveWay` may be called at any time; it should abort the signal. */
  readonly shape: Shape;
}

/** @throws RoostError `no_capacity`, `disk_full`, `host_failed`, …; the signal's reason. Nothing is left then. */
export async function warmBase(parts: Parts, shelf: Shelf, order: Order, signal: AbortSignal): Promise<void> {
  const spec = specOf(parts, order);
  const place = await shelf.placeOf(order.image, order.shape);
  const running = await boot(parts, spec, order, signal);
  await using _ = { [Symbol.asyncDispose]: () => takeApart(parts, spec.id, running) };
  await use(running.envd, signal);
  const { free } = await freezeSandbox(parts, spec.id, running, signal);
  await free(); // Its VMM has a lock on the disk that it froze.
  if ((await shelf.placeOf(order.image, order.shape)) !== place) {
    throw new RoostError("conflict", `The base image ${order.image}, or the guest's kernel, was replaced meanwhile.`);
  }
  await shelf.put(generationFolder(foldersOf(parts.roots, spec.id).data, 1), place);
}

function specOf({ randomBytes }: Parts, { image, shape }: Order): SandboxSpec {
  return {
    id: newId("sandbox", randomBytes),
    template: image,
    vcpus: shape.vcpus,
    memoryMb: shape.memoryMb,
    env: {},
    internet: false,
    timeoutSec: 0,
  };
}

async function boot(parts: Parts, spec: SandboxSpec, order: Order, signal: AbortSignal): Promise<RunningSandbox> {
  await using operation = new Operation(parts, "warm", spec.id, signal);
  const source = await operation.step("image", async () => ({
    ...(await imageSource(parts, spec)),
    shape: order.shape,
  }));
  const { running } = await bringUp(operation, spec, source, parts.now(), undefined);
  operation.complete();
  return running;
}

/** Whatever becomes of the command: an image in which it cannot run is warm all the same. */
async function use(envd: EnvdClient, signal: AbortSignal): Promise<void> {
  const limits = { timeoutMs: USE_LIMIT_MS, outputLimitBytes: OUTPUT_LIMIT_BYTES };
  await envd.exec({ cmd: "sh", args: ["-c", USE], env: {}, ...limits }, signal);
}

/** What is left of it after all attempts, the next agent removes. */
async function takeApart(parts: Parts, id: string, running: RunningSandbox): Promise<void> {
  const work = () => destroySandbox(parts, id, running);
  const onFailure = (error: unknown) =>
    parts.logger.error({ sandbox: id, err: error }, "a machine that a warm base was made with is not gone yet");
  await work().catch(async (error: unknown) => {
    onFailure(error);
    await tryAgain(work, AbortSignal.timeout(TAKE_APART_LIMIT_MS), onFailure);
  });
}
