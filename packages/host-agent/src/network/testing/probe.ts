/** A process of a test that lives in a network namespace, and listens and connects there. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

export type ProbeCommand =
  | { readonly do: "serve"; readonly address: string; readonly port: number }
  | { readonly do: "echo"; readonly address: string; readonly port: number; readonly bytes: number }
  | { readonly do: "contacts" }
  | { readonly do: "flood"; readonly address: string; readonly connections: number }
  | {
      readonly do: "tcp" | "udp";
      readonly address: string;
      readonly port: number;
      readonly from?: string;
      readonly uid?: number;
    };

export interface ProbeAnswer {
  /** The address under which the other side sees us. */
  readonly seenAs?: string;
  /** The kernel's error, such as ECONNREFUSED. */
  readonly error?: string;
  readonly contacts?: number;
  readonly echoed?: number;
}

/** For a machine on its knees; what is dropped on the way is never answered. */
const LIMIT_MS = 20_000;
const PROGRAM = fileURLToPath(new URL("probe-program.ts", import.meta.url));

export class Probe implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, (answer: ProbeAnswer) => void>();
  #next = 0;

  /** @param netns path of the namespace. */
  constructor(netns: string) {
    this.#child = spawn("nsenter", [`--net=${netns}`, process.execPath, PROGRAM], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const { id, ...answer }: ProbeAnswer & { id: number } = JSON.parse(line);
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  /** Answers TCP and UDP at a port: tells everyone as whom they are seen, and sends back what it gets by TCP. */
  async serve(address: string, port: number): Promise<void> {
    await this.#ask({ do: "serve", address, port });
  }

  /** Sends so many bytes to one that serves, who sends them back. @returns how many came back. */
  async echo(address: string, port: number, bytes: number): Promise<number | undefined> {
    return (await this.#ask({ do: "echo", address, port, bytes })).echoed;
  }

  /** How many have reached what it serves. */
  async contacts(): Promise<number> {
    return (await this.#ask({ do: "contacts" })).contacts ?? 0;
  }

  /** Sends one UDP packet to each of so many ports. */
  async flood(address: string, connections: number): Promise<void> {
    await this.#ask({ do: "flood", address, connections });
  }

  /** Settles when it is answered or refused, or when no answer is to be expected any more. */
  reach(
    protocol: "tcp" | "udp",
    address: string,
    port: number,
    options: { readonly from?: string; readonly uid?: number } = {},
  ): Promise<ProbeAnswer> {
    return this.#ask({ do: protocol, address, port, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #ask(command: ProbeCommand): Promise<ProbeAnswer> {
    const id = this.#next++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ error: "no answer" }), LIMIT_MS).unref();
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  }
}
