/** Destroys the sandboxes that the API lists for this Roost's owner, a few at a time. */
import type { Credentials } from "./credentials.ts";

const AT_ONCE = 8;
/** What does not answer in this time is left to the host agent's teardown. */
const PATIENCE_MS = 60_000;

/** How many were destroyed. */
export async function destroyListed(credentials: Credentials): Promise<number> {
  const { Roost } = await import("@roost/sdk");
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const roost = new Roost({ ...credentials, retry: { retries: 0 } });
  const sandboxes = await Array.fromAsync(roost.sandboxes.list({ signal }));
  let destroyed = 0;
  const work = async () => {
    for (let next = sandboxes.pop(); next !== undefined; next = sandboxes.pop()) {
      await next.destroy({ signal });
      destroyed++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return destroyed;
}
