/** A log of lines that does not grow for ever: at its limit it becomes `<name>.1`, that `<name>.2`, and the last is dropped. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const LIMIT_BYTES = 16 * 1024 * 1024;
const KEPT = 2;

export interface LogFile extends Disposable {
  readonly path: string;
  line(text: string): void;
}

/** Lines are written at once, so that what a dying process said last is there; `limitBytes` is for tests. */
export function openLogFile(path: string, limitBytes = LIMIT_BYTES): LogFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let file = openSync(path, "a", 0o600);
  let size = fstatSync(file).size;
  const rotate = () => {
    closeSync(file);
    for (let age = KEPT; age > 1; age--) renameIfThere(`${path}.${age - 1}`, `${path}.${age}`);
    renameSync(path, `${path}.1`);
    file = openSync(path, "a", 0o600);
    size = 0;
  };
  return {
    path,
    line(text) {
      const bytes = Buffer.from(`${text}\n`);
      if (size > 0 && size + bytes.length > limitBytes) rotate();
      writeSync(file, bytes);
      size += bytes.length;
    },
    [Symbol.dispose]() {
      closeSync(file);
    },
  };
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
