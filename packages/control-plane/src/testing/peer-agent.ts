/** What the peer of peer-host.ts does for each call, and how tests steer it and look into it. */
import { EventEmitter } from "node:events";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { RoostError, toConnectError } from "@roost/protocol/errors";
import {
  type CreateSandboxRequest,
  type CreateSnapshotRequest,
  type ExecRequest,
  type HostAgent,
  Leave,
  type ResumeSandboxRequest,
  SandboxState,
  type SandboxStatus,
  SandboxStatusSchema,
  type Snapshot,
  SnapshotSchema,
  type StreamWriteFileRequest,
} from "@roost/protocol/hostagent";
import type { Report } from "../sandboxes/sandboxes.ts";
import { receiveFile } from "./peer-files.ts";
import { runPeerProgram } from "./peer-programs.ts";
import { peerTree } from "./peer-tree.ts";

type Method =
  | "createSandbox"
  | "destroySandbox"
  | "pauseSandbox"
  | "resumeSandbox"
  | "pingSandbox"
  | "createSnapshot"
  | "deleteSnapshot"
  | "listSnapshots"
  | "listSandboxes"
  | "readLogs"
  | "exec"
  | "streamWriteFile"
  | "streamReadFile";

const REPORTED: Partial<Record<SandboxState, Report["status"]>> = {
  [SandboxState.STARTING]: "starting",
  [SandboxState.RUNNING]: "running",
  [SandboxState.PAUSING]: "pausing",
  [SandboxState.PAUSED]: "paused",
  [SandboxState.RESUMING]: "resuming",
  [SandboxState.STOPPING]: "stopping",
  [SandboxState.ERROR]: "error",
};

/** Runs before a call is carried out; may wait, and may throw what the host is to answer. */
export type Before = (context: HandlerContext) => Promise<void> | void;

export class PeerAgent extends EventEmitter {
  readonly sandboxes = new Map<string, SandboxStatus>();
  readonly files = new Map<string, Buffer>();
  readonly snapshots = new Map<string, Snapshot>();
  readonly creates: CreateSandboxRequest[] = [];
  readonly resumes: ResumeSandboxRequest[] = [];
  readonly execs: ExecRequest[] = [];
  /** All but `listSnapshots`, which comes by itself after a heartbeat. */
  readonly calls: Method[] = [];
  diskFreeMb = 50_000;
  readonly #before = new Map<Method, Before>();
  readonly #after = new Map<Method, Before>();

  /** Until it is called again for this method. */
  before(method: Method, run: Before | undefined): void {
    if (run) this.#before.set(method, run);
    else this.#before.delete(method);
  }

  /** Runs when a call was carried out, before it is answered. */
  after(method: Method, run: Before | undefined): void {
    if (run) this.#after.set(method, run);
    else this.#after.delete(method);
  }

  /** Every call of this method is refused with this error. */
  refuse(method: Method, error: RoostError): void {
    this.before(method, () => {
      throw error;
    });
  }

  heartbeat() {
    const sandboxes = [...this.sandboxes.values()].map((sandbox) => ({
      id: sandbox.sandboxId,
      status: REPORTED[sandbox.state] ?? "error",
      ...(sandbox.reason === "" ? {} : { reason: sandbox.reason }),
    }));
    const load = { sandboxes: sandboxes.length, vcpus: 0, memory_mb: 0, disk_free_mb: this.diskFreeMb };
    return { load, sandboxes };
  }

  /** A sandbox that was not made by a create. */
  plant(sandboxId: string, state: SandboxState, createdAt = new Date()): void {
    const planted = { sandboxId, state, guestIp: "10.213.0.9", createdAt: timestampFromDate(createdAt) };
    this.sandboxes.set(sandboxId, create(SandboxStatusSchema, planted));
  }

  /** A snapshot that the control plane did not ask for, or has forgotten. */
  plantSnapshot(snapshotId: string, createdAt = new Date()): void {
    const planted = { snapshotId, vcpus: 1, memoryMb: 512, createdAt: timestampFromDate(createdAt) };
    this.snapshots.set(snapshotId, create(SnapshotSchema, planted));
  }

  setState(sandboxId: string, state: SandboxState, reason = ""): void {
    const sandbox = this.#require(sandboxId);
    this.sandboxes.set(sandboxId, { ...sandbox, state, reason });
  }

