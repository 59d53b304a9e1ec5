/**
 * Which layers a memory map names. Everything else about maps is the keeper's business (`native/memory-format`), which also checks
 * them before a machine gets any of it.
 */
import { readFile } from "node:fs/promises";
import { RoostError } from "@roost/protocol/errors";

const HEADER_BYTES = 64;
const ENTRY_BYTES = 40;
const TRAILER_BYTES = 40;
const LENGTH_AT = 8;
const LAYER_ID_AT = 16;
const LAYER_ID_BYTES = 16;
const ZERO_PAGES = "0".repeat(2 * LAYER_ID_BYTES);

export interface MapSummary {
  /** Ids of the layers that hold memory, in hexadecimal. */
  readonly layers: ReadonlySet<string>;
  readonly entries: number;
  /** How many there would be if all that is not zero were in one layer. */
  readonly leastEntries: number;
  /** What is not zero. */
  readonly heldBytes: number;
}

/** @throws RoostError `internal` for a file that is no map. */
export async function summarizeMap(path: string): Promise<MapSummary> {
  const map = await readFile(path);
  const body = map.length - HEADER_BYTES - TRAILER_BYTES;
  if (body < 0 || body % ENTRY_BYTES !== 0 || map.toString("latin1", 0, 8) !== "ROOSTMEM") {
    throw new RoostError("internal", `${path} is not a memory map.`);
  }
  const layers = new Set<string>();
  let [leastEntries, heldBytes, lastIsZero] = [0, 0, undefined as boolean | undefined];
  for (let at = HEADER_BYTES; at < HEADER_BYTES + body; at += ENTRY_BYTES) {
    const id = map.toString("hex", at + LAYER_ID_AT, at + LAYER_ID_AT + LAYER_ID_BYTES);
    const isZero = id === ZERO_PAGES;
    if (isZero !== lastIsZero) leastEntries++;
    lastIsZero = isZero;
    if (isZero) continue;
    layers.add(id);
    heldBytes += Number(map.readBigUInt64LE(at + LENGTH_AT));
  }
  return { layers, entries: body / ENTRY_BYTES, leastEntries, heldBytes };
}
