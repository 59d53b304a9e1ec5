/** What every call takes: a way to give up. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}
