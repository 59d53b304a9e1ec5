/** A shelf over a folder of its own, whose images, kernel, VMM and clock a test changes. What is on it only looks like generations. */
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest } from "../../generations/generations.ts";
import type { Shape } from "../../sandboxes/start-machine.ts";
import { Shelf } from "../shelf.ts";

const VMM = { name: "qemu", accelerator: "tcg", machine: "microvm-1", cpu: "max", tscKhz: 1 } as const;

export async function layShelf(...images: string[]) {
  const folder = await mkdtemp(join(tmpdir(), "roost-shelf-"));
  const [assets, root] = [join(folder, "assets"), join(folder, "warm-bases")];
  /** What a test changes. */
  const host = { boot: "a kernel", version: "7.2", cannotWake: undefined as string | undefined };
  let nowMs = Date.UTC(2026, 0, 1);
  /** A second later each time. */
  const now = (): Date => {
    nowMs += 1_000;
    return new Date(nowMs);
  };
  const vmm = {
    get fingerprint() {
      return { ...VMM, version: host.version };
    },
    bootIdentity: async () => host.boot,
    cannotWake: async () => host.cannotWake,
  };
  const shelf = new Shelf({ assets, roots: { warmBases: root }, vmm, now });
  for (const image of images) await replaceImage(image);
  const remove = () => rm(folder, { recursive: true });
  return { assets, root, host, shelf, replaceImage, put, memories, [Symbol.asyncDispose]: remove };

  /** By another file, as an installation does. */
  async function replaceImage(name: string): Promise<void> {
    const path = join(assets, "images", name);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "new"), "");
    await rename(join(path, "new"), join(path, "rootfs.ext4"));
  }

  async function put(image: string, shape: Shape): Promise<void> {
    const manifest: Manifest = {
      version: 1,
      generation: 1,
      created_at: now().toISOString(),
      image,
      vcpus: shape.vcpus,
      memory_mb: shape.memoryMb,
      kernel: "6.1",
      vmm: { ...VMM, version: host.version },
      disk: { driver: "qcow2", size_bytes: 4096, layers: 1 },
      files: [],
    };
    const fresh = join(folder, "fresh");
    await mkdir(fresh);
    await writeFile(join(fresh, "manifest.json"), JSON.stringify(manifest));
    await shelf.put(fresh, await shelf.placeOf(image, shape));
  }

  async function memories(image: string): Promise<number[]> {
    const names = await readdir(join(root, image));
    return names.map((name) => Number(/^1x(\d+)-/.exec(name)?.[1])).sort((one, other) => one - other);
  }
}
