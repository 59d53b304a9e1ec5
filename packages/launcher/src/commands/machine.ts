/** What a command sees of the world around its process; main.ts fills it from Node's globals. */
export interface Machine {
  readonly uid: number;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  /** Aborted at the first Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal;
}
