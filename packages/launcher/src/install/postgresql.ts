/**
 * PostgreSQL's programs: the distribution's package, unpacked into the cache and not installed, so that no cluster is made, no
 * service started, no user added. Only the libraries it loads are installed.
 */
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { exists, readIfThere } from "../files/presence.ts";
import { runProgram } from "../programs/run-program.ts";
import { homePaths, type Settings } from "../settings.ts";
import { dependenciesOf } from "./package-fields.ts";
import { installPackages, missingPackages, updateLists } from "./packages.ts";
import type { Step } from "./step.ts";
import { downloadedPackage, unpackDownloaded } from "./unpack-package.ts";

/** The oldest that Roost's SQL is written for, here and behind DATABASE_URL. */
export const OLDEST_POSTGRESQL = 15;

export function postgresqlStep(settings: Settings): Step {
  return {
    name: "postgresql",
    after: ["debian packages"],
    byHand: `install PostgreSQL ${OLDEST_POSTGRESQL} or newer anywhere, make a database, and set DATABASE_URL=postgres://….`,
    async isDone() {
      if (settings.databaseUrl !== undefined) return true;
      return (await postgresqlPrograms(settings)) !== undefined;
    },
    async run(say, signal) {
      const apt = { environment: settings.environment, say, signal };
      const wanted = await dataMajor(settings);
      const major = await offeredMajor(wanted, signal).catch(async () => {
        await updateLists(apt);
        return offeredMajor(wanted, signal);
      });
      const folder = join(settings.cache, "postgresql");
      await mkdir(folder, { recursive: true });
      const part = await mkdtemp(join(folder, ".unpacked."));
      try {
        const download = join(part, "download");
        await mkdir(download);
        say(`downloading postgresql-${major}`);
        await downloadPackage(`postgresql-${major}`, download, apt);
        const depends = await runProgram(["dpkg-deb", "--field", await downloadedPackage(download), "Depends"], {
          signal,
        });
        await installPackages(await missingPackages(librariesAmong(dependenciesOf(depends)), signal), apt);
        await unpackDownloaded(download, join(part, "root"), signal);
        await runProgram([join(part, "root", programsOf(major), "postgres"), "--version"], { signal, onLine: say });
        await rename(join(part, "root"), join(folder, String(major))).catch(alreadyThere);
      } finally {
        await rm(part, { recursive: true, force: true });
      }
    },
  };
}

/**
 * The folder of the package's root for the data this Roost has (a PostgreSQL reads the data of its own major version only),
 * or the newest when there is no data yet; undefined when it is not in the cache.
 */
export async function postgresqlPrograms(
  settings: Settings,
): Promise<{ readonly major: number; readonly root: string; readonly programs: string } | undefined> {
  const folder = join(settings.cache, "postgresql");
  const names = (await exists(folder)) ? await readdir(folder) : [];
  const present = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const major = (await dataMajor(settings)) ?? Math.max(...present);
  return present.includes(major)
    ? { major, root: join(folder, String(major)), programs: programsOf(major) }
    : undefined;
}

/** Where the package keeps its programs, below its root. */
function programsOf(major: number): string {
  return `usr/lib/postgresql/${major}/bin`;
}

async function dataMajor(settings: Settings): Promise<number | undefined> {
  const text = await readIfThere(join(homePaths.postgres(settings), "PG_VERSION"));
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

/** The major version to fetch: that of the data, or the newest that the machine's apt knows. */
async function offeredMajor(wanted: number | undefined, signal: AbortSignal): Promise<number> {
  const offered = majorsIn(
    await runProgram(["apt-cache", "search", "--names-only", "^postgresql-[0-9]+$"], { signal }),
  );
  const major = wanted ?? Math.max(...offered);
  if (offered.includes(major) && major >= OLDEST_POSTGRESQL) return major;
  const needed = wanted === undefined ? `${OLDEST_POSTGRESQL} or newer` : `${wanted}, which the data was made with`;
  throw new LauncherFailure(`this machine's apt offers no PostgreSQL ${needed}`);
}

/** Reads what `apt-cache search` prints: `postgresql-15 - The World's Most Advanced …`. */
export function majorsIn(listing: string): number[] {
  return Array.from(listing.matchAll(/^postgresql-(\d+) /gm), ([, major]) => Number(major));
}

/**
 * Of the package's dependencies those that its programs load. Not the tools that make and start clusters, and not LLVM
 * (a hundred megabytes for a just-in-time compiler that our short queries never use: `jit` is off).
 */
export function librariesAmong(dependencies: readonly string[]): string[] {
  return dependencies.filter(
    (name) => (name.startsWith("lib") && !/^lib(llvm|json-perl)/.test(name)) || name === "tzdata",
  );
}

async function downloadPackage(
  name: string,
  folder: string,
  { environment, say, signal }: Parameters<typeof installPackages>[1],
): Promise<void> {
  // The folder may lie where apt's own user cannot look; apt checks what it fetches in any case.
  const command = ["apt-get", "--quiet", "--option=APT::Sandbox::User=root", "download", name] as const;
  const download = () => runProgram(command, { cwd: folder, env: environment, signal, onLine: say });
  await download().catch(async () => {
    await updateLists({ environment, say, signal });
    await download();
  });
}

/** Another checkout that shares the cache was faster. */
function alreadyThere(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
}
