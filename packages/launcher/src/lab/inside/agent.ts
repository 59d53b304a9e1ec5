/**
 * Runs inside a lab's host, as root, from its first second on: takes commands over serial lines and gives back what they say. One line
 * for each program outside that speaks with the host. Never part of a product.
 *
 * It was frozen and thawed with the machine, so it keeps no time and no secrets.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { type FileHandle, open, readdir, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  type CommandLine,
  type Ending,
  encodeFrame,
  type Frame,
  FrameReader,
  KINDS,
  type Kind,
} from "../channel/frames.ts";

/** A line on which nobody is at the other end reads as ended, at once; so it is asked again, seldom: a host has one slow processor. */
const LOOK_AGAIN_MS = 500;

class Line {
  readonly #port: FileHandle;
  readonly #commands = new Map<number, ChildProcessWithoutNullStreams>();
  #writing: Promise<unknown> = Promise.resolve();

  constructor(port: FileHandle) {
    this.#port = port;
  }

  async serve(): Promise<never> {
    let reader = new FrameReader();
    for (;;) {
      const { buffer, bytesRead } = await this.#port.read({ buffer: Buffer.allocUnsafe(128 * 1024), position: null });
      if (bytesRead > 0) {
        for (const frame of reader.read(buffer.subarray(0, bytesRead))) this.#obey(frame);
        continue;
      }
      // Whoever was there has gone, and so has who wants these commands.
      reader = new FrameReader();
      for (const child of this.#commands.values()) killTree(child);
      await pause(LOOK_AGAIN_MS);
    }
  }

  #obey({ command, kind, payload }: Frame): void {
    const child = this.#commands.get(command);
    if (kind === KINDS.start) this.#start(command, JSON.parse(payload.toString()) as CommandLine);
    else if (child === undefined) return;
    else if (kind === KINDS.kill) killTree(child);
    else if (kind === KINDS.stdin && payload.length === 0) child.stdin.end();
    else if (kind === KINDS.stdin) child.stdin.write(payload, () => void this.#sayTaken(command, payload.length));
  }

  #start(command: number, { argv: [program, ...args], cwd, env }: CommandLine): void {
    // A group of its own, so that its children can be ended with it.
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, detached: true });
    this.#commands.set(command, child);
    child.stdin.on("error", () => {});
    const streams = [this.#pass(command, KINDS.stdout, child.stdout), this.#pass(command, KINDS.stderr, child.stderr)];
    let failure: string | undefined;
    child.once("error", (error) => {
      failure = error.message;
    });
    child.once("close", async (code, signal) => {
      await Promise.all(streams);
      this.#commands.delete(command);
      const status = failure === undefined ? (code ?? 128 + (signal === null ? 0 : constants.signals[signal])) : 127;
      const ending: Ending = failure === undefined ? { status } : { status, failure };
      await this.#say(command, KINDS.ended, Buffer.from(JSON.stringify(ending)));
    });
  }

  /** Reads no faster than the line takes it. */
  async #pass(command: number, kind: Kind, stream: AsyncIterable<Buffer>): Promise<void> {
    for await (const piece of stream) await this.#say(command, kind, piece);
  }

  async #sayTaken(command: number, bytes: number): Promise<void> {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(bytes);
    await this.#say(command, KINDS.taken, payload);
  }

  /** Frame after frame; what nobody is there to hear is lost. */
  #say(command: number, kind: Kind, payload: Buffer): Promise<void> {
    const said = this.#writing.then(async () => {
      const frame = encodeFrame(command, kind, payload);
      for (let done = 0; done < frame.length; ) {
        const { bytesWritten } = await this.#port.write(frame, done);
        if (bytesWritten === 0) return;
        done += bytesWritten;
      }
    });
    this.#writing = said.catch(() => {});
    return said.catch(() => {});
  }
}

function killTree({ pid }: ChildProcessWithoutNullStreams): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** There is no udev to name the lines: the kernel says what each is called. */
async function lines(): Promise<string[]> {
  const folder = "/sys/class/virtio-ports";
  const found: string[] = [];
  for (const device of await readdir(folder)) {
    const name = await readFile(join(folder, device, "name"), "utf8").catch(() => "");
    if (name.startsWith("roost.lab.")) found.push(join("/dev", device));
  }
  return found;
}

const ports = await Promise.all((await lines()).map((path) => open(path, "r+")));
await using console_ = await open("/dev/console", "w");
await console_.write("ROOST-LAB-READY\n");
await Promise.all(ports.map((port) => new Line(port).serve()));
