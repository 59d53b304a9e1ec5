/** What a keeper is told on its standard input; `docs/formats/keeper.md` explains every field. */
export interface KeeperConfig {
  readonly sandbox_id: string;
  readonly socket: string;
  readonly exit_file: string;
  readonly console_log: string;
  readonly vmm_log: string;
  readonly log_limit_bytes: number;
  readonly cgroup_procs: readonly string[];
  readonly netns: string;
  readonly tap: string | null;
  readonly tap_fd: number;
  readonly uid: number;
  readonly gid: number;
  readonly root: string;
  readonly mounts: readonly KeeperMount[];
  readonly devices: readonly KeeperDevice[];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly memory: KeeperMemory;
}

/** How the guest's memory is provided and frozen. */
export interface KeeperMemory {
  readonly size_bytes: number;
  readonly mode: "mapped" | "paged";
  readonly map: string | null;
  readonly layers: string | null;
  readonly state: string | null;
  readonly working_set: string | null;
  readonly save_folder: string;
}

/** What a keeper has written of a frozen machine, below `<save_folder>/<name>/`. */
export interface SavedMachine {
  /** Null: no page had changed. */
  readonly layerId: string | null;
  readonly files: readonly SavedFile[];
  readonly pages: { readonly scanned: number; readonly changed: number; readonly written: number };
  readonly milliseconds: {
    readonly state: number;
    readonly scan: number;
    readonly write: number;
    readonly sync: number;
  };
}

export interface SavedFile {
  /** Relative to the folder. */
  readonly name: string;
  readonly size: number;
  /** BLAKE3, hexadecimal. */
  readonly checksum: string;
}

export interface KeeperMount {
  readonly source: string;
  readonly target: string;
  readonly read_only: boolean;
}

export type KeeperDevice = "null" | "zero" | "random" | "urandom" | "kvm";

/** How a VMM ended. `killed`: by the keeper, on request. */
export interface VmmExit {
  readonly code: number | null;
  readonly signal: number | null;
  readonly killed: boolean;
  readonly at_ms: number;
}
