/**
 * Freezing a sandbox. Before its generation is durable, whatever fails is taken back and the sandbox runs on; after that it is
 * paused, and what it held of the machine is freed.
 */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { readManifest, sealGeneration } from "../generations/generations.ts";
import { learnBeforePause } from "../upkeep/working-set.ts";
import { endMachine, giveUpSlot } from "./destroy.ts";
import { foldersOf, type SandboxFolders } from "./folders.ts";
import { sameIdentity } from "./identity.ts";
import { Operation } from "./operation.ts";
import { basePath, chainFrom, generationFolder, newestGeneration, removeOldGenerations } from "./own-generations.ts";
import type { Parts } from "./parts.ts";
import { readRunRecord, readSpecRecord, removeEndRecord, specPath, writeRunRecord } from "./records.ts";
import type { RunningSandbox } from "./sandbox.ts";
import { SAVE_FOLDER } from "./start-machine.ts";

/** The guest's processes are frozen and its file systems flushed within this, or it is not going to happen. */
const PREPARE_LIMIT_MS = 120_000;
/** Until a guest that was thawed again has heard the time. */
const INIT_LIMIT_MS = 60_000;
/** What the topmost disk layer is also called between its freezing and the generation's sealing. */
const FROZEN_LAYER = "frozen-layer";

/** A pause that was not taken back: from now on the sandbox is paused, whatever happens. */
export interface Paused {
  /** Frees what it held. @throws what the failing step threw; called again, it goes on from there. */
  readonly free: () => Promise<void>;
}

/**
 * @throws RoostError when it could not be frozen: it runs on then. Only one that cannot even be let go on is ended; its end is
 * told by its machine, as ever.
 */
export async function freezeSandbox(
  parts: Parts,
  id: string,
  running: RunningSandbox,
  signal: AbortSignal,
): Promise<Paused> {
  await using operation = new Operation(parts, "pause", id, signal);
  const { folders } = operation;
  const parent = await newestGeneration(folders.data);
  const before = parent && (await readManifest(parent.folder));
  const number = (parent?.number ?? 0) + 1;
  await operation.step("working set", () => learnBeforePause(parts, id, running));
  await operation.step("mark", async () => {
    operation.undo(() => mark(folders, { state: "running" }));
    await mark(folders, { state: "pausing", generation: number });
  });
  await operation.step("prepare", async () => {
    operation.undo(() => thaw(parts, id, running));
    await running.envd.prepareSnapshot(AbortSignal.any([signal, AbortSignal.timeout(PREPARE_LIMIT_MS)]));
  });
  const saved = join(folders.data, SAVE_FOLDER, String(number));
  const machine = await operation.step("save", async () => {
    operation.undo(() => rm(saved, { recursive: true, force: true }));
    return await running.machine.freeze(String(number), number);
  });
  const layer = join(folders.data, FROZEN_LAYER);
  const chain = chainFrom(folders.data, parent, before);
  await operation.step("disk", async () => {
    operation.undo(() => rm(layer, { force: true }));
    await rm(layer, { force: true });
    await parts.rootDisk.freeze(folders.data, layer);
  });
  const spec = await readSpecRecord(folders.data);
  if (!spec) throw new RoostError("internal", `What ${id} was made from is not written down any more.`);
  await operation.step("seal", async () => {
    const to = generationFolder(folders.data, number);
    operation.undo(() => rm(to, { recursive: true, force: true }));
    await sealGeneration(
      {
        saved,
        machine,
        parent: parent?.folder,
        inherited: before?.files ?? [],
        disk: { base: chain.base, layers: [...chain.layers, layer] },
        facts: {
          generation: number,
          created_at: parts.now().toISOString(),
          image: before?.image ?? spec.template,
          vcpus: spec.vcpus,
          memory_mb: spec.memory_mb,
          kernel: parts.vmm.kernelVersion,
          vmm: running.vmm,
          disk: {
            driver: parts.rootDisk.name,
            size_bytes: (await stat(chain.base)).size,
            layers: chain.layers.length + 1,
          },
        },
        // Nothing of the sandbox was flushed when it was made.
        besides: [specPath(folders.data), folders.data, parts.roots.data],
      },
      to,
    );
    await parts.intact.trust(to, await readManifest(to));
  });
  operation.complete();
  parts.logger.info({ sandbox: id, generation: number, ...machine.pages, ...machine.milliseconds }, "frozen");
  return { free: () => freePaused(parts, id, running) };
}

/** After the generation is durable. Idempotent, and right for a sandbox that an earlier agent has frozen. */
export async function freePaused(parts: Parts, id: string, running: RunningSandbox | undefined): Promise<void> {
  const folders = foldersOf(parts.roots, id);
  using steps = parts.steps("free paused", parts.logger.child({ sandbox: id }));
  await endMachine(parts, id, running, steps);
  // Nobody is in it any more; whoever paused the sandbox need not wait until it is gone.
  await steps.run("slot", () => giveUpSlot(parts, id, (index) => parts.slots.letGo(index)));
  await steps.run("admission", () => parts.admission.release(id));
  await steps.run("layer", async () => {
    await parts.rootDisk.detach(folders.data);
    await parts.rootDisk.remove(folders.data);
    await parts.rootDisk.dropAside(folders.data);
    await rm(join(folders.data, FROZEN_LAYER), { force: true });
    await rm(join(folders.data, SAVE_FOLDER), { recursive: true, force: true });
    await rm(basePath(folders.data), { force: true }); // The generation has it.
  });
  await steps.run("generations", async () => {
    await removeOldGenerations(folders.data);
    await removeEndRecord(folders.data);
  });
  await steps.run("run", () => rm(folders.run, { recursive: true, force: true }));
}

/**
 * Lets a machine go on that was, perhaps, about to be frozen: its vCPUs, then its users' processes. One that cannot be is ended: it
 * would stand still for ever.
 */
export async function thaw(parts: Parts, id: string, running: RunningSandbox): Promise<void> {
  const logger = parts.logger.child({ sandbox: id });
  try {
    await running.machine.thaw();
  } catch (error) {
    logger.error({ err: error }, "a machine that could not be frozen cannot go on either, and is ended");
    await parts.vmm.stop(foldersOf(parts.roots, id));
    return;
  }
  await tellTime(parts, id, running).catch((error: unknown) => {
    logger.error({ err: error }, "a guest does not say that its processes run again");
  });
}

/** Tells a guest that knows who it is what time it is. Its users' processes run then, whether they did before or not. */
export async function tellTime(parts: Parts, id: string, { envd }: RunningSandbox): Promise<void> {
  const record = await readRunRecord(foldersOf(parts.roots, id).run);
  await envd.init(sameIdentity(parts, record?.access_token ?? ""), AbortSignal.timeout(INIT_LIMIT_MS));
}

async function mark(
  folders: SandboxFolders,
  change: { state: "running" | "pausing"; generation?: number },
): Promise<void> {
  const record = await readRunRecord(folders.run);
  if (!record) throw new RoostError("internal", "The sandbox's record is gone.");
  const { generation: _, ...rest } = record;
  await writeRunRecord(folders.run, { ...rest, ...change });
}
