/** A whole Roost whose every guest has a hostile agent, and a listener that finds out whether anybody follows a redirect. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Instance, startInstance } from "@roost/launcher/instance";
import { readSettings } from "@roost/launcher/settings";
import { Roost } from "@roost/sdk";
import { makeHostileAssets } from "./hostile-assets.ts";
import { PeakMemory } from "./peak-memory.ts";

/** Small ones, so that an answer beyond them comes soon even from an emulated guest. */
export const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024;
export const FILE_LIMIT_BYTES = 8 * 1024 * 1024;

export interface HostileRoost extends AsyncDisposable {
  readonly instance: Instance;
  readonly roost: Roost;
  /** The kind of hostility that redirects to the listener. */
  readonly redirect: string;
  /** How many requests the listener has had. */
  followed(): number;
  measure(): Promise<MemoryOfServers>;
}

/** What the two servers hold beyond what they held when it was made, at the worst. */
export interface MemoryOfServers {
  rise(): Promise<{ readonly agent: number; readonly controlPlane: number }>;
}

export async function startHostileRoost(): Promise<HostileRoost> {
  await using stack = new AsyncDisposableStack();
  const assets = stack.use(await makeHostileAssets(readSettings(process.env), new AbortController().signal));
  const environment = {
    ROOST_CACHE: assets.folder,
    ROOST_EXEC_OUTPUT_LIMIT_BYTES: String(OUTPUT_LIMIT_BYTES),
    ROOST_FILE_LIMIT_BYTES: String(FILE_LIMIT_BYTES),
  };
  const instance = stack.use(await startInstance({ environment }));
  let followed = 0;
  const listener = createServer((_, response) => {
    followed++;
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  stack.defer(() => void listener.close());
  await once(listener, "listening");
  const made = stack.move();
  return {
    instance,
    roost: new Roost(instance),
    redirect: `redirect-${(listener.address() as AddressInfo).port}`,
    followed: () => followed,
    measure: () => measure(instance),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

async function measure(instance: Instance): Promise<MemoryOfServers> {
  const agent = await PeakMemory.from(instance.agent.pid());
  const controlPlane = await PeakMemory.from(instance.controlPlane.pid());
  return { rise: async () => ({ agent: await agent.rise(), controlPlane: await controlPlane.rise() }) };
}
