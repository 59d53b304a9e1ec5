/**
 * Shows an installation to people: on a terminal one line for what is at work, with the time it has taken; elsewhere plain
 * lines. Both leave one line per step behind, and write to standard error, so that standard output is the result's alone.
 */
import { performance } from "node:perf_hooks";
import type { WriteStream } from "node:tty";
import type { StepEvent } from "../install/step.ts";
import { readableTime } from "./readable-time.ts";

export interface Progress extends Disposable {
  event(event: StepEvent): void;
}

/** The line that a step leaves behind; undefined for what is only worth showing while it happens. */
export function lastingLine(event: StepEvent): string | undefined {
  switch (event.kind) {
    case "done":
      return `✓ ${event.step} (${readableTime(event.elapsedMs)})`;
    case "failed":
      return `✗ ${event.step} (${readableTime(event.elapsedMs)})`;
    case "skipped":
      return `- ${event.step}: not tried, because "${event.because}" is missing`;
    case "started":
    case "present":
    case "said":
      return undefined;
  }
}

/** Plain lines, for logs and pipes: a step's start and end. */
export function plainProgress(write: (text: string) => void): Progress {
  return {
    event(event) {
      const line = event.kind === "started" ? `… ${event.step}` : lastingLine(event);
      if (line !== undefined) write(`${line}\n`);
    },
    [Symbol.dispose]() {},
  };
}

/** One line at the bottom of a terminal, redrawn as long as a step works. */
export function terminalProgress(terminal: WriteStream): Progress {
  const working = new Map<string, { startedAt: number; said: string }>();
  let drawn = false;
  const redraw = () => {
    if (working.size === 0 && !drawn) return;
    drawn = working.size > 0;
    const parts = Array.from(working, ([step, { startedAt, said }]) => {
      const time = readableTime(performance.now() - startedAt);
      return said === "" ? `${step} ${time}` : `${step} ${time}: ${said}`;
    });
    const width = Math.floor((terminal.columns || 80) / Math.max(1, parts.length)) - 3;
    const line = parts.map((part) => printable(part).slice(0, width)).join(" · ");
    terminal.write(`\r\x1b[2K${line}`);
  };
  const timer = setInterval(redraw, 1000);
  timer.unref();
  return {
    event(event) {
      if (event.kind === "started") working.set(event.step, { startedAt: performance.now(), said: "" });
      else if (event.kind === "said") {
        const entry = working.get(event.step);
        if (entry !== undefined) entry.said = event.line.trim();
      } else working.delete(event.step);
      const line = lastingLine(event);
      if (line !== undefined) terminal.write(`${drawn ? "\r\x1b[2K" : ""}${line}\n`);
      redraw();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      if (drawn) terminal.write("\r\x1b[2K");
    },
  };
}

/** What programs print may hold anything; only its printable characters reach the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, "");
}
