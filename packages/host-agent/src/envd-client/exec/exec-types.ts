/** What a command is, and what came of it. */

export interface ExecRequest {
  /** Looked up in the guest's PATH; never given to a shell. */
  readonly cmd: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Default: the user's home. */
  readonly cwd?: string;
  /** Default: the sandbox's default user. */
  readonly user?: string;
  /** Given to the command, then closed. Without it, the command's standard input is empty. */
  readonly stdin?: Uint8Array;
  /** After this its process group is killed. 0: no limit. */
  readonly timeoutMs: number;
  /** Of stdout and stderr together; what comes beyond it is read and dropped. */
  readonly outputLimitBytes: number;
}

export interface ExecResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /**
   * `null` when it timed out; 127 when there is no such command, 126 when it cannot be executed, 128 + n when signal n ended
   * it: as a shell would say it.
   */
  readonly exitCode: number | null;
  readonly durationMs: number;
  readonly timedOut: boolean;
  /** Not all of the output is here: there was more than the limit, or some was lost with a broken connection. */
  readonly truncated: boolean;
}
