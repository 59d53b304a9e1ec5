/**
 * One line on a terminal that shows that something is going on: a turning mark, what it is, how long it takes. It goes
 * away when disposed, so that nothing of it is left between the lines of the result.
 */
import type { Output } from "../surroundings.ts";

const MARKS = ["|", "/", "-", "\\"] as const;
const INTERVAL_MS = 120;

export class Progress implements Disposable {
  readonly #stream: Output;
  readonly #describe: (elapsedMs: number) => string;
  readonly #now: () => Date;
  readonly #start: number;
  readonly #timer: NodeJS.Timeout;
  #turns = 0;

  constructor(stream: Output, now: () => Date, describe: (elapsedMs: number) => string) {
    this.#stream = stream;
    this.#now = now;
    this.#describe = describe;
    this.#start = now().getTime();
    this.#timer = setInterval(() => this.#draw(), INTERVAL_MS);
    this.#draw();
  }

  #draw(): void {
    const mark = MARKS[this.#turns % MARKS.length];
    this.#turns += 1;
    const text = this.#describe(this.#now().getTime() - this.#start);
    this.#stream.write(`\r\x1b[K${mark} ${text}`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#stream.write("\r\x1b[K");
  }
}
