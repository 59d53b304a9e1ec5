/**
 * A private Debian in the cache that holds a Rust and a C linker. It is entered by `in-build-root.sh`: chroot in a mount
 * namespace of its own, so that its mounts end with it; the machine's certificates, name service and proxy come along.
 */
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { placeFile } from "../files/durable.ts";
import { readIfThere } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import type { Environment, Settings } from "../settings.ts";
import { debianKeyring, debianSources } from "./debian-archive.ts";
import { CARGO_ENVIRONMENT, type Toolchain } from "./toolchain.ts";

/** Rust from backports (trixie's own is too old), everything else from trixie. */
const RUST_PACKAGES = ["cargo", "rustc", "rust-clippy", "gcc", "libc6-dev"];
/** What the native programs' tests call upon. */
const TEST_PACKAGES = ["busybox-static", "iproute2"];
const PACKAGES = [...RUST_PACKAGES, ...TEST_PACKAGES];
/** What the root is, kept in it: another one is made when this changes. */
const ABOUT = `${JSON.stringify({ suite: "trixie", packages: PACKAGES })}\n`;
const PREFERENCES = `Package: cargo rustc rust-clippy libstd-rust-*
Pin: release n=trixie-backports
Pin-Priority: 700
`;

/** What a build may need to reach its registry, and nothing more of the caller's environment. */
const CARRIED = /^((https?|all|no)_proxy|CARGO_(HTTP|NET|REGISTRY|REGISTRIES|SOURCE)_.*)$/i;

/** Makes the root unless it is there; then a toolchain that works inside. */
export async function openBuildRoot(
  settings: Settings,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Toolchain> {
  const root = join(settings.cache, "build-root");
  if ((await readIfThere(join(root, "roost.json"))) !== ABOUT) await makeRoot(settings, root, say, signal);
  await mkdir(join(settings.cache, "target"), { recursive: true });
  await mkdir(join(settings.cache, "cargo-home"), { recursive: true });
  const script = join(import.meta.dirname, "in-build-root.sh");
  const certificates = settings.environment.SSL_CERT_FILE || "/etc/ssl/certs/ca-certificates.crt";
  return {
    name: "cargo of Debian trixie-backports",
    cargo: async (args, onLine, runSignal, added = {}) => {
      const enter = ["unshare", "--mount", "--propagation", "private", "sh", script] as const;
      const folders = [root, join(settings.checkout, "native"), settings.cache, certificates];
      const path = "/usr/sbin:/usr/bin:/sbin:/bin";
      const env = { ...carried(settings.environment), ...CARGO_ENVIRONMENT, ...added, PATH: path };
      await runProgram([...enter, ...folders, "cargo", ...args], { env, onLine, signal: runSignal });
    },
  };
}

function carried(environment: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => CARRIED.test(name)));
}

async function makeRoot(
  settings: Settings,
  root: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  say("making a Debian root with Rust and a C linker");
  const part = `${root}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(settings.cache, { recursive: true });
  const preferences = join(settings.cache, "build-root.pref");
  await placeFile(preferences, PREFERENCES);
  const keyring = debianKeyring(settings, "trixie");
  const backports = `deb [arch=amd64 signed-by=${keyring}] http://deb.debian.org/debian trixie-backports main`;
  await runProgram(
    [
      "mmdebstrap",
      "--mode=root",
      "--variant=minbase",
      "--format=directory",
      "--architectures=amd64",
      // The keys may lie where apt's own user cannot look.
      '--aptopt=APT::Sandbox::User "root"',
      "--dpkgopt=path-exclude=/usr/share/doc/*",
      "--dpkgopt=path-exclude=/usr/share/man/*",
      `--include=${PACKAGES.join(",")}`,
      '--setup-hook=mkdir -p "$1/etc/apt/preferences.d"',
      `--setup-hook=copy-in ${preferences} /etc/apt/preferences.d`,
      "trixie",
      part,
      ...debianSources("trixie", keyring),
      backports,
    ],
    { env: { ...settings.environment, LC_ALL: "C.UTF-8" }, onLine: say, signal },
  );
  for (const mountPoint of ["native", "target", "cargo-home"]) await mkdir(join(part, mountPoint), { recursive: true });
  await mkdir(join(part, "etc/ssl/certs"), { recursive: true });
  await writeFile(join(part, "etc/ssl/certs/ca-certificates.crt"), "");
  await chmod(part, 0o755);
  await writeFile(join(part, "roost.json"), ABOUT);
  await rm(root, { recursive: true, force: true });
  await rename(part, root);
}
