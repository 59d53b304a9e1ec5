/** Does one thing with several sandboxes, a few at a time; one with which it fails does not keep the others. */
import type { Roost, Sandbox } from "@roost/sdk";
import { messageOf } from "./failures.ts";
import { findSandbox } from "./find-sandbox.ts";

const AT_ONCE = 4;

export interface Target {
  /** As the user wrote it. */
  readonly reference: string;
  find(): Promise<Sandbox>;
}

export interface Outcome<T> {
  readonly done: T[];
  /** One sentence each. */
  readonly failures: string[];
}

export async function* everySandbox(roost: Roost, signal: AbortSignal): AsyncGenerator<Target> {
  // The list first, whole: what is destroyed on the way must not move the pages.
  const sandboxes = await Array.fromAsync(roost.sandboxes.list({ signal, pageSize: 100 }));
  for (const sandbox of sandboxes) yield { reference: sandbox.id, find: async () => sandbox };
}

export async function* namedSandboxes(
  roost: Roost,
  ids: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Target> {
  for (const reference of new Set(ids)) yield { reference, find: () => findSandbox(roost, reference, signal) };
}

/** Interrupted, it begins no more, and tells what was done. */
export async function onEach<T>(
  targets: AsyncGenerator<Target>,
  signal: AbortSignal,
  act: (sandbox: Sandbox) => Promise<T>,
): Promise<Outcome<T>> {
  const outcome: Outcome<T> = { done: [], failures: [] };
  const work = async (): Promise<void> => {
    for await (const target of targets) {
      try {
        outcome.done.push(await act(await target.find()));
      } catch (error) {
        if (signal.aborted) return;
        outcome.failures.push(`${target.reference}: ${messageOf(error)}`);
      }
    }
  };
  // One generator, several readers: each takes the next target when it is done with its last.
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcome;
}
