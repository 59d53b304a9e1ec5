/** Tells when sources below a folder have changed, once for changes that come together (an editor's save, a checkout). */
import { watch } from "node:fs";

const TOGETHER_MS = 200;

export function watchSources(folder: string, onChange: () => void): Disposable {
  let pending: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { recursive: true }, (_event, name) => {
    if (name === null || !name.endsWith(".ts") || name.endsWith(".test.ts")) return;
    clearTimeout(pending);
    pending = setTimeout(onChange, TOGETHER_MS);
  });
  return {
    [Symbol.dispose]() {
      watcher.close();
      clearTimeout(pending);
    },
  };
}
