/** The native programs: built from `native/`, again only when a file there has changed. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { contentHash } from "../files/content-hash.ts";
import { placeFile } from "../files/durable.ts";
import { exists, readIfThere } from "../files/presence.ts";
import { PRELOAD_LIBRARY, PROGRAMS, preloadLibraryPath, programPath, type Settings } from "../settings.ts";
import { chooseToolchain } from "./choose-toolchain.ts";
import type { Step } from "./step.ts";

/**
 * The one shared library among static programs: cargo is told so from outside, since `native/.cargo/config.toml` makes all
 * static. Without start files it needs no library at all; what it calls it finds in the program that it is loaded into.
 */
const PRELOAD_BUILD =
  "rustc --release --locked --package roost-qemu-preload --features preloaded --lib --crate-type cdylib".split(" ");
const PRELOAD_FLAGS = { RUSTFLAGS: "-C target-feature=-crt-static -C link-arg=-nostartfiles" };

const BUILT = "target/x86_64-unknown-linux-gnu/release";

export function nativeProgramsStep(settings: Settings): Step {
  const stamp = join(settings.cache, "bin", "sources.sha256");
  return {
    name: "native programs",
    after: ["debian packages"],
    byHand:
      `with Rust 1.88 or newer and a C linker, in ${join(settings.checkout, "native")} run "cargo build --release --locked" ` +
      `and RUSTFLAGS="${PRELOAD_FLAGS.RUSTFLAGS}" cargo ${PRELOAD_BUILD.join(" ")}, ` +
      `and copy ${[...PROGRAMS, PRELOAD_LIBRARY].join(", ")} to ${join(settings.cache, "bin")}.`,
    async isDone() {
      const places = [...PROGRAMS.map((program) => programPath(settings, program)), preloadLibraryPath(settings)];
      for (const place of places) if (!(await exists(place))) return false;
      return (await readIfThere(stamp)) === (await sourcesHash(settings));
    },
    async run(say, signal) {
      const hash = await sourcesHash(settings);
      const toolchain = await chooseToolchain(settings, say, signal);
      say(`building with ${toolchain.name}`);
      await toolchain.cargo(["build", "--release", "--locked"], say, signal);
      await toolchain.cargo(PRELOAD_BUILD, say, signal, PRELOAD_FLAGS);
      await mkdir(join(settings.cache, "bin"), { recursive: true });
      for (const program of PROGRAMS)
        await placeIfChanged(join(settings.cache, BUILT, program), programPath(settings, program));
      await placeIfChanged(join(settings.cache, BUILT, PRELOAD_LIBRARY), preloadLibraryPath(settings));
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
