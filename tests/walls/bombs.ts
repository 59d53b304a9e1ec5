/** What root in a guest can do to use up all there is, and how one sees that it has begun to. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Instance } from "@roost/launcher/instance";
import type { Sandbox } from "@roost/sdk";
import type { Cgroup } from "./cgroup.ts";

/** Where it goes off, and what shows it. */
export interface Place {
  readonly instance: Instance;
  readonly bomber: Sandbox;
  readonly group: Cgroup;
}

export interface Bomb {
  readonly name: string;
  /** For a shell; it never ends by itself. */
  readonly script: string;
  /** Whether killing its process group ends it. */
  readonly extinguishable: boolean;
  /** Looks for its effect, from now on; the function tells whether that is there. */
  watch(place: Place): Promise<() => Promise<boolean>>;
}

/** With the guest's memory more than the bomber's limit: what the host caches of its disk has to give way. */
const DISK_MB = 250;
const BURNT_MS = 3_000;
/** A guest at rest has some 50. */
const MANY_TASKS = 300;
const MIB = 1024 * 1024;

const memory: Bomb = {
  name: "memory",
  // A line without end, of which tail wants to keep the last ten.
  script: "while :; do tail /dev/zero; done",
  extinguishable: true,
  watch: guestRunsOutOfMemory,
};

const disk: Bomb = {
  name: "disk",
  script: `while :; do dd if=/dev/zero of=/bomb bs=1M count=${2 * DISK_MB} conv=fsync; done`,
  extinguishable: true,
  watch: async ({ instance, bomber }) => {
    const folder = join(instance.dataFolder, "sandboxes", bomber.id);
    const written = async (): Promise<number> => {
      const files = (await readdir(folder)).filter((name) => name.startsWith("disk"));
      const sizes = await Promise.all(files.map(async (name) => (await stat(join(folder, name))).blocks * 512));
      return Math.max(...sizes);
    };
    const before = await written();
    return async () => (await written()) > before + DISK_MB * MIB;
  },
};

const cpu: Bomb = {
  name: "CPU",
  script: "for i in 1 2 3 4 5 6 7; do (while :; do :; done) & done; while :; do :; done",
  extinguishable: true,
  watch: async ({ group }) => {
    const before = (await group.usage()).cpuMs;
    return async () => (await group.usage()).cpuMs > before + BURNT_MS;
  },
};

const fork: Bomb = {
  name: "fork",
  script: "bomb() { while :; do bomb & done; }; bomb",
  extinguishable: false,
  watch: async (place) => {
    const outOfMemory = await guestRunsOutOfMemory(place);
    const manyTasks = async (): Promise<boolean> => {
      // `0.20 0.18 0.12 running/all …`; a guest that cannot even tell that is full of them, and will run out of memory.
      const answer = await place.bomber.exec("cat", ["/proc/loadavg"], { timeoutSec: 20 }).catch(() => undefined);
      return Number(/\/(\d+) /.exec(answer?.stdout ?? "")?.[1] ?? 0) > MANY_TASKS;
    };
    return async () => (await outOfMemory()) || (await manyTasks());
  },
};

export const BOMBS: readonly Bomb[] = [cpu, disk, memory, fork];

/** The guest's kernel says on its console whom it ended for want of memory. */
async function guestRunsOutOfMemory({ bomber }: Place): Promise<() => Promise<boolean>> {
  const deaths = async (): Promise<number> => (await bomber.logs()).console.split("Out of memory: Killed").length;
  const before = await deaths();
  return async () => (await deaths()) > before;
}
