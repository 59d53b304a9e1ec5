/** Everything that the processes of a Roost have logged, line by line, as it lies in their files. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface LogLine {
  readonly file: string;
  readonly text: string;
}

/** What moves a terminal's cursor, forges a line or turns the reading direction: all but printable characters and the blank. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u;

export async function logLines(home: string): Promise<LogLine[]> {
  const folder = join(home, "logs");
  const files = (await readdir(folder)).filter((name) => name.endsWith(".log"));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return texts.flatMap((text, index) => text.split("\n").map((line) => ({ file: files[index] ?? "", text: line })));
}
