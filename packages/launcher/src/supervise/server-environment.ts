/** What the servers inherit of the launcher's environment: settings of Roost and Node, proxies, language. No one's cloud keys. */
import type { Environment } from "../settings.ts";

const INHERITED = /^(ROOST_|NODE_|OTEL_|LANG$|LC_|TZ$|SSL_CERT_|(https?|no|all)_proxy$)/i;
/** The launcher's own, or secrets that only one server is given, on purpose. */
const KEPT_BACK = new Set([
  "NODE_TEST_CONTEXT",
  "ROOST_API_KEY",
  "ROOST_CACHE",
  "ROOST_HOME",
  "ROOST_HOST_TOKEN",
  "ROOST_NPM",
  "ROOST_SECRET",
]);
/** A login shell of a plain user may lack the folders of nft, ip and mke2fs. */
const PROGRAM_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

export function serverEnvironment(environment: Environment): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && INHERITED.test(entry[0]) && !KEPT_BACK.has(entry[0]),
  );
  // A server has many threads, and each would get an area of memory of its own that is never given back.
  return { ...Object.fromEntries(kept), PATH: PROGRAM_FOLDERS.join(":"), MALLOC_ARENA_MAX: "2" };
}
