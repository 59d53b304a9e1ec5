/** What the peer of peer-host.ts does for each call, and how tests steer it and look into it. */
import { EventEmitter, once } from "node:events";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { RoostError, toConnectError } from "@roost/protocol/errors";
import {
  type CreateSandboxRequest,
  type ExecRequest,
  ExecResponseSchema,
  type HostAgent,
  SandboxState,
  type SandboxStatus,
  SandboxStatusSchema,
  type StreamWriteFileRequest,
} from "@roost/protocol/hostagent";

type Method =
  | "createSandbox"
  | "destroySandbox"
  | "listSandboxes"
  | "readLogs"
  | "exec"
  | "streamWriteFile"
  | "streamReadFile";
type Reported = "starting" | "running" | "stopping" | "error";

const REPORTED: Partial<Record<SandboxState, Reported>> = {
  [SandboxState.STARTING]: "starting",
  [SandboxState.RUNNING]: "running",
  [SandboxState.STOPPING]: "stopping",
  [SandboxState.ERROR]: "error",
};

/** Runs before a call is carried out; may wait, and may throw what the host is to answer. */
export type Before = (context: HandlerContext) => Promise<void> | void;

export class PeerAgent extends EventEmitter {
  readonly sandboxes = new Map<string, SandboxStatus>();
  readonly files = new Map<string, Buffer>();
  readonly creates: CreateSandboxRequest[] = [];
  readonly execs: ExecRequest[] = [];
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
  after(method: Method, run: Before): void {
    this.#after.set(method, run);
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

  setState(sandboxId: string, state: SandboxState, reason = ""): void {
    const sandbox = this.#require(sandboxId);
    this.sandboxes.set(sandboxId, { ...sandbox, state, reason });
  }

  service(): Partial<ServiceImpl<typeof HostAgent>> {
    return {
      createSandbox: (request, context) => this.#carryOut("createSandbox", context, () => this.#create(request)),
      destroySandbox: (request, context) =>
        this.#carryOut("destroySandbox", context, () => {
          this.sandboxes.delete(request.sandboxId);
          return {};
        }),
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
      this.calls.push(method);
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
    const { sandboxId, template, vcpus, memoryMb } = request;
    const state = SandboxState.RUNNING;
    const now = timestampFromDate(new Date());
    const made = { sandboxId, template, vcpus, memoryMb, state, guestIp: "10.213.0.2", createdAt: now, startedAt: now };
    const sandbox = this.sandboxes.get(sandboxId) ?? create(SandboxStatusSchema, made);
    this.sandboxes.set(sandboxId, sandbox);
    return { sandbox };
  }

  /** A few programs: `echo`, `cat`, `bytes HEX`, `flood N`, `exit N`, `slow` (until its time is out), `hang`. */
  async #exec(request: ExecRequest, context: HandlerContext) {
    this.execs.push(request);
    this.#require(request.sandboxId);
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
        await once(context.signal, "abort");
        this.emit("gave-up");
        return answer;
      default:
        return { ...answer, exitCode: 127 };
    }
  }

  async #write(messages: AsyncIterable<StreamWriteFileRequest>) {
    let path = "";
    const chunks: Uint8Array[] = [];
    let ended = false;
    for await (const { part } of messages) {
      if (part.case === "target") {
        path = part.value.path;
        this.#require(part.value.sandboxId);
      }
      if (part.case === "chunk") {
        chunks.push(part.value);
        ended = part.value.length === 0;
      }
    }
    if (!ended) throw new RoostError("invalid_request", "The upload was cut off.");
    const content = Buffer.concat(chunks);
    this.files.set(path, content);
    return { sizeBytes: BigInt(content.length) };
  }

  async *#read(path: string, context: HandlerContext) {
    const content = await this.#carryOut("streamReadFile", context, () => {
      const file = this.files.get(path);
      if (!file) throw new RoostError("not_found", `There is no file ${path}.`);
      return file;
    });
    for (let start = 0; start < content.length; start += 64 * 1024) {
      yield { chunk: content.subarray(start, start + 64 * 1024) };
    }
  }

  #require(sandboxId: string): SandboxStatus {
    const sandbox = this.sandboxes.get(sandboxId);
    if (!sandbox) throw new RoostError("not_found", "There is no such sandbox on this host.");
    return sandbox;
  }
}
