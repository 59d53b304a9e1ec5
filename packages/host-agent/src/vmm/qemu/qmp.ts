/**
 * QMP, QEMU's machine protocol (docs/interop/qmp-spec in its source): connecting, negotiating, running commands.
 */
import { RoostError } from "@roost/protocol/errors";
import { JsonLines, type JsonObject } from "../../json-lines/json-lines.ts";

/** QEMU answers from its main loop, which a busy host may hold up; a longer silence means that it hangs. */
const ANSWER_LIMIT_MS = 60_000;

export class Qmp implements Disposable {
  readonly closed: Promise<void>;
  readonly #lines: JsonLines;

  private constructor(lines: JsonLines) {
    this.#lines = lines;
    this.closed = lines.closed;
  }

  /**
   * @param onEvent told the name of each event, such as `STOP`, and its data.
   * @returns `undefined` when QEMU does not listen there.
   */
  static async connect(path: string, onEvent: (name: string, data: JsonObject) => void): Promise<Qmp | undefined> {
    const lines = await JsonLines.connect(path, {
      peer: "QEMU",
      isAnswer: (message) => message.return !== undefined || message.error !== undefined,
      onEvent: (message) => {
        // The greeting, `{"QMP": …}`, comes by here too.
        if (typeof message.event === "string") onEvent(message.event, (message.data ?? {}) as JsonObject);
      },
      answerLimitMs: ANSWER_LIMIT_MS,
    });
    if (!lines) return undefined;
    const qmp = new Qmp(lines);
    await qmp.execute("qmp_capabilities");
    return qmp;
  }

  /** @throws RoostError `internal` with QEMU's description of what was wrong. */
  async execute(command: string, args: JsonObject = {}): Promise<unknown> {
    const answer = await this.#lines.ask({ execute: command, arguments: args });
    if (answer.error === undefined) return answer.return;
    throw new RoostError("internal", `QEMU refused ${command}: ${String((answer.error as JsonObject).desc)}`);
  }

  [Symbol.dispose](): void {
    this.#lines[Symbol.dispose]();
  }
}
