/** A line to a host of the lab that is used by hand; several programs may have one at the same time. */
import { join } from "node:path";
import { LauncherFailure } from "../../failure.ts";
import { exists } from "../../files/presence.ts";
import { tryLock } from "../../programs/file-lock.ts";
import type { Settings } from "../../settings.ts";
import { HostLine } from "../channel/host-line.ts";
import { LINES } from "../emulator/emulator.ts";
import { hostFolder } from "./control.ts";

export interface ByHandLine extends AsyncDisposable {
  readonly line: HostLine;
}

export async function openLine(settings: Settings, host: number): Promise<ByHandLine> {
  const folder = hostFolder(settings, host);
  if (!(await exists(join(folder, "line-0")))) {
    throw new LauncherFailure(`host ${host} is not there: ./roost lab up ${host} starts it`);
  }
  await using stack = new AsyncDisposableStack();
  // The first is that of the process that holds the lab.
  for (let number = 1; number < LINES; number++) {
    const held = await tryLock(join(folder, `line-${number}.lock`));
    if (held === undefined) continue;
    stack.use(held);
    const line = stack.use(await HostLine.connect(join(folder, `line-${number}`)));
    const kept = stack.move();
    return { line, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  }
  throw new LauncherFailure(`${LINES - 1} programs speak with host ${host} already`);
}
