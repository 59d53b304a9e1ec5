/** Writes `~/.config/roost/config.json`: only for the user's own eyes, whole or not at all. */
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CommandFailure } from "../command-failure.ts";

export interface UserConfig {
  readonly url: string;
  readonly email: string;
  readonly token: string;
  readonly api_key?: string;
}

export async function writeUserConfig(path: string, config: UserConfig): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(part, { force: true });
    await using file = await open(part, "wx", 0o600);
    await file.writeFile(`${JSON.stringify(config, null, 2)}\n`);
    await file.sync();
    await rename(part, path);
  } catch (cause) {
    await rm(part, { force: true });
    throw new CommandFailure(`Cannot write ${path}. Make its folder writable, or set HOME.`, { cause });
  }
}
