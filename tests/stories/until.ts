import { setTimeout } from "node:timers/promises";

const LIMIT_MS = 180_000;
const PAUSE_MS = 200;

/** Asks again and again until the answer is something. For what tells no event to a client; generous, because machines are busy. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`it did not come to pass in ${LIMIT_MS / 1000} s that ${what}`);
    await setTimeout(PAUSE_MS);
  }
}
