/** One serial line to a host: runs any number of commands there at the same time. The other end is inside/agent.ts. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Readable } from "node:stream";
import { LauncherFailure } from "../../failure.ts";
import {
  type CommandLine,
  type Ending,
  encodeFrame,
  type Frame,
  FrameReader,
  INPUT_WINDOW,
  KINDS,
  LARGEST_PAYLOAD,
} from "./frames.ts";

export interface CommandStreams {
  /** Its standard input; without, it is empty. */
  readonly input?: Readable;
  readonly onStdout?: (piece: Buffer) => void;
  readonly onStderr?: (piece: Buffer) => void;
  /** Aborted: the command and its children are killed; nobody waits for that. */
  readonly signal?: AbortSignal;
}

interface Running extends CommandStreams {
  readonly ended: PromiseWithResolvers<Ending>;
  /** Of its input, sent and not yet taken. */
  underWay: number;
}

export class HostLine implements Disposable {
  readonly #socket: Socket;
  readonly #running = new Map<number, Running>();
  #next = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader();
    socket.on("data", (piece: Buffer) => {
      for (const frame of reader.read(piece)) this.#hear(frame);
    });
    socket.on("error", () => {});
    socket.on("close", () => this.#lose());
  }

  static async connect(path: string): Promise<HostLine> {
    const socket = connect(path);
    await once(socket, "connect");
    return new HostLine(socket);
  }

  /** @throws LauncherFailure when the host is gone before the command has ended. */
  async run(commandLine: CommandLine, streams: CommandStreams = {}): Promise<Ending> {
    streams.signal?.throwIfAborted();
    if (this.#socket.destroyed) throw new LauncherFailure("the host is not there any more");
    const command = this.#next++;
    const running: Running = { ...streams, ended: Promise.withResolvers(), underWay: 0 };
    this.#running.set(command, running);
    const kill = () => {
      this.#say(command, KINDS.kill, Buffer.alloc(0));
      running.ended.reject(streams.signal?.reason);
    };
    streams.signal?.addEventListener("abort", kill, { once: true });
    this.#say(command, KINDS.start, Buffer.from(JSON.stringify(commandLine)));
    const unplug = this.#feed(command, running);
    try {
      return await running.ended.promise;
    } finally {
      streams.signal?.removeEventListener("abort", kill);
      this.#running.delete(command);
      unplug();
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  /**
   * No more is sent than the command has room for, so that neither end fills its memory. What is left of the input when the command has
   * ended stays where it is. @returns what ends the feeding.
   */
  #feed(command: number, running: Running): () => void {
    const { input } = running;
    const end = () => this.#say(command, KINDS.stdin, Buffer.alloc(0));
    if (input === undefined) {
      end();
      return () => {};
    }
    const pass = (chunk: Buffer) => {
      running.underWay += chunk.length;
      if (running.underWay >= INPUT_WINDOW) input.pause();
      for (let at = 0; at < chunk.length; at += LARGEST_PAYLOAD) {
        this.#say(command, KINDS.stdin, chunk.subarray(at, at + LARGEST_PAYLOAD));
      }
    };
    input.on("data", pass).once("end", end).once("error", end);
    return () => {
      input.off("data", pass).off("end", end).off("error", end).pause();
    };
  }

  #say(command: number, kind: (typeof KINDS)[keyof typeof KINDS], payload: Buffer): void {
    this.#socket.write(encodeFrame(command, kind, payload));
  }

  #hear({ command, kind, payload }: Frame): void {
    const running = this.#running.get(command);
    if (running === undefined) return;
    if (kind === KINDS.stdout) running.onStdout?.(payload);
    else if (kind === KINDS.stderr) running.onStderr?.(payload);
    else if (kind === KINDS.ended) running.ended.resolve(JSON.parse(payload.toString()) as Ending);
    else if (kind === KINDS.taken) {
      running.underWay -= payload.readUInt32LE(0);
      if (running.underWay < INPUT_WINDOW) running.input?.resume();
    }
  }

  #lose(): void {
    for (const { ended } of this.#running.values()) {
      ended.reject(new LauncherFailure("the host was gone before the command had ended"));
    }
  }
}
