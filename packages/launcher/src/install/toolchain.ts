/** What builds the native programs, whichever Rust that is. */

export interface Toolchain {
  /** Shown to people: "cargo 1.95.0", "cargo of Debian trixie-backports". */
  readonly name: string;
  /** Runs cargo in the checkout's `native/`, its output in `$ROOST_CACHE/target`, with `env` beside what it always gets. */
  cargo(
    args: readonly string[],
    onLine: (line: string) => void,
    signal: AbortSignal,
    env?: Readonly<Record<string, string>>,
  ): Promise<void>;
}

/** Tests are built with no more debug information than a backtrace shows: less to build. */
export const CARGO_ENVIRONMENT = { CARGO_TERM_COLOR: "never", CARGO_PROFILE_DEV_DEBUG: "line-tables-only" } as const;
