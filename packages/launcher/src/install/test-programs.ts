/** Native programs that only tests and benchmarks run: built when a test asks for one, again only when a file in `native/` has changed. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contentHash } from "../files/content-hash.ts";
import { placeFile } from "../files/durable.ts";
import { exists, readIfThere } from "../files/presence.ts";
import type { Settings } from "../settings.ts";
import { chooseToolchain } from "./choose-toolchain.ts";

/** Members of the cargo workspace that are none of its `default-members`. */
export type TestProgram = "roost-bench" | "roost-hostile-guest";

const BUILT = "target/x86_64-unknown-linux-gnu/release";

/** The program's path. Where it is there and up to date, no Rust is needed. */
export async function testProgram(settings: Settings, program: TestProgram, signal: AbortSignal): Promise<string> {
  const folder = join(settings.cache, "test-programs");
  const [path, stamp] = [join(folder, program), join(folder, `${program}.sources.sha256`)];
  const hash = await contentHash([join(settings.checkout, "native")], new Set(["target"]));
  if ((await exists(path)) && (await readIfThere(stamp)) === hash) return path;
  const silently = (): void => {};
  const toolchain = await chooseToolchain(settings, silently, signal);
  await toolchain.cargo(["build", "--release", "--locked", "--package", program], silently, signal);
  await mkdir(folder, { recursive: true });
  await placeFile(path, await readFile(join(settings.cache, BUILT, program)), 0o755);
  await writeFile(stamp, hash);
  return path;
}
