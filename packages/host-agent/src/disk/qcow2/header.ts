/**
 * The header of a qcow2 layer, written and judged by ourselves: making a layer needs no program, and what a VMM may have written is
 * not believed.
 *
 * A layer names no backing file. Which base lies below is told to the VMM on its command line, every time; a name in the header, which a
 * VMM that was broken into could write, is refused.
 */

/** QEMU's default: its cache of the tables then covers the largest disks we make. */
const CLUSTER_BITS = 16;
export const CLUSTER_BYTES = 1 << CLUSTER_BITS;
/** Entries of 8 bytes in one cluster. */
const TABLE_ENTRIES = CLUSTER_BYTES / 8;
const HEADER_LENGTH = 104;
const MAGIC = 0x514649fb;
const VERSION = 3;
/** Features that a reader must know: of them, a layer of ours may have only these (not closed properly; found corrupt). */
const KNOWN_INCOMPATIBLE_FEATURES = 0b11n;

/** One cluster each: header, refcount table, refcount block, and the top table (of 4 TiB at most). */
const REFCOUNT_TABLE = 1;
const REFCOUNT_BLOCK = 2;
const TOP_TABLE = 3;
const CLUSTERS = 4;

export const MAX_DISK_BYTES = TABLE_ENTRIES * TABLE_ENTRIES * CLUSTER_BYTES;

/** Parts of a new, empty layer; everything between them is zero. */
export function emptyLayer(sizeBytes: number): {
  readonly fileBytes: number;
  readonly parts: readonly { readonly offset: number; readonly bytes: Buffer }[];
} {
  const header = Buffer.alloc(HEADER_LENGTH);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(VERSION, 4);
  header.writeUInt32BE(CLUSTER_BITS, 20);
  header.writeBigUInt64BE(BigInt(sizeBytes), 24);
  header.writeUInt32BE(Math.ceil(sizeBytes / (CLUSTER_BYTES * TABLE_ENTRIES)), 36);
  header.writeBigUInt64BE(BigInt(TOP_TABLE * CLUSTER_BYTES), 40);
  header.writeBigUInt64BE(BigInt(REFCOUNT_TABLE * CLUSTER_BYTES), 48);
  header.writeUInt32BE(1, 56); // clusters of the refcount table
  header.writeUInt32BE(4, 96); // refcounts of 2 ** 4 bits
  header.writeUInt32BE(HEADER_LENGTH, 100);

  const refcountTable = Buffer.alloc(8);
  refcountTable.writeBigUInt64BE(BigInt(REFCOUNT_BLOCK * CLUSTER_BYTES));
  const refcounts = Buffer.alloc(2 * CLUSTERS);
  for (let cluster = 0; cluster < CLUSTERS; cluster++) refcounts.writeUInt16BE(1, 2 * cluster);

  return {
    fileBytes: CLUSTERS * CLUSTER_BYTES,
    parts: [
      { offset: 0, bytes: header },
      { offset: REFCOUNT_TABLE * CLUSTER_BYTES, bytes: refcountTable },
      { offset: REFCOUNT_BLOCK * CLUSTER_BYTES, bytes: refcounts },
    ],
  };
}

/** How much of a layer's file `judgeLayer` needs. */
export const JUDGED_BYTES = HEADER_LENGTH;

/** Why a file is not a layer over a base of this size that may be attached; `undefined` when it is. */
export function judgeLayer(header: Buffer, sizeBytes: number): string | undefined {
  if (header.length < HEADER_LENGTH || header.readUInt32BE(0) !== MAGIC) return "it is not a qcow2 file";
  if (header.readUInt32BE(4) !== VERSION) return `it has version ${header.readUInt32BE(4)} of the format`;
  if (header.readBigUInt64BE(8) !== 0n || header.readUInt32BE(16) !== 0) return "it names a backing file";
  if (header.readUInt32BE(32) !== 0) return "it is encrypted";
  if (header.readUInt32BE(60) !== 0) return "it holds internal snapshots";
  const unknown = header.readBigUInt64BE(72) & ~KNOWN_INCOMPATIBLE_FEATURES;
  if (unknown !== 0n) return `it uses features that it may not (0x${unknown.toString(16)})`;
  if (header.readBigUInt64BE(24) !== BigInt(sizeBytes)) return "its size is not that of its base";
  return undefined;
}
