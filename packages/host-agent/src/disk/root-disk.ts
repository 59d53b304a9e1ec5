/**
 * A sandbox's root disk: a shared read-only base image and one copy-on-write layer of the sandbox's own, in its folder.
 *
 * Contract, held to by every driver through one shared suite (`root-disk-suite.ts`):
 * - the base is never written; a layer belongs to one sandbox;
 * - each call is all or nothing: after an error nothing of it remains; `remove` is idempotent;
 * - the VM is gone before `detach` or `remove` is called; a device still busy is waited for, never forced.
 */

/** A disk as the VMM is to see it. */
export interface AttachedDisk {
  /**
   * Files to bind into the VMM's root, from the lowest to the topmost; only the last is written. For device-mapper: one device.
   */
  readonly files: readonly { readonly source: string; readonly format: "raw" | "qcow2"; readonly readOnly: boolean }[];
  /** What the guest sees. */
  readonly sizeBytes: number;
}

export interface RootDisk {
  readonly name: "qcow2" | "device-mapper";

  /**
   * Makes a fresh layer over a base image, owned by `uid`, and attaches it.
   * @param base path of a raw ext4 image.
   * @param folder the sandbox's own folder; the layer's file is made in it.
   * @throws RoostError `not_found` (no such base), `disk_full`, `internal`.
   */
  create(base: string, folder: string, uid: number, signal?: AbortSignal): Promise<AttachedDisk>;

  /** Attaches what `create` made and `detach` let go of, also after a reboot. */
  attach(base: string, folder: string, uid: number, signal?: AbortSignal): Promise<AttachedDisk>;

  /** Frees kernel objects; the layer's file stays. */
  detach(folder: string): Promise<void>;

  /** Detaches and deletes the layer. */
  remove(folder: string): Promise<void>;

  /** Bytes the layer really holds: allocated blocks × 512. */
  usage(folder: string): Promise<number>;
}
