/**
 * All sandboxes of this host. One operation at a time changes a sandbox: who asks for the same meanwhile gets the same answer, who asks
 * for another is told of the conflict, and a destroy waits.
 */
import { RoostError } from "@roost/protocol/errors";
import type { ExecRequest, ExecResult, FileContent } from "../envd-client/envd-client.ts";
import { openUpkeep, snapshotSubject } from "../upkeep/open.ts";
import type { Upkeep } from "../upkeep/upkeep.ts";
import { Activity } from "./activity.ts";
import { ClockWatch } from "./clock-watch.ts";
import { createSandbox, type WarmBases } from "./create.ts";
import { destroySandbox, freeEndedSandbox } from "./destroy.ts";
import { describe, type Entry, entryOf } from "./entry.ts";
import { foldersOf } from "./folders.ts";
import type { GuestUse } from "./guest-uses.ts";
import { readLogs, type SandboxLogs } from "./logs.ts";
import { newestGeneration } from "./own-generations.ts";
import type { Parts } from "./parts.ts";
import { freezeSandbox, tellTime } from "./pause.ts";
import { type FoundSandbox, reconcile } from "./reconcile.ts";
import { readSpecRecord } from "./records.ts";
import { type ResumeMode, resumeSandbox } from "./resume.ts";
import type { RunningSandbox, SandboxInfo, SandboxSpec, SandboxState, SnapshotInfo } from "./sandbox.ts";
import { deleteSnapshot, findSnapshot, keepSnapshot, listSnapshots } from "./snapshots.ts";
import { tryAgain } from "./try-again.ts";

/** What becomes of a sandbox of which a snapshot was made. */
export type Leave = "as-it-was" | "paused" | "running";

