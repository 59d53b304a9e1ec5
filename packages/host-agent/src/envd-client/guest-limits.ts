/**
 * How long and how large an answer of the guest agent may be. The guest is a stranger (N4): every wait and every buffer that
 * depends on it ends at one of these, whatever it does. Times in milliseconds, sizes in bytes.
 */
export interface GuestLimits {
  /** To open a connection. Default 5 s. */
  readonly connectMs: number;
  /** For a small answer, from request to last byte: health, init, metrics, a signal. Default 30 s: emulated guests are slow. */
  readonly answerMs: number;
  /**
   * Without a byte from the guest, or without the guest taking one of ours, while a file or a command's output streams.
   * Default 60 s; the guest is asked for a keepalive every quarter of it.
   */
  readonly silenceMs: number;
  /** For the answer to an upload after its last byte: the guest flushes and renames. Default 120 s. */
  readonly storeMs: number;
  /** Between killing a command and giving up on hearing of its end. Default 5 s. */
  readonly killGraceMs: number;
  /** Of a small answer. Default 64 KiB. */
  readonly answerBytes: number;
  /** Of a list of files or processes. Default 16 MiB: some 100,000 files. */
  readonly listBytes: number;
  /** Of one message in a stream. Default 1 MiB; envd's own are some 64 KiB. */
  readonly messageBytes: number;
}

export const DEFAULT_GUEST_LIMITS: GuestLimits = {
  connectMs: 5_000,
  answerMs: 30_000,
  silenceMs: 60_000,
  storeMs: 120_000,
  killGraceMs: 5_000,
  answerBytes: 64 * 1024,
  listBytes: 16 * 1024 * 1024,
  messageBytes: 1024 * 1024,
};
