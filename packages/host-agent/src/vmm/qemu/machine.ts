/** A QEMU that runs under its keeper: watched, frozen, thawed, let go. */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { RoostError } from "@roost/protocol/errors";
import { describeExit, Keeper, lastWords, readExit } from "../../keeper/keeper.ts";
import type { SavedMachine, VmmExit } from "../../keeper/keeper-config.ts";
import type { Machine, MachineEnd, MachineFolders } from "../vmm.ts";
import { EXIT_FILE, KEEPER_SOCKET, VMM_LOG } from "./files.ts";
import { Migration } from "./migration.ts";
import { Qmp } from "./qmp.ts";

/** Run states (QAPI `RunState`) from which a machine does not come back by itself. */
const STUCK_STATES = new Set(["internal-error", "guest-panicked"]);
/** Of one whose disk could not be written because the host's is full. QEMU keeps the write, and tries it again when it goes on. */
const NO_ROOM = "io-error";
/** How long such a machine stands still before it is tried again. */
const ROOM_RETRY_MS = 1_000;
/** How often a QEMU that has just been started is asked for its socket, which takes it some 30 ms to open. */
const QMP_RETRY_MS = 5;

interface MachineParts {
  readonly keeper: Keeper;
  /** Undefined: the machine had ended before QEMU listened. */
  readonly qmp: Qmp | undefined;
  readonly migration: Migration | undefined;
  readonly folders: MachineFolders;
  readonly pids: Machine["pids"];
  readonly ended: Promise<MachineEnd>;
  readonly letGo: AbortController;
}

export class QemuMachine implements Machine {
  readonly #parts: MachineParts;
  /** It is to stand still, whatever else would let it go on. */
  #frozen = false;

  private constructor(parts: MachineParts) {
    this.#parts = parts;
  }

  /** Takes the keeper over; an error leaves it to the caller. */
  static async open(keeper: Keeper, folders: MachineFolders): Promise<QemuMachine> {
    const { keeperPid, vmmPid } = await keeper.status();
    let stuck: string | undefined;
    let migration: Migration | undefined;
    let machine: QemuMachine | undefined;
    const qmp = await connectQmp(join(folders.run, "vm", "qmp.sock"), keeper, (name, data) => {
      if (name === "STOP") void checkState();
      if (name === "MIGRATION") migration?.onEvent(data);
    });
    if (qmp) {
      migration = new Migration(qmp);
      void qmp.closed.then(() => migration?.lost());
    }
    /** A machine that has stopped by itself will not go on: better an error now than a sandbox that never answers. */
    const checkState = async (): Promise<void> => {
      const answer = await qmp?.execute("query-status").catch(() => undefined);
      const { status } = (answer ?? {}) as { status?: string };
      if (status === NO_ROOM) void waitForRoom();
      if (status === undefined || !STUCK_STATES.has(status)) return;
      stuck = status;
      await keeper.kill();
    };
    /** Its guest only waits: nothing of it is lost. If there is still no room, QEMU tells of it again. */
    const waitForRoom = async (): Promise<void> => {
      await setTimeout(ROOM_RETRY_MS, undefined, { ref: false });
      if (machine && !machine.#frozen) await qmp?.execute("cont").catch(() => {}); // It has ended, then.
    };
    await checkState();
    const ended = Promise.withResolvers<MachineEnd>();
    const letGo = new AbortController();
    void keeper.exited.then(async (told) => {
      if (letGo.signal.aborted) return;
      const exit = told ?? (await readExit(join(folders.run, EXIT_FILE)));
      ended.resolve(await describeEnd(folders, exit, stuck));
    });
    const pids = { keeper: keeperPid, vmm: vmmPid };
    machine = new QemuMachine({ keeper, qmp, migration, folders, pids, ended: ended.promise, letGo });
    return machine;
  }

  get ended(): Promise<MachineEnd> {
    return this.#parts.ended;
  }

  get pids(): Machine["pids"] {
    return this.#parts.pids;
  }

  /** For a QEMU that was started to wait for a device state: gives it that. It stands still until `thaw`. */
  async wake(): Promise<void> {
    const { migration, keeper } = this.#parts;
    if (!migration) throw this.#gone();
    await migration.receive(keeper);
  }

  async freeze(name: string, generation: number): Promise<SavedMachine> {
    const { migration, keeper, folders } = this.#parts;
    if (!migration) throw this.#gone();
    this.#frozen = true;
    await this.#execute("stop");
    return await migration.send(keeper, name, generation, () => cancelSave(folders));
  }

  async thaw(): Promise<void> {
    this.#frozen = false;
    await this.#execute("cont");
  }

  stats(): ReturnType<Keeper["stats"]> {
    return this.#parts.keeper.stats();
  }

  recordWorkingSet(): Promise<void> {
    return this.#parts.keeper.recordWorkingSet();
  }

  [Symbol.dispose](): void {
    this.#parts.letGo.abort();
    this.#parts.qmp?.[Symbol.dispose]();
    this.#parts.keeper[Symbol.dispose]();
  }

  async #execute(command: string): Promise<void> {
    if (!this.#parts.qmp) throw this.#gone();
    await this.#parts.qmp.execute(command);
  }

  #gone(): RoostError {
    return new RoostError("internal", "The machine has ended.");
  }
}

/** By a connection of its own: on the other one, the answer of the save is waited for. */
async function cancelSave(folders: MachineFolders): Promise<void> {
  using keeper = await Keeper.connect(join(folders.run, KEEPER_SOCKET)).catch(() => undefined);
  await keeper?.cancelSave().catch(() => {}); // It has ended, then, and the save with it.
}

/** `undefined`: the machine ended before QEMU listened. */
async function connectQmp(
  path: string,
  keeper: Keeper,
  onEvent: Parameters<typeof Qmp.connect>[1],
): Promise<Qmp | undefined> {
  let gone = false;
  void keeper.exited.then(() => {
    gone = true;
  });
  while (!gone) {
    const qmp = await Qmp.connect(path, onEvent);
    if (qmp) return qmp;
    await setTimeout(QMP_RETRY_MS);
  }
  return undefined;
}

export async function describeEnd(
  folders: MachineFolders,
  exit: VmmExit | undefined,
  stuck?: string,
): Promise<MachineEnd> {
  const how = stuck === undefined ? describeExit(exit) : `QEMU stopped it: ${stuck}`;
  return { reason: `The machine has ended: ${how}.${await lastWords(join(folders.data, VMM_LOG))}`, exit };
}
