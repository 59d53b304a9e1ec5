/** How large one message of a caller may be. */
export const MESSAGE_LIMITS = {
  /** A request without a file in it. */
  small: { readMaxBytes: 5 * 1024 * 1024 },
  /** One piece of a stream. */
  piece: { readMaxBytes: 1024 * 1024 + 64 * 1024 },
  /** A whole file, or a command with its input. */
  whole: { readMaxBytes: 16 * 1024 * 1024 + 5 * 1024 * 1024 },
} as const;
