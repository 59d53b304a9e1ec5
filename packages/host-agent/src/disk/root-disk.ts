/**
 * A sandbox's root disk: a shared read-only base image, frozen layers over it, and on top one copy-on-write layer of the sandbox's
 * own, in its folder.
 *
 * Contract, held to by every driver through one shared suite (`root-disk-suite.ts`):
 * - base and frozen layers are never written, and may be shared; the topmost layer belongs to one sandbox;
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

/** What a fresh layer is put on. */
export interface DiskChain {
  /** Path of a raw ext4 image. */
  readonly base: string;
  /** Paths of frozen layers, the lowest first. */
  readonly layers: readonly string[];
}

export interface RootDisk {
  readonly name: "qcow2" | "device-mapper";

  /**
   * Makes a fresh layer over a chain, owned by `uid`, and attaches it.
   * @param folder the sandbox's own folder; the layer's file is made in it.
   * @throws RoostError `not_found` (no such base or layer), `disk_full`, `internal`.
   */
  create(chain: DiskChain, folder: string, uid: number, signal?: AbortSignal): Promise<AttachedDisk>;

  /** Attaches what `create` made and `detach` let go of, also after a reboot. */
  attach(chain: DiskChain, folder: string, uid: number, signal?: AbortSignal): Promise<AttachedDisk>;

  /**
   * Freezes the topmost layer while nobody writes to it: `to` becomes a name of its file, which belongs to root from then on, and
   * all that was written to it is flushed. Until the layer is removed it has both names; a VMM that stood still may write on as
   * long as `to` is removed again before.
   * @throws RoostError `disk_full`, `internal`; `to` does not exist then.
   */
  freeze(folder: string, to: string): Promise<void>;

  /**
   * Writes what `layers`, frozen and one over the other, the lowest first, have together into one frozen layer `to`: in their place in any
   * chain it shows the same. Durable when this resolves; in the background, and no user of the layers notices.
   * @throws RoostError `disk_full`, `internal` (what a VMM has written is not believed, and may be refused); the signal's reason.
   * `to`, which must not exist before, does not exist then either.
   */
  merge(layers: readonly string[], sizeBytes: number, to: string, signal: AbortSignal): Promise<void>;

  /** Writes what a guest over this chain sees as one image `to`, which can be a base. As `merge`. */
  flatten(chain: DiskChain, to: string, signal: AbortSignal): Promise<void>;

  /** Whether the sandbox has a layer of its own beyond those of `chain`: one that is also the chain's last is none. */
  hasLayerOver(chain: DiskChain, folder: string): Promise<boolean>;

  /** Makes room for another layer without giving up the one that is there. One at most can be aside. Idempotent. */
  setAside(folder: string): Promise<void>;

  /** Takes the layer back that was set aside, in place of the one that is there, if any; without one aside it does nothing. */
  putBack(folder: string): Promise<void>;

  /** Deletes what was set aside. */
  dropAside(folder: string): Promise<void>;

  /** Frees kernel objects; the layer's file stays. */
  detach(folder: string): Promise<void>;

  /** Detaches and deletes the layer; what was set aside stays. */
  remove(folder: string): Promise<void>;

  /** Bytes the layer really holds: allocated blocks × 512. */
  usage(folder: string): Promise<number>;
}
