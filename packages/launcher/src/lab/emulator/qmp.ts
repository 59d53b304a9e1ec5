/** QEMU's control socket, as far as a lab needs it: one command after the other, events ignored. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { LauncherFailure } from "../../failure.ts";

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

export class Qmp implements Disposable {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  static async connect(path: string): Promise<Qmp> {
    const socket = connect(path);
    await once(socket, "connect");
    // Whoever waits for an answer hears of the end by the lines ending.
    socket.on("error", () => {});
    const qmp = new Qmp(socket);
    await qmp.#nextLine();
    await qmp.run("qmp_capabilities");
    return qmp;
  }

  async run(execute: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    for (;;) {
      const answer = JSON.parse(await this.#nextLine()) as Answer;
      if (answer.error !== undefined) throw new LauncherFailure(`QEMU refused ${execute}: ${answer.error.desc}`);
      if ("return" in answer) return answer.return;
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  async #nextLine(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new LauncherFailure("QEMU has ended");
    return value;
  }
}
