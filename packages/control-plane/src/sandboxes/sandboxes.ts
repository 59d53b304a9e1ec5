/** Sandboxes: what one can do with them. `lifecycle.ts` draws their states. */

import type { ProcessInfo } from "@roost/protocol/hostagent";
import type { PageRequest } from "../db/pages.ts";
import type { SandboxRow } from "../db/tables.ts";
import type { ProcessName } from "./command-stream.ts";
import { createSandbox, type NewSandbox } from "./create.ts";
import { destroyAnyones, destroySandbox } from "./destroy.ts";
import { type Command, type CommandResult, execInSandbox } from "./exec.ts";
import { SandboxFileTree } from "./file-tree.ts";
import {
  type FileDownload,
  type FilePlace,
  readSandboxFile,
  readSmallSandboxFile,
  writeSandboxFile,
  writeSmallSandboxFile,
} from "./files.ts";
import { clientOfRunning, requireSandbox } from "./host-of.ts";
import { listSandboxes, type SandboxFilter } from "./list.ts";
import { readSandboxLogs, type SandboxLogs } from "./logs.ts";
import { OpenSandbox } from "./open-sandbox.ts";
import type { SandboxParts } from "./parts.ts";
import { pauseSandbox } from "./pause.ts";
import { pingSandbox } from "./ping.ts";
import { listSandboxProcesses, signalSandboxProcess } from "./processes.ts";
import { type Report, reconcileHost } from "./reconcile.ts";
import { resumeSandbox, type WakeFrom } from "./resume.ts";
import { type MadeSnapshot, snapshotSandbox, type WantedSnapshot } from "./snapshot.ts";

export type {
  CommandAttach,
  CommandEvent,
  CommandInput,
  CommandStart,
  ProcessName,
  TerminalSize,
} from "./command-stream.ts";
export type { NewSandbox } from "./create.ts";
export type { Command, CommandResult } from "./exec.ts";
export type { SandboxFileTree } from "./file-tree.ts";
export type { FileDownload, FilePlace } from "./files.ts";
export { clientOfHost } from "./host-of.ts";
export { SandboxRows } from "./lifecycle.ts";
export type { SandboxFilter } from "./list.ts";
export type { SandboxLogs } from "./logs.ts";
export type { OpenSandbox } from "./open-sandbox.ts";
export type { Background, Log, SandboxParts } from "./parts.ts";
export type { Placement } from "./placement/placement.ts";
export { RoundRobin } from "./placement/round-robin.ts";
export { REPORTED_STATUSES, type Report } from "./reconcile.ts";
export type { WakeFrom } from "./resume.ts";
export type { LeaveAs, MadeSnapshot, WantedSnapshot } from "./snapshot.ts";
export { StepsInFlight } from "./steps-in-flight.ts";

/** Each call names the team that asks: nothing of another team's is found. Errors are described where they arise. */
export class Sandboxes {
  readonly tree: SandboxFileTree;
  readonly #parts: SandboxParts;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.tree = new SandboxFileTree(parts);
  }

  create(teamId: string, wanted: NewSandbox): Promise<SandboxRow> {
    return createSandbox(this.#parts, teamId, wanted);
  }

  list(teamId: string, filter: SandboxFilter, page: PageRequest): Promise<SandboxRow[]> {
    return listSandboxes(this.#parts.db, teamId, filter, page);
  }

  get(teamId: string, id: string): Promise<SandboxRow> {
    return requireSandbox(this.#parts, teamId, id);
  }

  find(teamId: string, id: string): Promise<SandboxRow | undefined> {
    return this.#parts.rows.find(teamId, id);
  }

  destroy(teamId: string, id: string): Promise<void> {
    return destroySandbox(this.#parts, teamId, id);
  }

  pause(teamId: string, id: string): Promise<SandboxRow> {
    return pauseSandbox(this.#parts, teamId, id);
  }

  resume(teamId: string, id: string, mode: WakeFrom): Promise<SandboxRow> {
    return resumeSandbox(this.#parts, teamId, id, mode);
  }

  ping(teamId: string, id: string): Promise<void> {
    return pingSandbox(this.#parts, teamId, id);
  }

  /** The host's part of a snapshot; `Snapshots` keeps its name. */
  snapshot(teamId: string, id: string, wanted: WantedSnapshot): Promise<MadeSnapshot> {
    return snapshotSandbox(this.#parts, teamId, id, wanted);
  }

  exec(teamId: string, id: string, command: Command, signal: AbortSignal): Promise<CommandResult> {
    return execInSandbox(this.#parts, teamId, id, command, signal);
  }

  /** For streams to a sandbox that runs. @throws RoostError `not_found`, `not_running`, `host_unavailable`. */
  async open(teamId: string, id: string): Promise<OpenSandbox> {
    return new OpenSandbox(this.#parts, teamId, id, await clientOfRunning(this.#parts, teamId, id));
  }

  listProcesses(teamId: string, id: string, signal: AbortSignal): Promise<ProcessInfo[]> {
    return listSandboxProcesses(this.#parts, teamId, id, signal);
  }

  signalProcess(teamId: string, id: string, name: ProcessName, number: number, signal: AbortSignal): Promise<void> {
    return signalSandboxProcess(this.#parts, teamId, id, name, number, signal);
  }

  writeFile(
    teamId: string,
    id: string,
    place: FilePlace,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    return writeSandboxFile(this.#parts, teamId, id, place, content, signal);
  }

  writeSmallFile(
    teamId: string,
    id: string,
    place: FilePlace,
    content: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    return writeSmallSandboxFile(this.#parts, teamId, id, place, content, signal);
  }

  readFile(teamId: string, id: string, place: FilePlace, signal: AbortSignal): Promise<FileDownload> {
    return readSandboxFile(this.#parts, teamId, id, place, signal);
  }

  readSmallFile(teamId: string, id: string, place: FilePlace, signal: AbortSignal): Promise<Buffer> {
    return readSmallSandboxFile(this.#parts, teamId, id, place, signal);
  }

  logs(teamId: string, id: string, limitBytes: number): Promise<SandboxLogs> {
    return readSandboxLogs(this.#parts, teamId, id, limitBytes);
  }

  /** Takes in what a host's heartbeat says. */
  reconcile(hostId: string, reports: readonly Report[]): Promise<void> {
    return reconcileHost(this.#parts, hostId, reports);
  }

  /** To be called now and then: ends what a control plane that died left half made. */
  removeAbandoned(): Promise<void> {
    return this.#parts.rows.removeAbandoned();
  }

  /** Ids of those on a host that are not stopped, whoever owns them. */
  async onHost(hostId: string): Promise<string[]> {
    const rows = await this.#parts.db
      .selectFrom("sandboxes")
      .where("host_id", "=", hostId)
      .where("status", "!=", "stopped")
      .orderBy("id")
      .select("id")
      .execute();
    return rows.map((row) => row.id);
  }

  /** Destroys one, whoever owns it. Resolves to whether it is gone. */
  destroyAnyones(id: string): Promise<boolean> {
    return destroyAnyones(this.#parts, id);
  }
}
