/** The native programs: built from `native/`, again only when a file there has changed. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contentHash } from "../files/content-hash.ts";
import { placeFile } from "../files/durable.ts";
import { exists, readIfThere } from "../files/presence.ts";
import { PROGRAMS, programPath, type Settings } from "../settings.ts";
import { chooseToolchain } from "./choose-toolchain.ts";
import type { Step } from "./step.ts";

const BUILT = "target/x86_64-unknown-linux-gnu/release";

export function nativeProgramsStep(settings: Settings): Step {
  const stamp = join(settings.cache, "bin", "sources.sha256");
  return {
    name: "native programs",
    after: ["debian packages"],
    byHand:
      `with Rust 1.88 or newer and a C linker, run "cargo build --release --locked" in ${join(settings.checkout, "native")} ` +
      `and copy ${PROGRAMS.join(", ")} to ${join(settings.cache, "bin")}.`,
    async isDone() {
      for (const program of PROGRAMS) if (!(await exists(programPath(settings, program)))) return false;
      return (await readIfThere(stamp)) === (await sourcesHash(settings));
    },
    async run(say, signal) {
      const hash = await sourcesHash(settings);
      const toolchain = await chooseToolchain(settings, say, signal);
      say(`building with ${toolchain.name}`);
      await toolchain.cargo(["build", "--release", "--locked"], say, signal);
      await mkdir(join(settings.cache, "bin"), { recursive: true });
      for (const program of PROGRAMS)
        await placeIfChanged(join(settings.cache, BUILT, program), programPath(settings, program));
      await writeFile(stamp, hash);
    },
  };
}

function sourcesHash(settings: Settings): Promise<string> {
  return contentHash([join(settings.checkout, "native")], new Set(["target"]));
}

/** By a rename: a program that runs keeps its file, and the same bytes keep their place. */
async function placeIfChanged(built: string, place: string): Promise<void> {
  const content = await readFile(built);
  if ((await exists(place)) && content.equals(await readFile(place))) return;
  await placeFile(place, content, 0o755);
}
