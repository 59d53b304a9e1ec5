/**
 * A slot is a sandbox's network: a namespace with a TAP device for the VMM and a veth pair to the host. Slots are prepared
 * ahead; a used one is destroyed and never handed on. `openSlots` of network.ts makes them.
 *
 * The guest has the same address in every slot (GUEST_ADDRESS), so that a restored one needs no new configuration; the host
 * reaches it at the slot's own `address`, which the namespace translates.
 */

/** The guest's address in its own namespace, a /30; its gateway answers DNS and is the only peer that envd trusts for `/init`. */
export const GUEST_ADDRESS = "169.254.0.21";
export const GUEST_GATEWAY = "169.254.0.22";
export const GUEST_PREFIX_LENGTH = 30;
/** The same in every slot: a restored guest's neighbour entry for its gateway stays true. */
export const TAP_MAC = "02:fc:00:00:00:06";
export const GUEST_MAC = "02:fc:00:00:00:05";
export const TAP_NAME = "tap0";

export interface Slot {
  /** 0 … capacity - 1; the VMM's user is uid base + index. */
  readonly index: number;
  /** `r<mark>-<index>`: the name of the namespace and of the host's end of the veth pair. */
  readonly name: string;
  /** Path of the namespace, `/run/netns/<name>`. */
  readonly netns: string;
  /** IPv4 address at which the host reaches the guest. */
  readonly address: string;
}

export interface Slots extends AsyncDisposable {
  /** How many slots the address range holds. */
  readonly capacity: number;
  /** Indexes taken by sandboxes now. */
  readonly taken: ReadonlySet<number>;
  /** Indexes that the kernel had when the agent started and that nobody has adopted or released yet. */
  readonly found: ReadonlySet<number>;

  /**
   * A fresh slot, from the pool or made now. With `internet: false` the guest reaches nothing at all, DNS included.
   * @throws RoostError `no_capacity` when the range is used up, `internal` when the kernel refused (nothing is left then).
   */
  acquire(options: { internet: boolean }, signal?: AbortSignal): Promise<Slot>;

  /** Marks a slot that a sandbox found again at start still uses. @throws RoostError `internal` when it is not whole. */
  adopt(index: number): Promise<Slot>;

  /** Destroys a slot, taken or found. Idempotent, and right for one that is half there; any other index is left alone. */
  release(index: number): Promise<void>;

  /** The same, in the background, and until it is done: for who need not wait. */
  letGo(index: number): void;

  /** Resolves when nothing is being destroyed any more. */
  settled(): Promise<void>;
}
