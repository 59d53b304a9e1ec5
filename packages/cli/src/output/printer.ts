/**
 * Where a command's words go. Results to stdout, as one JSON document or for people; everything else (what is going on,
 * what failed) to stderr, so that stdout is always safe to pipe. Every write waits until it is taken, and one into a
 * closed pipe ends the command quietly.
 */
import type { Surroundings } from "../surroundings.ts";
import { type Paint, paintFor } from "./paint.ts";
import { printable } from "./printable.ts";
import { Progress } from "./progress.ts";
import { type Column, formatFacts, formatTable } from "./table.ts";

export interface PrinterOptions {
  /** Results as JSON, nothing else on stdout. */
  readonly json: boolean;
  /** Only the barest result, and failures. */
  readonly quiet: boolean;
}

export class BrokenPipe extends Error {
  override readonly name = "BrokenPipe";
}

export class Printer {
  readonly options: PrinterOptions;
  readonly #surroundings: Surroundings;
  readonly #paint: Paint;

  constructor(surroundings: Surroundings, options: PrinterOptions) {
    this.#surroundings = surroundings;
    this.options = options;
    this.#paint = paintFor(surroundings.stdout, surroundings.env);
  }

  async json(value: unknown): Promise<void> {
    await this.stdout(`${JSON.stringify(value, null, 2)}\n`);
  }

  async line(text: string): Promise<void> {
    await this.stdout(`${printable(text)}\n`);
  }

  async table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Promise<void> {
    await this.stdout(formatTable(columns, rows, this.#paint));
  }

  async facts(facts: readonly (readonly [name: string, value: string])[]): Promise<void> {
    await this.stdout(formatFacts(facts, this.#paint));
  }

  /** A remark for people. */
  async note(text: string): Promise<void> {
    if (!this.options.quiet && !this.options.json) await this.stderr(`${printable(text)}\n`);
  }

  /** What went wrong: always said. */
  async failure(text: string): Promise<void> {
    await this.stderr(`roost: ${printable(text)}\n`);
  }

  /** Shows that something goes on, to who watches; `using` takes it away. */
  progress(describe: (elapsedMs: number) => string): Disposable {
    const { stderr, now } = this.#surroundings;
    const isWatched = stderr.isTTY === true && !this.options.quiet && !this.options.json;
    return isWatched ? new Progress(stderr, now, describe) : new DisposableStack();
  }

  /** As it is. */
  async stdout(data: string | Uint8Array): Promise<void> {
    await writeWhole(this.#surroundings.stdout, data);
  }

  /** As it is. */
  async stderr(data: string | Uint8Array): Promise<void> {
    await writeWhole(this.#surroundings.stderr, data);
  }
}

/** Resolves when the system has taken it. @throws BrokenPipe when nobody reads any more */
export async function writeWhole(stream: Surroundings["stdout"], data: string | Uint8Array): Promise<void> {
  if (data.length === 0) return;
  await new Promise<void>((resolve, reject) => {
    stream.write(data, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(isBrokenPipe(error) ? new BrokenPipe("nobody reads the output", { cause: error }) : error);
    });
  });
}

function isBrokenPipe(error: Error): boolean {
  return "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED");
}
