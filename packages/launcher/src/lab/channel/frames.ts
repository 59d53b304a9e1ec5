/**
 * What passes over the serial line between a lab and a host in it: frames of several commands at once. Both ends import this file; the
 * inner one runs where nothing is installed, so it imports nothing but Node.
 *
 *     u32 length of the payload · u32 number of the command · u8 kind · payload
 */

export const KINDS = {
  /** To the host: JSON, a `CommandLine`. */
  start: 1,
  /** To the host: a part of its standard input; an empty one is the end of it. */
  stdin: 2,
  /** To the lab: u32, so many bytes of its input have been taken. Never more than `INPUT_WINDOW` are under way. */
  taken: 3,
  stdout: 4,
  stderr: 5,
  /** To the lab, last of all: JSON, an `Ending`. */
  ended: 6,
  /** To the host: the command and all its children get SIGKILL. */
  kill: 7,
} as const;

export type Kind = (typeof KINDS)[keyof typeof KINDS];

export interface CommandLine {
  readonly argv: readonly [string, ...string[]];
  readonly cwd?: string;
  /** Beside the host's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ending {
  /** As a shell says it: 128 and the signal's number, 127 for a program that is not there. */
  readonly status: number;
  /** Why it did not even start. */
  readonly failure?: string;
}

export interface Frame {
  readonly command: number;
  readonly kind: Kind;
  readonly payload: Buffer;
}

export const INPUT_WINDOW = 256 * 1024;
export const LARGEST_PAYLOAD = 64 * 1024;

const HEADER = 9;

export function encodeFrame(command: number, kind: Kind, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER + payload.length);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt32LE(command, 4);
  frame.writeUInt8(kind, 8);
  frame.set(payload, HEADER);
  return frame;
}

/** Puts frames together from whatever pieces arrive. */
export class FrameReader {
  #held: Buffer = Buffer.alloc(0);

  *read(piece: Buffer): Generator<Frame> {
    this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    while (this.#held.length >= HEADER) {
      const end = HEADER + this.#held.readUInt32LE(0);
      if (this.#held.length < end) return;
      const [command, kind] = [this.#held.readUInt32LE(4), this.#held.readUInt8(8) as Kind];
      const payload = this.#held.subarray(HEADER, end);
      this.#held = this.#held.subarray(end);
      yield { command, kind, payload };
    }
  }
}