export class Sandboxes implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #entries = new Map<string, Entry>();
  readonly #onChange: () => void;
  readonly #warmBases: WarmBases | undefined;
  readonly #stopping = new AbortController();
  readonly #upkeep: Upkeep;
  readonly #clock: ClockWatch;

  private constructor(parts: Parts, onChange: () => void, warmBases: WarmBases | undefined) {
    this.#parts = parts;
    this.#onChange = onChange;
    this.#warmBases = warmBases;
    this.#upkeep = openUpkeep(parts);
    this.#clock = new ClockWatch({ now: parts.now, awake: () => performance.now() }, () => this.#tellTime());
  }

  /**
   * Takes over what an earlier agent left.
   * @param onChange told of every change of a state that nobody asked for.
   * @param warmBases undefined: all sandboxes of base images boot.
   */
  static async open(parts: Parts, onChange: () => void, warmBases?: WarmBases): Promise<Sandboxes> {
    const sandboxes = new Sandboxes(parts, onChange, warmBases);
    for (const found of await reconcile(parts)) sandboxes.#takeOver(found);
    for (const { id } of await listSnapshots(parts.roots)) sandboxes.#upkeep.consider(snapshotSubject(parts, id));
    return sandboxes;
  }

  /**
   * Makes a sandbox and answers when it takes commands. Idempotent by id.
   * @throws RoostError as createSandbox; `conflict` when the sandbox is being destroyed, or has ended.
   */
  async create(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxInfo> {
    const known = this.#entries.get(spec.id);
    if (known) return await this.#sameAgain(known);
    const { template, vcpus, memoryMb: memory_mb, timeoutSec: timeout_sec } = spec;
    const entry = entryOf(spec.id, { template, vcpus, memory_mb, timeout_sec }, this.#parts.now(), "starting");
    this.#entries.set(spec.id, entry);
    const cancelled = AbortSignal.any([signal, entry.cancel.signal]);
    const making = createSandbox(this.#parts, spec, entry.createdAt, cancelled, this.#warmBases);
    const work = making.then(
      async (running) => {
        const made = await readSpecRecord(foldersOf(this.#parts.roots, spec.id).data);
        entry.vcpus = made?.vcpus ?? vcpus;
        entry.memoryMb = made?.memory_mb ?? memory_mb;
        this.#nowRunning(entry, running);
      },
      (error: unknown) => {
        this.#entries.delete(spec.id);
        throw error;
      },
    );
    this.#occupy(entry, work);
    await work;
    return describe(entry);
  }

  /**
   * Freezes a sandbox to disk. For one that is paused: what it is.
   * @throws RoostError `not_running`; `conflict` when another operation changes it; as freezeSandbox.
   */
  async pause(id: string): Promise<SandboxInfo> {
    const entry = this.#known(id);
    if (entry.state === "paused" && !entry.busy) return describe(entry);
    this.#refuseIfBusy(entry);
    const { running } = entry;
    if (entry.state !== "running" || !running) throw notRunning(entry);
    entry.state = "pausing";
    entry.uses.takeAway(
      new RoostError("sandbox_paused", `The sandbox ${id} was paused; what runs in it goes on later.`),
    );
    const work = this.#pauseNow(entry, running);
    this.#occupy(entry, work);
    await work;
    return describe(entry);
  }

  /**
   * Wakes a sandbox that is paused or in error. For one that runs: what it is.
   * @throws RoostError `not_paused`; `conflict` when another operation changes it; as resumeSandbox.
   */
  async resume(id: string, mode: ResumeMode, signal: AbortSignal): Promise<SandboxInfo> {
    const entry = this.#known(id);
    // What a machine that ended by itself has left is being freed: nobody's operation, and soon done.
    while (entry.state === "error" && entry.busy) await entry.busy;
    if (entry.state === "running" && !entry.busy) return describe(entry);
    this.#refuseIfBusy(entry);
    if (entry.state !== "paused" && entry.state !== "error") {
      throw new RoostError("not_paused", `The sandbox ${id} is ${entry.state}, not paused.`);
    }
    const before = entry.state;
    entry.state = "resuming";
    entry.cancel = new AbortController();
    const cancelled = AbortSignal.any([signal, entry.cancel.signal]);
    const resuming = this.#upkeep.leave(id).then(() => resumeSandbox(this.#parts, id, mode, cancelled));
    const work = resuming.then(
      (running) => {
        entry.reason = undefined;
        this.#nowRunning(entry, running);
        this.#considerUpkeep(entry);
      },
      (error: unknown) => {
        entry.state = before;
        this.#considerUpkeep(entry);
        throw error;
      },
    );
    this.#occupy(entry, work);
    await work;
    return describe(entry);
  }

  /** Counts as use. @throws RoostError `not_running` */
  ping(id: string): void {
    const entry = this.#known(id);
    if (entry.state !== "running") throw notRunning(entry);
    entry.activity?.touch();
  }

  /**
   * Keeps a sandbox's frozen moment under an id of its own; freezes it for that if it runs. For an id that is there: that snapshot.
   * @throws RoostError `not_paused` when it neither runs nor is paused; `conflict`; as pause and resume.
   */
  async snapshot(
    id: string,
    snapshotId: string,
    leave: Leave,
    signal: AbortSignal,
  ): Promise<{ snapshot: SnapshotInfo; sandbox: SandboxInfo }> {
    const entry = this.#known(id);
    const { roots } = this.#parts;
    let snapshot = await findSnapshot(roots, snapshotId);
    const ran = entry.state === "running";
    if (!snapshot) {
      if (ran) await this.pause(id);
      snapshot = await this.#keepPaused(entry, snapshotId);
    } else if (ran && leave === "paused") await this.pause(id);
    const shouldRun = leave === "running" || (leave === "as-it-was" && ran);
    if (shouldRun) await this.resume(id, "memory", signal);
    return { snapshot, sandbox: describe(entry) };
  }

  async deleteSnapshot(snapshotId: string): Promise<void> {
    await this.#upkeep.leave(snapshotId);
    await deleteSnapshot(this.#parts, snapshotId);
  }

  listSnapshots(): Promise<SnapshotInfo[]> {
    return listSnapshots(this.#parts.roots);
  }

  /** Ends a sandbox and removes all of it. One this host does not know is as good as destroyed. */
  async destroy(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return await destroySandbox(this.#parts, id, undefined);
    entry.cancel.abort(new RoostError("conflict", "The sandbox was destroyed while it was being started."));
    while (entry.busy) await entry.busy;
    if (this.#entries.get(id) !== entry) return;
    entry.state = "stopping";
    entry.uses.takeAway(new RoostError("not_found", `The sandbox ${id} was destroyed.`));
    entry.activity?.[Symbol.dispose]();
    const work = this.#upkeep
      .leave(id)
      .then(() => destroySandbox(this.#parts, id, entry.running))
      .then(() => void this.#entries.delete(id));
    this.#occupy(entry, work);
    await work;
  }

  /** What cannot be destroyed is logged, and stays `stopping`. */
  async destroyAll(): Promise<void> {
    await Promise.allSettled(Array.from(this.#entries.keys(), (id) => this.destroy(id)));
  }

  list(): SandboxInfo[] {
    return Array.from(this.#entries.values(), describe);
  }

  async logs(id: string, limitBytes: number): Promise<SandboxLogs> {
    this.#known(id);
    return await readLogs(foldersOf(this.#parts.roots, id).data, limitBytes);
  }

  async exec(id: string, request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
    using guest = this.guest(id);
    try {
      return await guest.envd.exec(request, signal);
    } catch (error) {
      // A pause leaves the command as it is: only its caller hears of it.
      guest.taken.throwIfAborted();
      throw error;
    }
  }

  async writeFile(
    id: string,
    path: string,
    user: string,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    using guest = this.guest(id);
    return await guest.envd.writeFile(path, user, chunks, AbortSignal.any([signal, guest.taken]));
  }

  async readFile(id: string, path: string, user: string, signal: AbortSignal): Promise<FileContent> {
    const guest = this.guest(id);
    try {
      const content = await guest.envd.readFile(path, user, AbortSignal.any([signal, guest.taken]));
      return { ...content, chunks: whileUsed(content.chunks, guest) };
    } catch (error) {
      guest[Symbol.dispose]();
      throw error;
    }
  }

  /** The guest of a sandbox that runs, in use until it is disposed of. @throws RoostError `not_found`, `not_running` */
  guest(id: string): GuestUse {
    const entry = this.#known(id);
    const { running, state, activity } = entry;
    if (!running || !activity || state !== "running") throw notRunning(entry);
    return entry.uses.begin(running.envd, activity);
  }

  /** Lets go of all sandboxes; they run on. Waits for operations under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    this.#clock[Symbol.dispose]();
    await this.#upkeep[Symbol.asyncDispose]();
    for (const entry of this.#entries.values()) {
      while (entry.busy) await entry.busy;
      entry.activity?.[Symbol.dispose]();
      await entry.running?.envd[Symbol.asyncDispose]();
      entry.running?.machine[Symbol.dispose]();
    }
  }

  async #pauseNow(entry: Entry, running: RunningSandbox): Promise<void> {
    await this.#upkeep.leave(entry.id);
    await entry.timeTold;
    try {
      const { free } = await freezeSandbox(this.#parts, entry.id, running, this.#stopping.signal);
      entry.state = "paused";
      this.#forget(entry);
      await tryAgain(free, this.#stopping.signal, (error) => {
        this.#parts.logger.error({ sandbox: entry.id, err: error }, "a paused sandbox still holds something");
      });
    } catch (error) {
      // It may have ended meanwhile: then its machine has said so, and nobody listened because it was being paused.
      if (entry.state === "pausing") {
        entry.state = "running";
        void running.machine.ended.then(({ reason }) => this.#machineEnded(entry, running, reason));
      }
      throw error;
    } finally {
      this.#considerUpkeep(entry);
    }
  }

  /** It has another generation than before, or is awake and was not. */
  #considerUpkeep(entry: Entry): void {
    const { id, state } = entry;
    if (state !== "paused" && state !== "running") return;
    const isSame = (): boolean => !entry.busy && entry.state === state && this.#entries.get(id) === entry;
    const folder = async (): Promise<string | undefined> =>
      isSame() ? (await newestGeneration(foldersOf(this.#parts.roots, id).data))?.folder : undefined;
    this.#upkeep.consider({ id, folder, asleep: state === "paused" });
  }

  async #keepPaused(entry: Entry, snapshotId: string): Promise<SnapshotInfo> {
    this.#refuseIfBusy(entry);
    if (entry.state !== "paused") {
      throw new RoostError(
        "not_paused",
        `The sandbox ${entry.id} is ${entry.state}: only what runs or is paused can be kept.`,
      );
    }
    const { roots } = this.#parts;
    const work = (async () => {
      const generation = await newestGeneration(foldersOf(roots, entry.id).data);
      if (!generation) throw new RoostError("internal", `The generation of ${entry.id} is not there.`);
      const kept = await keepSnapshot(this.#parts, {
        id: snapshotId,
        sandbox: entry.id,
        generation: generation.folder,
      });
      this.#upkeep.consider(snapshotSubject(this.#parts, snapshotId));
      return kept;
    })();
    this.#occupy(entry, work);
    return await work;
  }

  #known(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new RoostError("not_found", `This host has no sandbox ${id}.`);
    return entry;
  }

  #refuseIfBusy({ id, busy, state }: Entry): void {
    if (busy)
      throw new RoostError("conflict", `The sandbox ${id} is ${state} at this moment; try again when that is done.`);
  }

  async #sameAgain(entry: Entry): Promise<SandboxInfo> {
    while (entry.state === "starting" && entry.busy) await entry.busy;
    if (entry.state === "running" && this.#entries.get(entry.id) === entry) return describe(entry);
    throw new RoostError("conflict", `The sandbox ${entry.id} exists already and does not run; destroy it first.`);
  }

  #takeOver(found: FoundSandbox): void {
    const createdAt = found.spec ? new Date(found.spec.created_at) : this.#parts.now();
    const reason = found.state === "error" ? found.reason : undefined;
    const entry = entryOf(found.id, found.spec ?? {}, createdAt, found.state, reason);
    this.#entries.set(found.id, entry);
    if (found.state === "running") this.#nowRunning(entry, found.running);
    this.#considerUpkeep(entry);
  }

  #nowRunning(entry: Entry, running: RunningSandbox): void {
    entry.running = running;
    entry.state = "running";
    this.#upkeep.woken(entry.id, running);
    entry.activity = new Activity(entry.timeoutSec, this.#parts.now, () => void this.#pauseIdle(entry));
    void running.machine.ended.then(({ reason }) => this.#machineEnded(entry, running, reason));
  }

  /** This machine slept, or its clock was set. What is being paused or resumed hears the time anyway. */
  #tellTime(): void {
    this.#parts.logger.info("the clock of this machine has jumped; guests are told the time");
    for (const entry of this.#entries.values()) {
      const { id, state, running } = entry;
      if (state !== "running" || !running) continue;
      // Awaited by a pause: `/init` lets processes go on, which a pause wants to stand still.
      entry.timeTold = tellTime(this.#parts, id, running).catch((error: unknown) => {
        this.#parts.logger.error({ sandbox: id, err: error }, "a guest could not be told the time");
      });
    }
  }

  /** What it held while it ran is not its any more. */
  #forget(entry: Entry): void {
    entry.lastActiveAt = entry.activity?.lastActive;
    entry.activity?.[Symbol.dispose]();
    entry.activity = undefined;
    entry.running = undefined;
  }

  async #pauseIdle(entry: Entry): Promise<void> {
    if (entry.busy || entry.state !== "running") return;
    this.#parts.logger.info({ sandbox: entry.id, idle_sec: entry.timeoutSec }, "pausing an idle sandbox");
    await this.pause(entry.id).catch(() => {}); // It has been logged, and the sandbox runs on.
    this.#onChange();
  }

  async #machineEnded(entry: Entry, running: RunningSandbox, reason: string): Promise<void> {
    if (entry.state !== "running" || entry.running !== running) return; // It is being paused or destroyed.
    entry.state = "error";
    entry.reason = reason;
    entry.uses.takeAway(notRunning(entry));
    this.#forget(entry);
    this.#parts.logger.warn({ sandbox: entry.id, reason }, "a machine has ended by itself");
    this.#onChange();
    this.#occupy(entry, freeEndedSandbox(this.#parts, entry.id, running, reason));
  }

  #occupy(entry: Entry, work: Promise<unknown>): void {
    const before: SandboxState = entry.state;
    const settled = work.then(
      () => {},
      (error: unknown) => {
        this.#parts.logger.error({ sandbox: entry.id, state: before, err: error }, "an operation has failed");
      },
    );
    const busy = settled.then(() => {
      if (entry.busy === busy) entry.busy = undefined;
    });
    entry.busy = busy;
  }
}

function notRunning({ id, state, reason }: Entry): RoostError {
  return new RoostError("not_running", `The sandbox ${id} does not run: ${reason ?? `it is ${state}.`}`);
}

async function* whileUsed(chunks: AsyncIterable<Uint8Array>, guest: GuestUse): AsyncGenerator<Uint8Array> {
  using _ = guest;
  yield* chunks;
}
