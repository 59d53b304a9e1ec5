/**
 * All sandboxes of this host. One operation at a time changes a sandbox; whoever asks for the same meanwhile gets the same answer.
 */
import { RoostError } from "@roost/protocol/errors";
import type { EnvdClient, ExecRequest, ExecResult } from "../envd-client/envd-client.ts";
import { createSandbox } from "./create.ts";
import { destroySandbox, freeEndedSandbox } from "./destroy.ts";
import { foldersOf } from "./folders.ts";
import { readLogs, type SandboxLogs } from "./logs.ts";
import type { Parts } from "./parts.ts";
import { type FoundSandbox, reconcile } from "./reconcile.ts";
import type { RunningSandbox, SandboxInfo, SandboxSpec, SandboxState } from "./sandbox.ts";

interface Entry {
  readonly id: string;
  readonly template: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly createdAt: Date;
  state: SandboxState;
  reason?: string | undefined;
  running?: RunningSandbox | undefined;
  /** The operation that changes it now; settles when that has ended, and never rejects. */
  busy?: Promise<void> | undefined;
  /** Cancels its creation. */
  readonly cancel: AbortController;
}

export class Sandboxes implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #entries = new Map<string, Entry>();
  readonly #onChange: () => void;

  private constructor(parts: Parts, onChange: () => void) {
    this.#parts = parts;
    this.#onChange = onChange;
  }

  /**
   * Takes over what an earlier agent left.
   * @param onChange told of every change of a state that nobody asked for.
   */
  static async open(parts: Parts, onChange: () => void): Promise<Sandboxes> {
    const sandboxes = new Sandboxes(parts, onChange);
    for (const found of await reconcile(parts)) sandboxes.#takeOver(found);
    return sandboxes;
  }

  /**
   * Makes a sandbox and answers when it takes commands. Idempotent by id.
   * @throws RoostError as createSandbox; `conflict` when the sandbox is being destroyed, or has ended.
   */
  async create(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxInfo> {
    const known = this.#entries.get(spec.id);
    if (known) return await this.#sameAgain(known);
    const entry: Entry = {
      id: spec.id,
      template: spec.template,
      vcpus: spec.vcpus,
      memoryMb: spec.memoryMb,
      createdAt: this.#parts.now(),
      state: "starting",
      cancel: new AbortController(),
    };
    this.#entries.set(spec.id, entry);
    const making = createSandbox(this.#parts, spec, entry.createdAt, AbortSignal.any([signal, entry.cancel.signal]));
    const work = making.then(
      (running) => this.#nowRunning(entry, running),
      (error: unknown) => {
        this.#entries.delete(spec.id);
        throw error;
      },
    );
    this.#occupy(entry, work);
    await work;
    return describe(entry);
  }

  /** Ends a sandbox and removes all of it. One this host does not know is as good as destroyed. */
  async destroy(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) return await destroySandbox(this.#parts, id, undefined);
    entry.cancel.abort(new RoostError("conflict", "The sandbox was destroyed while it was being started."));
    while (entry.busy) await entry.busy;
    if (this.#entries.get(id) !== entry) return;
    entry.state = "stopping";
    const work = destroySandbox(this.#parts, id, entry.running).then(() => void this.#entries.delete(id));
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
    return await this.#envd(id).exec(request, signal);
  }

  async writeFile(
    id: string,
    path: string,
    user: string,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    return await this.#envd(id).writeFile(path, user, chunks, signal);
  }

  async readFile(id: string, path: string, user: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { chunks } = await this.#envd(id).readFile(path, user, signal);
    return chunks;
  }

  /** Lets go of all sandboxes; they run on. Waits for operations under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const entry of this.#entries.values()) {
      while (entry.busy) await entry.busy;
      await entry.running?.envd[Symbol.asyncDispose]();
      entry.running?.machine[Symbol.dispose]();
    }
  }

  #envd(id: string): EnvdClient {
    const { running, state, reason } = this.#known(id);
    if (running && state === "running") return running.envd;
    throw new RoostError("not_running", `The sandbox ${id} does not run: ${reason ?? `it is ${state}.`}`);
  }

  #known(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new RoostError("not_found", `This host has no sandbox ${id}.`);
    return entry;
  }

  async #sameAgain(entry: Entry): Promise<SandboxInfo> {
    while (entry.state === "starting" && entry.busy) await entry.busy;
    if (entry.state === "running" && this.#entries.get(entry.id) === entry) return describe(entry);
    throw new RoostError("conflict", `The sandbox ${entry.id} exists already and does not run; destroy it first.`);
  }

  #takeOver(found: FoundSandbox): void {
    const entry: Entry = {
      id: found.id,
      template: found.spec?.template ?? "",
      vcpus: found.spec?.vcpus ?? 0,
      memoryMb: found.spec?.memory_mb ?? 0,
      createdAt: found.spec ? new Date(found.spec.created_at) : this.#parts.now(),
      state: found.state,
      cancel: new AbortController(),
    };
    this.#entries.set(found.id, entry);
    if (found.state === "running") this.#nowRunning(entry, found.running);
    else entry.reason = found.reason;
  }

  #nowRunning(entry: Entry, running: RunningSandbox): void {
    entry.running = running;
    entry.state = "running";
    void running.machine.ended.then(({ reason }) => this.#machineEnded(entry, running, reason));
  }

  async #machineEnded(entry: Entry, running: RunningSandbox, reason: string): Promise<void> {
    if (entry.state !== "running") return; // It is being destroyed.
    entry.state = "error";
    entry.reason = reason;
    entry.running = undefined;
    this.#parts.logger.warn({ sandbox: entry.id, reason }, "a machine has ended by itself");
    this.#onChange();
    this.#occupy(entry, freeEndedSandbox(this.#parts, entry.id, running, reason));
  }

  #occupy(entry: Entry, work: Promise<void>): void {
    const settled = work.catch((error: unknown) => {
      this.#parts.logger.error({ sandbox: entry.id, state: entry.state, err: error }, "an operation has failed");
    });
    entry.busy = settled.then(() => {
      entry.busy = undefined;
    });
  }
}

function describe(entry: Entry): SandboxInfo {
  const { id, state, vcpus, memoryMb, template, createdAt, reason, running } = entry;
  return {
    id,
    state,
    vcpus,
    memoryMb,
    template,
    createdAt,
    ...(reason === undefined ? {} : { reason }),
    ...(running ? { guestIp: running.slot.address, startedAt: running.startedAt } : {}),
  };
}
