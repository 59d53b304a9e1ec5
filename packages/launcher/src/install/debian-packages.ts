/** The machine's own packages that a Roost calls upon. */
import type { Settings } from "../settings.ts";
import { installPackages, missingPackages } from "./packages.ts";
import type { Step } from "./step.ts";

export const DEBIAN_PACKAGES = [
  "qemu-system-x86", // the VMM; copied into a root of its own
  "qemu-utils", // qemu-img: disk layers
  "iproute2", // network slots
  "nftables", // walls and translation of the slots
  "conntrack", // a used slot's connections are forgotten
  "mmdebstrap", // base images
  "e2fsprogs", // base images as ext4
  "util-linux", // setpriv, flock, unshare
  "kmod", // tun, where it is a module
] as const;

/** What the tests need beyond that. */
export const TEST_PACKAGES = ["busybox-static", "cpio", "git"] as const;

export function debianPackagesStep(settings: Settings, names: readonly string[]): Step {
  return {
    name: "debian packages",
    after: [],
    byHand: `run "apt-get install --no-install-recommends ${names.join(" ")}" as root.`,
    isDone: async (signal) => (await missingPackages(names, signal)).length === 0,
    async run(say, signal) {
      const missing = await missingPackages(names, signal);
      say(`installing ${missing.join(" ")}`);
      await installPackages(missing, { environment: settings.environment, say, signal });
    },
  };
}
