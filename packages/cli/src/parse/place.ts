/** The two ends of `cp`: a file here, a file in a sandbox (`ID:PATH`), or the standard streams (`-`). */
import { usageFailure } from "../command-failure.ts";

export type Place =
  | { readonly kind: "local"; readonly path: string }
  | { readonly kind: "remote"; readonly sandbox: string; readonly path: string }
  | { readonly kind: "standard" };

/** A local file whose name looks like `id:path` is written `./id:path`. */
export function parsePlace(text: string): Place {
  if (text === "-") return { kind: "standard" };
  const [, sandbox, path] = /^([a-z0-9-]+):(.*)$/s.exec(text) ?? [];
  if (sandbox === undefined || path === undefined) return { kind: "local", path: text };
  if (path === "") throw usageFailure(`"${text}" names no path in the sandbox: write ${sandbox}:/path/to/file.`);
  return { kind: "remote", sandbox, path };
}
