/** What runs in a sandbox: the processes that were started over the API. */
import type { CallOptions } from "./call-options.ts";
import type { Routes } from "./gen/wire.ts";
import { readJson, readNothing } from "./http/answer.ts";
import { route } from "./http/route.ts";
import type { Transport } from "./http/transport.ts";
import type { ProcessName, SignalName } from "./signals.ts";

export interface SandboxProcess {
  readonly pid: number;
  /** Its name; empty if it has none. */
  readonly tag: string;
  readonly cmd: string;
  readonly args: readonly string[];
  /** Empty: that of its user. */
  readonly cwd: string;
}

export class SandboxProcesses {
  readonly #transport: Transport;
  readonly #sandboxId: string;

  constructor(transport: Transport, sandboxId: string) {
    this.#transport = transport;
    this.#sandboxId = sandboxId;
  }

  async list(options: CallOptions = {}): Promise<SandboxProcess[]> {
    const path = route`/v1/sandboxes/${this.#sandboxId}/processes`;
    const request = { method: "GET", path, repeat: "safe", signal: options.signal } as const;
    type Answer = Routes["GET /v1/sandboxes/{id}/processes"]["answer"];
    const found = await this.#transport.send(request, readJson<Answer>);
    return found.map(({ pid, tag, cmd, args, cwd }) => ({ pid, tag, cmd, args, cwd }));
  }

  /** Sends a process and all of its group a signal. */
  async kill(process: ProcessName, signal: SignalName = "SIGKILL", options: CallOptions = {}): Promise<void> {
    const name = "pid" in process ? String(process.pid) : process.tag;
    const path = route`/v1/sandboxes/${this.#sandboxId}/processes/${name}`;
    const query = new URLSearchParams({ signal: String(signal) });
    await this.#transport.send({ method: "DELETE", path, query, repeat: "never", signal: options.signal }, readNothing);
  }
}
