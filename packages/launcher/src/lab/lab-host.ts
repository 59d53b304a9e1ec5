/**
 * A host machine of a lab: a Debian with this checkout in /root/roost, its own kernel, disk and place in the lab's network.
 *
 *     thawed → running ⇄ cut: `cutPower`, `boot`
 */
import { join } from "node:path";
import { Readable } from "node:stream";
import { LauncherFailure } from "../failure.ts";
import type { CommandLine, Ending } from "./channel/frames.ts";
import { type CommandStreams, HostLine } from "./channel/host-line.ts";
import type { Accelerator } from "./emulator/accelerator.ts";
import { Emulator } from "./emulator/emulator.ts";
import { thaw } from "./emulator/freeze.ts";
import { CHECKOUT_INSIDE } from "./image/recipe.ts";
import { hostAddress } from "./network/addresses.ts";
import { type ForwardedPort, forwardPort } from "./network/forwarded-port.ts";
import type { Surroundings } from "./network/surroundings.ts";
import { untilReady } from "./ready-state.ts";
import { BRING_CHECKOUT, wake } from "./wake.ts";

export interface RunOptions extends Omit<CommandLine, "argv"> {
  /** Its standard input. */
  readonly input?: string | Buffer | Readable;
  readonly onOutput?: (piece: Buffer) => void;
  readonly signal?: AbortSignal;
}

export interface Result extends Ending {
  readonly stdout: string;
  readonly stderr: string;
}

/** What a host is made of; the lab's business. */
export interface HostParts {
  readonly number: number;
  /** Holds kernel, initrd, disk, checkout, ram and state, by these names. */
  readonly folder: string;
  readonly accelerator: Accelerator;
  readonly tscKhz: number;
  readonly surroundings: Surroundings;
}

const NEVER = new AbortController().signal;

export class LabHost implements AsyncDisposable {
  readonly number: number;
  readonly address: ReturnType<typeof hostAddress>;
  readonly #parts: HostParts;
  #machine: Emulator | undefined;
  #line: HostLine | undefined;

  private constructor(parts: HostParts) {
    this.#parts = parts;
    this.number = parts.number;
    this.address = hostAddress(parts.number);
  }

  /** Goes on from a frozen machine. */
  static async thaw(parts: HostParts): Promise<LabHost> {
    const host = new LabHost(parts);
    await using undo = new AsyncDisposableStack();
    undo.use(host);
    const machine = await host.#start("thaw");
    await thaw(machine);
    await host.#wake();
    undo.move();
    return host;
  }

  /** Runs a program as root. @throws LauncherFailure unless it exits with 0. */
  async run(argv: CommandLine["argv"], options: RunOptions = {}): Promise<Result> {
    const result = await this.attempt(argv, options);
    if (result.status === 0) return result;
    const said = result.failure ?? `${result.stdout.slice(-4000)}${result.stderr.slice(-4000)}`;
    throw new LauncherFailure(`on host ${this.number}, ${argv.join(" ")} ended with ${result.status}:\n${said}`);
  }

  /** Runs a program as root, whatever comes of it. */
  async attempt(argv: CommandLine["argv"], options: RunOptions = {}): Promise<Result> {
    const { input, onOutput, signal, ...rest } = options;
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const collect = (pieces: Buffer[]) => (piece: Buffer) => {
      pieces.push(piece);
      onOutput?.(piece);
    };
    const streams: CommandStreams = {
      onStdout: collect(stdout),
      onStderr: collect(stderr),
      ...(input === undefined
        ? {}
        : { input: input instanceof Readable ? input : Readable.from([Buffer.from(input)]) }),
      ...(signal === undefined ? {} : { signal }),
    };
    const ending = await this.#running().run({ argv, ...rest }, streams);
    return { ...ending, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
  }

  /** Runs `./roost …` in the host's checkout. @returns its standard output. */
  async roost(...args: readonly string[]): Promise<string> {
    return (await this.run([join(CHECKOUT_INSIDE, "roost"), ...args], { cwd: CHECKOUT_INSIDE })).stdout;
  }

  /** The checkout as it was when this host was started, in place of the one that was frozen with it. */
  async bringCheckout(): Promise<void> {
    await this.run(BRING_CHECKOUT);
  }

  async write(path: string, content: string | Buffer): Promise<void> {
    await this.run(["dd", `of=${path}`, "status=none"], { input: content });
  }

  async read(path: string): Promise<string> {
    return (await this.run(["cat", path])).stdout;
  }

  /** A port of this process's machine, open to nobody else, that leads to one of the host's loopback. */
  forward(port: number): Promise<ForwardedPort> {
    return forwardPort((socket) =>
      this.#running().run(
        { argv: ["busybox", "nc", "127.0.0.1", String(port)] },
        { input: socket, onStdout: (piece) => void socket.write(piece) },
      ),
    );
  }

  /** The machine stops where it is: what its disk has not been told to keep is gone. */
  async cutPower(): Promise<void> {
    if (this.#machine === undefined) throw new LauncherFailure(`host ${this.number} is off already`);
    await this.#off();
  }

  /** Starts again from its disk. */
  async boot(): Promise<void> {
    if (this.#machine !== undefined) throw new LauncherFailure(`host ${this.number} runs`);
    const machine = await this.#start("boot");
    await untilReady(machine, this.#parts.folder, NEVER);
    await this.#wake();
  }

  /** What stands on its console, and what the emulator has said. */
  words(): string {
    return this.#machine?.words() ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#off();
  }

  async #start(start: "thaw" | "boot"): Promise<Emulator> {
    const { folder, accelerator, tscKhz, surroundings, number } = this.#parts;
    const tap = `tap${number}`;
    await surroundings.socket(tap);
    const memory = start === "thaw" ? "private" : "none";
    const spec = { folder, accelerator, tscKhz, memory, start, tap } as const;
    const machine = await Emulator.start({ ...spec, enterNetwork: surroundings.enter });
    this.#machine = machine;
    return machine;
  }

  /** It learns who it is and what time it is. */
  async #wake(): Promise<void> {
    this.#line = await HostLine.connect(join(this.#parts.folder, "line-0"));
    await wake(this.#line, this.number);
  }

  #running(): HostLine {
    if (this.#line === undefined) throw new LauncherFailure(`host ${this.number} is off`);
    return this.#line;
  }

  async #off(): Promise<void> {
    this.#line?.[Symbol.dispose]();
    this.#line = undefined;
    await this.#machine?.kill();
    this.#machine = undefined;
  }
}
