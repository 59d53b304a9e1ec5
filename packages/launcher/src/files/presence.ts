/** Small questions about what is on the disk, answered without throwing for what is simply not there. */
import { readFile, stat } from "node:fs/promises";

/** Whether something is at this path. */
export async function exists(path: string): Promise<boolean> {
  return (await missingAsUndefined(stat(path))) !== undefined;
}

/** The text of a file, or undefined when there is none. */
export function readIfThere(path: string): Promise<string | undefined> {
  return missingAsUndefined(readFile(path, "utf8"));
}

/** The JSON object in a file; undefined when there is no file, or when it holds no object. */
export async function readJsonObject(path: string): Promise<Record<string, unknown> | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

async function missingAsUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ESRCH") return undefined;
    throw error;
  }
}
