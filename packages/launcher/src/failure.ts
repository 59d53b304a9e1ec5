/**
 * What the launcher could not do, told to a person: one sentence, and where it helps how to do the same by hand.
 * (The error codes of @roost/protocol travel over wires; this one goes to a terminal, also before any package is installed.)
 */
export class LauncherFailure extends Error {
  override readonly name = "LauncherFailure";
  readonly byHand: string | undefined;

  constructor(message: string, options?: { cause?: unknown; byHand?: string }) {
    super(message, options);
    this.byHand = options?.byHand;
  }
}

/** The sentence of any failure, without a stack. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
