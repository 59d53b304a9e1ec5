/**
 * The sandbox a user means: a whole id, or as much of its beginning as no other id shares, with or without its `sb-`.
 * Stopped ones are looked at only when nothing else fits.
 */
import type { Roost, Sandbox } from "@roost/sdk";
import { CommandFailure } from "./command-failure.ts";

const WHOLE_ID = /^sb-[a-z2-7]{20}$/;

export async function findSandbox(roost: Roost, reference: string, signal: AbortSignal): Promise<Sandbox> {
  if (WHOLE_ID.test(reference)) return await roost.sandboxes.get(reference, { signal });
  const prefix = reference.startsWith("sb-") ? reference : `sb-${reference}`;
  if (!/^sb-[a-z2-7]{1,20}$/.test(prefix)) {
    throw new CommandFailure(`"${reference}" is no sandbox id, nor the beginning of one. roost ls shows them.`);
  }
  const fits = async (sandboxes: AsyncIterable<Sandbox>): Promise<Sandbox[]> => {
    const all = await Array.fromAsync(sandboxes);
    return all.filter((sandbox) => sandbox.id.startsWith(prefix));
  };
  const active = await fits(roost.sandboxes.list({ signal, pageSize: 100 }));
  const found =
    active.length > 0 ? active : await fits(roost.sandboxes.list({ status: "stopped", signal, pageSize: 100 }));
  const [only, ...others] = found;
  if (only === undefined) throw new CommandFailure(`No sandbox begins with ${reference}. roost ls --all shows all.`);
  if (others.length > 0) {
    const ids = found.slice(0, 5).map((sandbox) => sandbox.id);
    throw new CommandFailure(
      `${found.length} sandboxes begin with ${reference}: ${ids.join(", ")}. Write more of the id.`,
    );
  }
  return only;
}
