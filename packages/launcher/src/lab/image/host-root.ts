/** The root of a lab's host: a Debian in which this checkout's own installer has run, and the few files that make it a lab's. */
import { copyFile, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { debianKeyring, debianSources } from "../../install/debian-archive.ts";
import { runProgram } from "../../programs/run-program.ts";
import type { Settings } from "../../settings.ts";
import { writeCheckoutArchive } from "../checkout-archive.ts";
import { bakedAssets, CHECKOUT_INSIDE, PACKAGES, SUITE } from "./recipe.ts";

const LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*"];

/** Files of ours, by the place they have in a host. */
const FILES = {
  "etc/inittab": "inside/inittab",
  "lab/init.sh": "inside/init.sh",
  "lab/wake.sh": "inside/wake.sh",
  "lab/bring-checkout.sh": "inside/bring-checkout.sh",
  "lab/run-agent.sh": "inside/run-agent.sh",
  "lab/inside/agent.ts": "inside/agent.ts",
  "lab/channel/frames.ts": "channel/frames.ts",
} as const;

/** Makes the root in the new folder `root`. */
export async function makeHostRoot(
  settings: Settings,
  root: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  say("making a Debian root");
  await runProgram(
    [
      "mmdebstrap",
      "--mode=root",
      "--variant=minbase",
      "--format=directory",
      "--architectures=amd64",
      // The keys may lie where apt's own user cannot look.
      '--aptopt=APT::Sandbox::User "root"',
      "--dpkgopt=force-unsafe-io",
      ...LEFT_OUT.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      `--include=${PACKAGES.join(",")}`,
      SUITE,
      root,
      ...debianSources(SUITE, debianKeyring(settings, SUITE)),
    ],
    { env: { ...settings.environment, LC_ALL: "C.UTF-8" }, onLine: say, signal },
  );
  // Inside, the keys are where Debian has them.
  await writeFile(join(root, "etc/apt/sources.list"), `${debianSources(SUITE, INSIDE_KEYRING).join("\n")}\n`);
  await putCheckout(settings, root, signal);
  say("installing Roost in it");
  const script = join(import.meta.dirname, "install-inside.sh");
  // Processes of its own, too: an interrupted installation leaves none behind.
  const apart = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
  await runProgram(["unshare", ...apart, "sh", script, root, CHECKOUT_INSIDE], {
    env: environmentInside(settings),
    onLine: say,
    signal,
  });
  await forgetSources(join(root, CHECKOUT_INSIDE));
  await putFiles(root);
}

const INSIDE_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** What is slow to make comes along; the installer finds it and makes what is this distribution's own. */
async function putCheckout(settings: Settings, root: string, signal: AbortSignal): Promise<void> {
  const [checkout, archive] = [join(root, CHECKOUT_INSIDE), join(root, "checkout.tar")];
  const cache = join(checkout, ".roost", "cache");
  await mkdir(cache, { recursive: true });
  await writeCheckoutArchive(settings, archive, signal);
  await runProgram(["tar", "--extract", "--no-same-owner", `--file=${archive}`, `--directory=${checkout}`], { signal });
  await rm(archive);
  const copy = ["cp", "--archive", "--reflink=auto", "--sparse=always"] as const;
  const assets = (await bakedAssets(settings)).map((name) => join(settings.cache, name));
  await runProgram([...copy, "--target-directory", cache, ...assets], { signal });
  await runProgram([...copy, "--target-directory", checkout, join(settings.checkout, "node_modules")], { signal });
}

/** The way to registries, which the outer machine knows; no other setting of its Roost. */
function environmentInside({ environment }: Settings): Record<string, string | undefined> {
  const kept = Object.entries(environment).filter(([name]) => /^((https?|all|no)_proxy|NPM_CONFIG_.*)$/i.test(name));
  return { ...Object.fromEntries(kept), PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LC_ALL: "C.UTF-8" };
}

/** Sources come anew with every start of a host. */
async function forgetSources(checkout: string): Promise<void> {
  for (const name of await readdir(checkout)) {
    if (name !== "node_modules" && name !== ".roost") await rm(join(checkout, name), { recursive: true });
  }
}

async function putFiles(root: string): Promise<void> {
  for (const [place, source] of Object.entries(FILES)) {
    await mkdir(dirname(join(root, place)), { recursive: true });
    await copyFile(join(import.meta.dirname, "..", source), join(root, place));
  }
  await symlink("/bin/busybox", join(root, "lab/init"));
  await writeFile(join(root, "etc/resolv.conf"), "nameserver 192.168.77.254\n");
  // Types are stripped from what calls itself a module.
  await writeFile(join(root, "lab/package.json"), '{ "type": "module" }\n');
}
