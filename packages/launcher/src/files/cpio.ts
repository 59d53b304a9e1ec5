/**
 * Writes the archive format of a Linux initramfs ("newc": Documentation/driver-api/early-userspace/buffer-format in the
 * kernel's sources). The same entries give the same bytes: no times, no owners but root, inodes counted from one.
 */

export interface CpioFolder {
  readonly kind: "folder";
  /** Relative, no leading slash; a folder stands before what it holds. */
  readonly path: string;
  readonly mode: number;
}

export interface CpioFile {
  readonly kind: "file";
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

export type CpioEntry = CpioFolder | CpioFile;

const FOLDER_TYPE = 0o040000;
const FILE_TYPE = 0o100000;
const TRAILER = "TRAILER!!!";

/** The archive of these entries, in their order. */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  entries.forEach((entry, index) => {
    if (entry.path === "" || entry.path.startsWith("/") || entry.path.includes("\0")) {
      throw new TypeError(`not a path inside an archive: ${JSON.stringify(entry.path)}`);
    }
    const isFile = entry.kind === "file";
    const content = isFile ? entry.content : new Uint8Array();
    const mode = (isFile ? FILE_TYPE : FOLDER_TYPE) | entry.mode;
    parts.push(header(entry.path, { inode: index + 1, mode, links: isFile ? 1 : 2, size: content.length }));
    parts.push(content, padding(content.length));
  });
  parts.push(header(TRAILER, { inode: 0, mode: 0, links: 1, size: 0 }));
  const archive = Buffer.concat(parts);
  // Archives end at a multiple of 512, as every cpio writes them.
  return Buffer.concat([archive, Buffer.alloc((512 - (archive.length % 512)) % 512)]);
}

interface HeaderFields {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly size: number;
}

function header(path: string, { inode, mode, links, size }: HeaderFields): Buffer {
  const name = Buffer.from(`${path}\0`, "utf8");
  const [uid, gid, time, major, minor, deviceMajor, deviceMinor, check] = [0, 0, 0, 0, 0, 0, 0, 0];
  const fields = [inode, mode, uid, gid, links, time, size, major, minor, deviceMajor, deviceMinor, name.length, check];
  const start = Buffer.from(`070701${fields.map(hex).join("")}`, "latin1");
  return Buffer.concat([start, name, padding(start.length + name.length)]);
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, "0");
}

/** Header with name, and content, each end at a multiple of four. */
function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
