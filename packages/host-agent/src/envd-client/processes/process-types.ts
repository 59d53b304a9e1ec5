/** A process of a guest, as one follows it and acts on it. */

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

/** By the guest's own number, or by the name that was given to it. */
export type ProcessName =
  | { readonly case: "pid"; readonly value: number }
  | { readonly case: "tag"; readonly value: string };

export interface ProcessStart {
  readonly case: "start";
  /** Looked up in the guest's PATH; never given to a shell. */
  readonly cmd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Default: the user's home. */
  readonly cwd?: string;
  /** Default: the sandbox's default user. */
  readonly user?: string;
  /** A name to attach it by; default: one that no other has. */
  readonly tag?: string;
  /** False: its standard input is empty. */
  readonly stdin: boolean;
  /** It runs in a terminal of this size, and its input is what is typed there. */
  readonly terminal?: TerminalSize;
}

export interface ProcessAttach {
  readonly case: "attach";
  readonly name: ProcessName;
  /** Whether it runs in a terminal: input goes another way there. */
  readonly terminal: boolean;
}

export type ProcessEvent =
  | { readonly case: "started"; readonly pid: number; readonly tag: string; readonly droppedBytes: number }
  | { readonly case: "stdout" | "stderr" | "terminal"; readonly bytes: Uint8Array }
  /** As a shell would say it: 128 + n, when signal n ended it. */
  | { readonly case: "ended"; readonly exitCode: number };

export interface ProcessInfo {
  readonly pid: number;
  /** Empty when it has none. */
  readonly tag: string;
  readonly cmd: string;
  readonly args: readonly string[];
  /** Empty: that of its user. */
  readonly cwd: string;
}
