/** What is around a lab's hosts, seen from the lab: a process with a network namespace (surroundings-main.ts). */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LauncherFailure } from "../../failure.ts";
import { runProgram } from "../../programs/run-program.ts";

/** Someone has reached a machine around the hosts. */
export interface Contact {
  readonly contact: "tcp" | "udp";
  readonly from: string;
  readonly to?: string;
  readonly port?: string;
}

export class Surroundings implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #contacts: Contact[] = [];

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  static async start(): Promise<Surroundings> {
    const program = join(import.meta.dirname, "surroundings-main.ts");
    // The kernel ends it when we end, however that happens; and with it and the machines in it, the namespace.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "unshare", "--net", process.execPath, program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const surroundings = new Surroundings(child);
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const said = JSON.parse(line) as Contact | { readonly ready: string };
        if ("ready" in said) resolve();
        else surroundings.#contacts.push(said);
      });
    });
    const ended = once(child, "exit").then(() =>
      Promise.reject(new LauncherFailure("the lab's network did not start")),
    );
    ended.catch(() => {});
    await Promise.race([ready, ended]);
    return surroundings;
  }

  /** Everyone so far. */
  get contacts(): readonly Contact[] {
    return this.#contacts;
  }

  /** What starts a program in there. */
  get enter(): readonly [string, ...string[]] {
    return ["nsenter", `--net=/proc/${this.#process.pid}/ns/net`];
  }

  /** Runs a program there, to its end. */
  run(...argv: readonly [string, ...string[]]): Promise<string> {
    return runProgram([...this.enter, ...argv]);
  }

  /** A socket in the hosts' LAN for a machine to plug into; one that is there already stays. */
  async socket(name: string): Promise<void> {
    const there = await this.run("ip", "link", "show", "dev", name).then(
      () => true,
      () => false,
    );
    if (there) return;
    await this.run("ip", "tuntap", "add", "dev", name, "mode", "tap");
    await this.run("ip", "link", "set", "dev", name, "master", "br0", "up");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }
}
