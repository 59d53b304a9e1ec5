/** Sandboxes for tests of the RPC service: in memory, recording what they are asked, failing where a test wants it. */
import assert from "node:assert/strict";
import { RoostError } from "@roost/protocol/errors";
import type { EnvdClient } from "../../envd-client/envd-client.ts";
import type {
  ExecRequest,
  ExecResult,
  FileContent,
  GuestUse,
  HostSandboxes,
  Leave,
  ResumeMode,
  SandboxInfo,
  SandboxSpec,
  SnapshotInfo,
} from "../host-sandboxes.ts";

export class FakeSandboxes implements HostSandboxes {
  readonly sandboxes = new Map<string, SandboxInfo>();
  readonly files = new Map<string, Buffer>();
  readonly specs: SandboxSpec[] = [];
  readonly execs: ExecRequest[] = [];
  readonly resumes: ResumeMode[] = [];
  readonly snapshots = new Map<string, SnapshotInfo>();
  /** Stands in for `exec` when set. */
  onExec: ((request: ExecRequest, signal: AbortSignal) => Promise<ExecResult>) | undefined;
  /** What every read of a file gives, when set. */
  onRead: (() => AsyncIterable<Uint8Array>) | undefined;
  failure: unknown;
  /** The one guest of all of them. Without it, what is done in a guest is done here. */
  envd: EnvdClient | undefined;
  taken = new AbortController();
  /** Of the guest, under way. */
  uses = 0;
  /** Held up by this before they read. */
  beforeWrite: Promise<void> | undefined;
  /** What came of the last write. */
  lastWrite: Promise<number> | undefined;

  async create(spec: SandboxSpec): Promise<SandboxInfo> {
    if (this.failure !== undefined) throw this.failure;
    this.specs.push(spec);
    const { id, vcpus, memoryMb, template } = spec;
    const date = new Date("2026-01-02T03:04:05Z");
    const info: SandboxInfo = {
      id,
      state: "running",
      vcpus,
      memoryMb,
      template,
      guestIp: "10.213.0.1",
      createdAt: date,
    };
    this.sandboxes.set(id, info);
    return info;
  }

  async destroy(id: string): Promise<void> {
    this.sandboxes.delete(id);
  }

  list(): SandboxInfo[] {
    return [...this.sandboxes.values()];
  }

  async pause(id: string): Promise<SandboxInfo> {
    return this.#change(id, { state: "paused" });
  }

  async resume(id: string, mode: ResumeMode): Promise<SandboxInfo> {
    this.resumes.push(mode);
    return this.#change(id, { state: "running" });
  }

  ping(id: string): void {
    this.#change(id, { lastActiveAt: new Date("2026-01-02T03:05:00Z") });
  }

  async snapshot(
    id: string,
    snapshotId: string,
    leave: Leave,
  ): Promise<{ snapshot: SnapshotInfo; sandbox: SandboxInfo }> {
    const sandbox = this.#change(id, leave === "as-it-was" ? {} : { state: leave });
    const { vcpus, memoryMb, createdAt } = sandbox;
    const snapshot = { id: snapshotId, vcpus, memoryMb, sizeBytes: 4096, createdAt };
    this.snapshots.set(snapshotId, snapshot);
    return { snapshot, sandbox };
  }

  async deleteSnapshot(snapshotId: string): Promise<void> {
    this.snapshots.delete(snapshotId);
  }

  async listSnapshots(): Promise<SnapshotInfo[]> {
    return [...this.snapshots.values()];
  }

  async logs(_id: string, limitBytes: number): Promise<{ console: Buffer; vmm: Buffer }> {
    return { console: Buffer.from(`console ${limitBytes}`), vmm: Buffer.from("vmm") };
  }

  async exec(_id: string, request: ExecRequest, signal: AbortSignal): Promise<ExecResult> {
    this.execs.push(request);
    if (this.envd) return await this.envd.exec(request, signal);
    if (this.onExec !== undefined) return await this.onExec(request, signal);
    const stdout = Buffer.from([request.cmd, ...request.args].join(" "));
    return { stdout, stderr: Buffer.alloc(0), exitCode: 0, durationMs: 1, timedOut: false, truncated: false };
  }

  writeFile(
    _id: string,
    path: string,
    user: string,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<number> {
    if (this.envd) return this.envd.writeFile(path, user, chunks, AbortSignal.any([signal, this.taken.signal]));
    this.lastWrite = this.#write(path, chunks);
    return this.lastWrite;
  }

  async readFile(_id: string, path: string, user: string, signal: AbortSignal): Promise<FileContent> {
    if (this.envd) return this.envd.readFile(path, user, AbortSignal.any([signal, this.taken.signal]));
    if (this.onRead !== undefined) return { chunks: this.onRead() };
    const content = this.files.get(path);
    if (content === undefined) throw new RoostError("not_found", `The sandbox has no file ${path}.`);
    const chunks = (async function* () {
      yield content;
    })();
    return { size: content.length, chunks };
  }

  guest(): GuestUse {
    const envd = this.envd ?? assert.fail("this test has given its sandboxes no guest");
    this.uses++;
    return { envd, taken: this.taken.signal, [Symbol.dispose]: () => void this.uses-- };
  }

  #change(id: string, change: Partial<SandboxInfo>): SandboxInfo {
    if (this.failure !== undefined) throw this.failure;
    const known = this.sandboxes.get(id);
    if (!known) throw new RoostError("not_found", `This host has no sandbox ${id}.`);
    const changed = { ...known, ...change };
    this.sandboxes.set(id, changed);
    return changed;
  }

  async #write(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
    await this.beforeWrite;
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    const content = Buffer.concat(parts);
    this.files.set(path, content);
    return content.length;
  }
}
