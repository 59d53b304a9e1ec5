/**
 * The client of one sandbox's guest agent, at `http://<slot address>:49983` (`docs/formats/envd.md`).
 *
 * The guest is a stranger (N4): every answer is bounded in size and time (`guest-limits.ts`), no redirect is followed, and what it
 * says is quoted, cut and escaped before it stands in an error. Failures of the guest are RoostErrors with the code `host_failed`;
 * see `guest-failure.ts` for why, and why they bear no cause.
 */

import { randomBytes } from "node:crypto";
import { createClient } from "@connectrpc/connect";
import { ENVD_PORT, filesystem, process } from "@roost/protocol/envd";
import { guestTransport } from "./connect-transport.ts";
import { execute } from "./exec/exec.ts";
import type { ExecRequest, ExecResult } from "./exec/exec-types.ts";
import { GuestConnection } from "./guest-connection.ts";
import { DEFAULT_GUEST_LIMITS, type GuestLimits } from "./guest-limits.ts";
import { waitHealthy } from "./health.ts";
import { type GuestIdentity, initialise } from "./init.ts";
import { type GuestMetrics, readMetrics } from "./metrics.ts";
import { prepareSnapshot } from "./prepare-snapshot.ts";
import { GuestProcess } from "./processes/guest-process.ts";
import { listProcesses } from "./processes/list-processes.ts";
import type { ProcessAttach, ProcessInfo, ProcessName, ProcessStart } from "./processes/process-types.ts";
import { signalProcess } from "./processes/signal-process.ts";
import { type FileContent, readGuestFile } from "./read-file.ts";
import { FileTree, type TreePlace } from "./tree/file-tree.ts";
import { type WatchEvent, watchFiles } from "./tree/watch-files.ts";
import { writeGuestFile } from "./write-file.ts";

export type { ExecRequest, ExecResult } from "./exec/exec-types.ts";
export type { GuestIdentity } from "./init.ts";
export type { GuestMetrics } from "./metrics.ts";
export type { GuestProcess } from "./processes/guest-process.ts";
export type {
  ProcessAttach,
  ProcessEvent,
  ProcessInfo,
  ProcessName,
  ProcessStart,
  TerminalSize,
} from "./processes/process-types.ts";
export type { FileContent } from "./read-file.ts";
export type { FileEntry } from "./tree/file-entry.ts";
export type { TreePlace } from "./tree/file-tree.ts";
export type { FileChange, WatchEvent } from "./tree/watch-files.ts";

export interface EnvdOptions {
  /** Where the host reaches the guest. */
  readonly address: string;
  /** Default 49983. */
  readonly port?: number;
  /** Of a guest that was initialised earlier. */
  readonly accessToken?: string;
  readonly limits?: Partial<GuestLimits>;
}

export interface EnvdClient extends AsyncDisposable {
  /** Resolves as soon as the guest answers `/health`; rejects only with the signal's reason. */
  waitHealthy(signal: AbortSignal): Promise<void>;
  /** Gives a guest its identity. Its access token is used for every later call of this client. */
  init(identity: GuestIdentity, signal: AbortSignal): Promise<void>;
  /** Users' processes stand still when this resolves, and what they wrote is on the disk; `init` lets them run again. */
  prepareSnapshot(signal: AbortSignal): Promise<void>;
  /** Runs a command to its end; an abort kills it. @throws RoostError `invalid_request`, `host_failed` */
  exec(request: ExecRequest, signal: AbortSignal): Promise<ExecResult>;
  /** Answers with the size. @throws RoostError `invalid_request`, `disk_full`, `host_failed`; errors of `chunks` as they are. */
  writeFile(path: string, user: string, chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number>;
  /** @throws RoostError `not_found`, `invalid_request`, `host_failed`; the chunks too throw `host_failed` */
  readFile(path: string, user: string, signal: AbortSignal): Promise<FileContent>;
  metrics(signal: AbortSignal): Promise<GuestMetrics>;
  /** A process to follow and act on; nothing happens before its events are read. An abort lets go of it, and it runs on. */
  openProcess(asked: ProcessStart | ProcessAttach, signal: AbortSignal): GuestProcess;
  listProcesses(signal: AbortSignal): Promise<ProcessInfo[]>;
  /** To its whole group. @throws RoostError `not_found`, `host_failed` */
  signalProcess(name: ProcessName, number: number, signal: AbortSignal): Promise<void>;
  readonly tree: FileTree;
  /** Ends with its signal. @throws RoostError `not_found`, `invalid_request`, `host_failed` */
  watchFiles(place: TreePlace, recursive: boolean, signal: AbortSignal): AsyncIterable<WatchEvent>;
}

export type ConnectEnvd = (options: EnvdOptions) => EnvdClient;

/** A client; nothing is sent until it is asked something. */
export const connectEnvd: ConnectEnvd = (options) => {
  const { address, port = ENVD_PORT, accessToken } = options;
  const limits = { ...DEFAULT_GUEST_LIMITS, ...options.limits };
  const connection = new GuestConnection({ address, port, accessToken, limits });
  const transport = guestTransport(connection);
  const listTransport = guestTransport(connection, { ...limits, answerBytes: limits.listBytes });
  const client = createClient(process.Process, transport);
  const lists = createClient(process.Process, listTransport);
  const watcher = createClient(filesystem.Filesystem, transport);
  const newTag = (): string => `roost-exec-${randomBytes(12).toString("hex")}`;
  return {
    waitHealthy: (signal) => waitHealthy({ address, port }, signal),
    init: (identity, signal) => initialise(connection, identity, signal),
    prepareSnapshot: (signal) => prepareSnapshot(connection, signal),
    exec: (request, signal) => execute({ client, limits, newTag }, request, signal),
    writeFile: (path, user, chunks, signal) => writeGuestFile(connection, path, user, chunks, signal),
    readFile: (path, user, signal) => readGuestFile(connection, path, user, signal),
    metrics: (signal) => readMetrics(connection, signal),
    openProcess: (asked, signal) => new GuestProcess({ client, limits, newTag }, asked, signal),
    listProcesses: (signal) => listProcesses(lists, signal, limits.answerMs),
    signalProcess: (name, number, signal) => signalProcess(client, name, number, signal),
    tree: new FileTree(createClient(filesystem.Filesystem, listTransport), limits),
    watchFiles: (place, recursive, signal) => watchFiles(watcher, limits, place, recursive, signal),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
};
