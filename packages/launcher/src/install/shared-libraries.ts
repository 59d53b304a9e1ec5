/** The shared libraries that programs load, with the loader: what must be copied beside them into a root of their own. */
import { runProgram } from "../programs/run-program.ts";

/** Absolute paths, each once, as the programs ask for them. */
export async function sharedLibraries(files: readonly string[], signal: AbortSignal): Promise<string[]> {
  const found = new Set<string>();
  for (const file of files) {
    for (const path of librariesIn(await runProgram(["ldd", file], { signal }))) found.add(path);
  }
  return [...found].sort();
}

/** Reads what ldd prints: `libz.so.1 => /lib/…/libz.so.1 (0x…)`, and `/lib64/ld-linux-x86-64.so.2 (0x…)` for the loader. */
export function librariesIn(listing: string): string[] {
  const paths: string[] = [];
  for (const line of listing.split("\n")) {
    if (line.includes("not found")) throw new TypeError(`a library is missing on this machine: ${line.trim()}`);
    const path = /(?:=>\s+)?(\/\S+)\s+\(0x[0-9a-f]+\)/.exec(line)?.[1];
    if (path !== undefined) paths.push(path);
  }
  return paths;
}
