/** QEMU's command line: that of a machine of Roost's, with what differs from machine to machine put in its place. */
import { readFile } from "node:fs/promises";

export async function commandLineOf(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").slice(0, -1);
}

/** @param layers frozen disk layers between the base and the topmost. */
export function adaptedCommandLine(words: readonly string[], layers: number, incoming: boolean): string[] {
  const pairs = pairsOf(words);
  const others = pairs.filter(([option, value]) => option !== "-blockdev" && option !== "-incoming" && !isDisk(value));
  const at = pairs.findIndex(([option]) => option === "-blockdev");
  const before = others.filter((pair) => pairs.indexOf(pair) < at);
  const after = others.slice(before.length);
  const qmp = after.findIndex(([option]) => option === "-qmp");
  const disk = diskOptions(layers + 2);
  const waiting = incoming ? [["-incoming", "defer"]] : [];
  return [...before, ...disk, ...after.slice(0, qmp), ...waiting, ...after.slice(qmp)].flat();
}

/** Options with their values, and the program. */
function pairsOf(words: readonly string[]): string[][] {
  const pairs: string[][] = [];
  for (const word of words) {
    const last = pairs.at(-1);
    if (last?.length === 1 && last[0]?.startsWith("-") && !word.startsWith("-")) last.push(word);
    else pairs.push([word]);
  }
  return pairs;
}

function isDisk(value: string | undefined): boolean {
  return value?.startsWith("virtio-blk-device,") === true;
}

function diskOptions(files: number): string[][] {
  const nodes = Array.from({ length: files }, (_, index) => {
    const readOnly = index < files - 1;
    const node = {
      "node-name": `disk${index}`,
      driver: index === 0 ? "raw" : "qcow2",
      "read-only": readOnly,
      file: { driver: "file", filename: `/vm/disk.${index}`, "read-only": readOnly },
      ...(readOnly ? {} : { discard: "unmap" }),
      ...(index > 0 ? { backing: `disk${index - 1}` } : {}),
    };
    return ["-blockdev", JSON.stringify(node)];
  });
  return [...nodes, ["-device", `virtio-blk-device,drive=disk${files - 1}`]];
}
