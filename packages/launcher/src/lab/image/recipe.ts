/** What a lab's host is made of; when any of it changes, the image is made again. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { contentHash } from "../../files/content-hash.ts";
import { exists } from "../../files/presence.ts";
import { DEBIAN_PACKAGES, TEST_PACKAGES } from "../../install/debian-packages.ts";
import type { Settings } from "../../settings.ts";

/** Of Debian; its kernel is 6.12. */
export const SUITE = "trixie";
export const KERNEL_META_PACKAGE = "linux-image-cloud-amd64";

/** The neighbours that Roost has on real machines, and what tests look around with. */
const NEIGHBOURS = ["docker.io", "firewalld", "dbus-daemon", "ufw"];
const TOOLS = ["busybox-static", "ca-certificates", "curl", "dmsetup", "iputils-ping", "libatomic1", "procps"];

export const PACKAGES: readonly string[] = [...DEBIAN_PACKAGES, ...TEST_PACKAGES, ...NEIGHBOURS, ...TOOLS];

/** The root disk of a host: what is there at first takes under three. */
export const DISK_MB = 10 * 1024;

/** Where the checkout is in a host; only root may look into it. */
export const CHECKOUT_INSIDE = "/root/roost";

/** Folders of the cache that a host has from the start: slow to make, seldom changed, the same on any distribution. */
export async function bakedAssets({ cache }: Settings): Promise<string[]> {
  const names = await readdir(cache);
  return names.filter((name) => /^(node|npm)-|^(kernels|images|bin)$/.test(name)).sort();
}

export async function recipeHash(settings: Settings): Promise<string> {
  const own = join(import.meta.dirname, "..");
  const facts: string[] = [];
  for (const folder of ["kernels", "images"]) {
    for (const name of await readdir(join(settings.cache, folder))) {
      for (const file of ["kernel.json", "image.json"]) {
        const path = join(settings.cache, folder, name, file);
        if (await exists(path)) facts.push(path);
      }
    }
  }
  return contentHash(
    [
      join(own, "image"),
      join(own, "inside"),
      join(own, "channel", "frames.ts"),
      join(settings.checkout, "roost"),
      join(settings.checkout, "package-lock.json"),
      join(settings.checkout, "packages/launcher/src/install/debian-packages.ts"),
      ...facts,
    ],
    new Set(["boot.test.ts"]),
  );
}
