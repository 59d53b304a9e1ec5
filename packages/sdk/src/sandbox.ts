/**
 * One sandbox: its facts at the moment it was asked for, and what can be done with it. `await using` destroys it at the
 * end of the block.
 */
import type { CallOptions } from "./call-options.ts";
import type { ExecOptions } from "./exec.ts";
import { Execution } from "./execution.ts";
import { SandboxFiles } from "./files.ts";
import { readJson, readNothing } from "./http/answer.ts";
import { route } from "./http/route.ts";
import { jsonBody, type Transport } from "./http/transport.ts";
import { SandboxProcesses } from "./processes.ts";
import {
  type SandboxInfo,
  type SandboxStatus,
  type SandboxWire,
  sandboxFromWire,
  sandboxToWire,
} from "./sandbox-info.ts";
import type { ProcessName } from "./signals.ts";
import { type AttachOptions, Command, type StartOptions } from "./streams/command.ts";
import { type AttachPtyOptions, type PtyOptions, Terminal } from "./streams/terminal.ts";

export interface SandboxLogs {
  /** What the guest's kernel and first process printed. */
  readonly console: string;
  /** What its virtual machine monitor printed. */
  readonly vmm: string;
}

export interface LogsOptions extends CallOptions {
  /** At most so much of the end of each log. */
  readonly limitBytes?: number | undefined;
}

export interface ResumeOptions extends CallOptions {
  /**
   * `memory` (the default): its processes carry on. `disk`: it boots the newest state of its disk, and what was in memory is
   * given up.
   */
  readonly mode?: "memory" | "disk" | undefined;
}

export class Sandbox implements SandboxInfo, AsyncDisposable {
  readonly id: string;
  readonly status: SandboxStatus;
  readonly template: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly timeoutSec: number;
  readonly internet: boolean;
  readonly hostId: string | null;
  readonly guestIp: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly lastActiveAt: Date | null;
  readonly lastUpdated: Date;
  readonly error: string | null;
  readonly files: SandboxFiles;
  readonly processes: SandboxProcesses;
  readonly #transport: Transport;

  constructor(transport: Transport, info: SandboxInfo) {
    this.id = info.id;
    this.status = info.status;
    this.template = info.template;
    this.vcpus = info.vcpus;
    this.memoryMb = info.memoryMb;
    this.timeoutSec = info.timeoutSec;
    this.internet = info.internet;
    this.hostId = info.hostId;
    this.guestIp = info.guestIp;
    this.metadata = info.metadata;
    this.createdAt = info.createdAt;
    this.startedAt = info.startedAt;
    this.lastActiveAt = info.lastActiveAt;
    this.lastUpdated = info.lastUpdated;
    this.error = info.error;
    this.files = new SandboxFiles(transport, info.id);
    this.processes = new SandboxProcesses(transport, info.id);
    this.#transport = transport;
  }

  /**
   * Runs a command to its end: await the result, or iterate over its output as it comes. `cmd` is found by PATH; there is no
   * shell: for one, run `sh` with `["-c", "…"]`.
   */
  exec(cmd: string, args: readonly string[] = [], options: ExecOptions = {}): Execution {
    return new Execution(this.#transport, this.id, cmd, args, options);
  }

  /** Starts a command and follows it; it goes on when nobody follows it any more. Resolves when it has started. */
  async start(cmd: string, args: readonly string[] = [], options: StartOptions = {}): Promise<Command> {
    return await Command.start(this.#transport, this.id, cmd, args, options);
  }

  /** Takes up a command that runs, or that ended less than five minutes ago. */
  async attach(process: ProcessName, options: AttachOptions = {}): Promise<Command> {
    return await Command.attach(this.#transport, this.id, process, options);
  }

  /** Opens a terminal, with the user's shell in it. */
  async pty(options: PtyOptions = {}): Promise<Terminal> {
    return await Terminal.start(this.#transport, this.id, options);
  }

  /** Takes up a terminal. */
  async attachPty(process: ProcessName, options: AttachPtyOptions = {}): Promise<Terminal> {
    return await Terminal.attach(this.#transport, this.id, process, options);
  }

  /** Freezes it to its host's disk, where it costs neither memory nor time; `resume` wakes it. Gives its facts after that. */
  async pause(options: CallOptions = {}): Promise<Sandbox> {
    const path = route`/v1/sandboxes/${this.id}/pause`;
    const request = { method: "POST", path, repeat: "never", signal: options.signal } as const;
    return new Sandbox(this.#transport, sandboxFromWire(await this.#transport.send(request, readJson<SandboxWire>)));
  }

  /** Wakes it when it is paused, or in error; ready for its next command. Gives its facts after that. */
  async resume(options: ResumeOptions = {}): Promise<Sandbox> {
    const path = route`/v1/sandboxes/${this.id}/resume`;
    const body = jsonBody({ mode: options.mode });
    const request = { method: "POST", path, body, repeat: "never", signal: options.signal } as const;
    return new Sandbox(this.#transport, sandboxFromWire(await this.#transport.send(request, readJson<SandboxWire>)));
  }

  /** Says that it is in use: the time until it pauses itself begins anew. */
  async ping(options: CallOptions = {}): Promise<void> {
    const path = route`/v1/sandboxes/${this.id}/ping`;
    await this.#transport.send({ method: "POST", path, repeat: "safe", signal: options.signal }, readNothing);
  }

  /** The end of what its machine printed. */
  async logs(options: LogsOptions = {}): Promise<SandboxLogs> {
    const query = new URLSearchParams();
    if (options.limitBytes !== undefined) query.set("limit_bytes", String(options.limitBytes));
    const path = route`/v1/sandboxes/${this.id}/logs`;
    const request = { method: "GET", path, query, repeat: "safe", signal: options.signal } as const;
    return await this.#transport.send(request, readJson<SandboxLogs>);
  }

  /** The same sandbox with its facts as they are now. */
  async refresh(options: CallOptions = {}): Promise<Sandbox> {
    const request = { method: "GET", path: this.#path(), repeat: "safe", signal: options.signal } as const;
    return new Sandbox(this.#transport, sandboxFromWire(await this.#transport.send(request, readJson<SandboxWire>)));
  }

  /** Ends it and removes all of it. Never refused, whatever its state; doing it twice is fine. */
  async destroy(options: CallOptions = {}): Promise<void> {
    const request = { method: "DELETE", path: this.#path(), repeat: "safe", signal: options.signal } as const;
    await this.#transport.send(request, readNothing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  /** As the REST API writes it. */
  toJSON(): SandboxWire {
    return sandboxToWire(this);
  }

  #path(): string {
    return route`/v1/sandboxes/${this.id}`;
  }
}