  service(): Partial<ServiceImpl<typeof HostAgent>> {
    return {
      ...peerTree(this.files),
      createSandbox: (request, context) => this.#carryOut("createSandbox", context, () => this.#create(request)),
      destroySandbox: (request, context) =>
        this.#carryOut("destroySandbox", context, () => {
          this.sandboxes.delete(request.sandboxId);
          return {};
        }),
      pauseSandbox: ({ sandboxId }, context) =>
        this.#carryOut("pauseSandbox", context, () => ({ sandbox: this.#pause(sandboxId) })),
      resumeSandbox: (request, context) =>
        this.#carryOut("resumeSandbox", context, () => {
          this.resumes.push(request);
          return { sandbox: this.#resume(request.sandboxId) };
        }),
      pingSandbox: (request, context) =>
        this.#carryOut("pingSandbox", context, () => {
          this.#requireState(request.sandboxId, [SandboxState.RUNNING], "not_running");
          return {};
        }),
      createSnapshot: (request, context) =>
        this.#carryOut("createSnapshot", context, () => this.#createSnapshot(request)),
      deleteSnapshot: (request, context) =>
        this.#carryOut("deleteSnapshot", context, () => {
          this.snapshots.delete(request.snapshotId);
          return {};
        }),
      listSnapshots: (_request, context) =>
        this.#carryOut("listSnapshots", context, () => ({ snapshots: [...this.snapshots.values()] })),
      listSandboxes: (_request, context) =>
        this.#carryOut("listSandboxes", context, () => ({ sandboxes: [...this.sandboxes.values()] })),
      readLogs: (request, context) =>
        this.#carryOut("readLogs", context, () => {
          const bytes = Buffer.from("boot\u001b[31m red\r\n\tok \u0000\u00ff\n", "latin1");
          return { console: bytes.subarray(-request.limitBytes), vmm: Buffer.from("vmm says hi\n") };
        }),
      exec: (request, context) => this.#carryOut("exec", context, () => this.#exec(request, context)),
      streamWriteFile: (messages, context) => this.#carryOut("streamWriteFile", context, () => this.#write(messages)),
      streamReadFile: (request, context) => this.#read(request.target?.path ?? "", context),
    };
  }

  async #carryOut<T>(method: Method, context: HandlerContext, run: () => T | Promise<T>): Promise<T> {
    try {
      if (method !== "listSnapshots") this.calls.push(method);
      this.emit(method);
      await this.#before.get(method)?.(context);
      const answer = await run();
      await this.#after.get(method)?.(context);
      return answer;
    } catch (error) {
      throw error instanceof RoostError ? toConnectError(error) : error;
    }
  }

  #create(request: CreateSandboxRequest) {
    this.creates.push(request);
    const { sandboxId, template, snapshotId, vcpus, memoryMb } = request;
    if (snapshotId !== "" && !this.snapshots.has(snapshotId)) {
      throw new RoostError("not_found", "This host does not have that snapshot.");
    }
    const state = SandboxState.RUNNING;
    const now = timestampFromDate(new Date());
    const made = { sandboxId, template, vcpus, memoryMb, state, guestIp: "10.213.0.2", createdAt: now, startedAt: now };
    const sandbox = this.sandboxes.get(sandboxId) ?? create(SandboxStatusSchema, made);
    this.sandboxes.set(sandboxId, sandbox);
    return { sandbox };
  }

  #pause(sandboxId: string): SandboxStatus {
    const sandbox = this.#requireState(sandboxId, [SandboxState.RUNNING, SandboxState.PAUSED], "not_running");
    return this.#become(sandbox, { state: SandboxState.PAUSED, guestIp: "" });
  }

  #resume(sandboxId: string): SandboxStatus {
    const { RUNNING, PAUSED, ERROR } = SandboxState;
    const sandbox = this.#requireState(sandboxId, [RUNNING, PAUSED, ERROR], "not_paused");
    return this.#become(sandbox, { state: RUNNING, guestIp: "10.213.0.7", reason: "" });
  }

  #createSnapshot({ sandboxId, snapshotId, leave }: CreateSnapshotRequest) {
    const { RUNNING, PAUSED } = SandboxState;
    const before = this.#requireState(sandboxId, [RUNNING, PAUSED], "not_running");
    const { vcpus, memoryMb } = before;
    const createdAt = timestampFromDate(new Date());
    const made = create(SnapshotSchema, { snapshotId, vcpus, memoryMb, sizeBytes: 12_288n, createdAt });
    const snapshot = this.snapshots.get(snapshotId) ?? made;
    this.snapshots.set(snapshotId, snapshot);
    const runs = leave === Leave.RUNNING || (leave === Leave.UNSPECIFIED && before.state === RUNNING);
    return { snapshot, sandbox: runs ? this.#resume(sandboxId) : this.#pause(sandboxId) };
  }

  async #exec(request: ExecRequest, context: HandlerContext) {
    this.execs.push(request);
    this.#require(request.sandboxId);
    const answer = await runPeerProgram(request, context.signal);
    if (request.cmd === "hang") this.emit("gave-up");
    return answer;
  }

  async #write(messages: AsyncIterable<StreamWriteFileRequest>) {
    let path = "";
    const content = await receiveFile(messages, (target) => {
      path = target.path;
      this.#require(target.sandboxId);
    });
    this.files.set(path, content);
    return { sizeBytes: BigInt(content.length) };
  }

  async *#read(path: string, context: HandlerContext) {
    const content = await this.#carryOut("streamReadFile", context, () => {
      const file = this.files.get(path);
      if (!file) throw new RoostError("not_found", `There is no file ${path}.`);
      return file;
    });
    yield { sizeBytes: BigInt(content.length) };
    for (let start = 0; start < content.length; start += 64 * 1024) {
      yield { chunk: content.subarray(start, start + 64 * 1024) };
    }
  }

  #become(sandbox: SandboxStatus, change: Partial<SandboxStatus>): SandboxStatus {
    const changed = { ...sandbox, ...change };
    this.sandboxes.set(sandbox.sandboxId, changed);
    return changed;
  }

  #requireState(sandboxId: string, states: readonly SandboxState[], code: "not_running" | "not_paused"): SandboxStatus {
    const sandbox = this.#require(sandboxId);
    if (states.includes(sandbox.state)) return sandbox;
    throw new RoostError(code, `The sandbox is ${REPORTED[sandbox.state]}.`);
  }

  #require(sandboxId: string): SandboxStatus {
    const sandbox = this.sandboxes.get(sandboxId);
    if (!sandbox) throw new RoostError("not_found", "There is no such sandbox on this host.");
    return sandbox;
  }
}
