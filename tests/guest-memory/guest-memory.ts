/**
 * A guest's memory, read from outside while its VMM stands still. A page that is not there yet is brought as for the guest itself, by
 * the kernel or by the page server: `process_vm_readv` waits for it, where `/proc/<pid>/mem` gives up.
 */
import { spawn } from "node:child_process";
import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";

const PAGE_BYTES = 4096;
const MB = 1024 * 1024;

/** Node has no such call, and Perl is on every Debian: process_vm_readv is number 310. */
const READ = `
my ($pid, $at, $length) = @ARGV;
binmode STDOUT;
while ($length > 0) {
  my $piece = "\\0" x ($length < 1 << 20 ? $length : 1 << 20);
  my $count = syscall(310, $pid + 0, pack("PQ", $piece, length $piece), 1, pack("QQ", $at, length $piece), 1, 0);
  die "process_vm_readv at $at: $!\\n" if $count <= 0;
  print substr($piece, 0, $count);
  $at += $count; $length -= $count;
}`;

/** pidfd_open is 434, process_madvise 440, MADV_PAGEOUT 21. */
const PAGE_OUT = `
my ($pid, $at, $length) = @ARGV;
my $handle = syscall(434, $pid + 0, 0);
die "pidfd_open: $!\\n" if $handle < 0;
while ($length > 0) {
  my $count = syscall(440, $handle, pack("QQ", $at, $length), 1, 21, 0);
  die "process_madvise: $!\\n" if $count <= 0;
  $at += $count; $length -= $count;
}`;

export class GuestMemory {
  readonly #vmmPid: number;
  readonly #address: number;
  readonly #bytes: number;

  private constructor(vmmPid: number, address: number, bytes: number) {
    this.#vmmPid = vmmPid;
    this.#address = address;
    this.#bytes = bytes;
  }

  /** @throws Error when there is not one piece of the VMM's memory that has the guest's size. */
  static async of(vmmPid: number, memoryMb: number): Promise<GuestMemory> {
    const maps = await readFile(`/proc/${vmmPid}/maps`, "utf8");
    const [address, ...others] = addressesOf(memoryMb * MB, writablePieces(maps));
    if (address === undefined || others.length > 0) throw new Error(`which is the guest's memory?\n${maps}`);
    return new GuestMemory(vmmPid, address, memoryMb * MB);
  }

  /** One checksum for each page. */
  async pageSums(): Promise<string[]> {
    const sums: string[] = [];
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of this.#perl(READ)) {
      const bytes = Buffer.concat([rest, chunk]);
      const whole = bytes.length - (bytes.length % PAGE_BYTES);
      for (let at = 0; at < whole; at += PAGE_BYTES) sums.push(hash("sha1", bytes.subarray(at, at + PAGE_BYTES)));
      rest = bytes.subarray(whole);
    }
    if (sums.length !== this.#bytes / PAGE_BYTES) throw new Error(`only ${sums.length} pages could be read`);
    return sums;
  }

  /** What can be goes to swap. @returns how many bytes of the VMM are there */
  async pageOut(): Promise<number> {
    for await (const _ of this.#perl(PAGE_OUT));
    const status = await readFile(`/proc/${this.#vmmPid}/status`, "utf8");
    return Number(/^VmSwap:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  async *#perl(script: string): AsyncGenerator<Buffer> {
    const numbers = [this.#vmmPid, this.#address, this.#bytes].map(String);
    const child = spawn("perl", ["-e", script, ...numbers], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
    yield* child.stdout;
    const code = await ended;
    if (code !== 0) throw new Error(`perl has ended with ${code}`);
  }
}

interface Piece {
  readonly start: number;
  readonly end: number;
}

function writablePieces(maps: string): Piece[] {
  const lines = maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw-p/gm);
  return Array.from(lines, ([, start = "", end = ""]) => ({
    start: Number.parseInt(start, 16),
    end: Number.parseInt(end, 16),
  }));
}

/**
 * Where so many bytes begin that are made of whole pieces: what is mapped from a layer is one, what lies between two is another. They end
 * where nothing follows, for QEMU keeps a page free behind its guest's memory; before them may be what it has for itself.
 */
function addressesOf(bytes: number, pieces: readonly Piece[]): number[] {
  const starts = new Set(pieces.map(({ start }) => start));
  const ends = pieces.filter(({ end }) => !starts.has(end)).map(({ end }) => end);
  return ends.map((end) => end - bytes).filter((start) => starts.has(start) && isWhole(pieces, start, start + bytes));
}

/** Whether there is no gap. */
function isWhole(pieces: readonly Piece[], start: number, end: number): boolean {
  const inside = pieces.filter((piece) => piece.start >= start && piece.end <= end);
  return inside.reduce((sum, piece) => sum + piece.end - piece.start, 0) === end - start;
}
