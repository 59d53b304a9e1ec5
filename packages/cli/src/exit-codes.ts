/** Exit statuses. Those of `exec` are docker's, because scripts know them; 126 and 127 come from the sandbox itself. */
export const EXIT = {
  failure: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** `exec`: the command ran out of time. */
  timedOut: 124,
  /** `exec`: Roost failed, not the command. */
  execFailure: 125,
  /** Whoever read our output has stopped reading. */
  brokenPipe: 141,
} as const;
