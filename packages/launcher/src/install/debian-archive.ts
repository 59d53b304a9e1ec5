/**
 * Debian's own archive, whatever this machine runs (Ubuntu, an older Debian): an apt with sources, keys, lists and status
 * of its own in a folder of ours, so that nothing of the machine's apt is read or changed but its proxy settings.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { runProgram } from "../programs/run-program.ts";
import type { Settings } from "../settings.ts";
import { fieldOf } from "./package-fields.ts";
import { unpackDownloaded } from "./unpack-package.ts";

export type Suite = "bookworm" | "trixie";

/** apt's one-line sources for a suite with its security updates, checked against the keys we ship. */
export function debianSources(suite: Suite, keyring: string): string[] {
  const options = `[arch=amd64 signed-by=${keyring}]`;
  return [
    `deb ${options} http://deb.debian.org/debian ${suite} main`,
    `deb ${options} http://deb.debian.org/debian ${suite}-updates main`,
    `deb ${options} http://deb.debian.org/debian-security ${suite}-security main`,
  ];
}

/** The public keys that a suite's archive is signed with, as they came with the package debian-archive-keyring. */
export function debianKeyring(settings: Settings, suite: Suite): string {
  return join(settings.checkout, "images", "keys", `debian-${suite}.asc`);
}

export interface DebianArchive {
  /** The description of the newest version of a package, as `apt-cache show` gives it. */
  describe(packageName: string): Promise<string>;
  /** Downloads a package (checked by apt) and unpacks its files below `folder`. */
  unpack(packageName: string, folder: string): Promise<void>;
}

/** Opens the archive: its lists are fetched now. */
export async function openDebianArchive(
  settings: Settings,
  suite: Suite,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<DebianArchive> {
  const folder = join(settings.cache, "apt", suite);
  await mkdir(join(folder, "lists", "partial"), { recursive: true });
  await mkdir(join(folder, "archives", "partial"), { recursive: true });
  await writeFile(join(folder, "sources.list"), `${debianSources(suite, debianKeyring(settings, suite)).join("\n")}\n`);
  await writeFile(join(folder, "status"), "");
  const options = privateApt(folder);
  const environment = { ...settings.environment, LC_ALL: "C.UTF-8" };
  const apt = (args: readonly string[], cwd = folder) =>
    runProgram(["apt-get", "--quiet", ...options, ...args], { cwd, env: environment, signal, onLine: say });
  await apt(["update"]);
  return {
    async describe(packageName) {
      const command = ["apt-cache", ...options, "show", "--no-all-versions", packageName] as const;
      const description = await runProgram(command, { env: environment, signal });
      if (fieldOf(description, "Package") === undefined) {
        throw new LauncherFailure(`Debian ${suite} has no package ${packageName}`);
      }
      return description;
    },
    async unpack(packageName, target) {
      const downloads = join(folder, "archives", packageName);
      await mkdir(downloads, { recursive: true });
      await apt(["download", packageName], downloads);
      await unpackDownloaded(downloads, target, signal);
    },
  };
}

function privateApt(folder: string): string[] {
  const values = {
    "APT::Architecture": "amd64",
    "APT::Architectures": "amd64",
    // The folder may lie where apt's own user cannot look; apt checks what it fetches in any case.
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    // Desktop metadata, where the machine's apt is set to fetch it.
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
    "Dir::State": folder,
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::status": join(folder, "status"),
    "Dir::Cache": folder,
    "Dir::Cache::archives": join(folder, "archives"),
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::Etc::trusted": "/dev/null",
    "Dir::Etc::trustedparts": "/dev/null",
  };
  return Object.entries(values).map(([name, value]) => `--option=${name}=${value}`);
}
