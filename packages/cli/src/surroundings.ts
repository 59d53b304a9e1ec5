/** All that the command line has of the process it runs in; `main.ts` takes it from the real one, tests make their own. */
import type { Readable, Writable } from "node:stream";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Input extends Readable {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
}

export interface Output extends Writable {
  readonly isTTY?: boolean;
}

export interface Surroundings {
  readonly env: Environment;
  /** The folder that holds `./roost`. */
  readonly checkout: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly now: () => Date;
  /** Aborted, with an `Interruption`, when the user (Ctrl-C) or the system asks the program to end. */
  readonly interrupted: AbortSignal;
}

/** Why a command was cut short, and the exit status that shells expect then. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  readonly exitCode: number;

  constructor(signal: "SIGINT" | "SIGTERM") {
    super("interrupted");
    this.exitCode = signal === "SIGINT" ? 130 : 143;
  }
}
