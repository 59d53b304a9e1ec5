/**
 * A machine by hand: the same QEMU with the same files as Roost's, started, frozen and ended by the fewest steps, as root and without
 * walls. Nothing of the agent or the keeper has a part in it; of Roost's own there is the guest's side, and the library that gives QEMU
 * private memory.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { copyFile, link, mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { adaptedCommandLine } from "./command-line.ts";
import type { FloorGround } from "./ground.ts";
import { Guest } from "./guest.ts";
import { Qmp } from "./qmp.ts";
import type { FloorSlot } from "./slots.ts";

/** What a machine is started from. */
export interface Origin {
  readonly memoryMb: number;
  /** Its folder; undefined: the machine boots. */
  readonly generation: string | undefined;
  /** Base image and frozen layers, the lowest first. */
  readonly disk: readonly string[];
}

const CAPABILITIES = ["x-ignore-shared", "events"].map((capability) => ({ capability, state: true }));

export class FloorMachine implements AsyncDisposable {
  readonly guest: Guest;
  /** How long its steps took, in milliseconds. */
  readonly phases: Record<string, number> = {};
  readonly #ground: FloorGround;
  readonly #origin: Origin;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #memory: Promise<bigint>;
  readonly #servers: readonly Server[];
  #qmp: Qmp | undefined;
  #onState: (socket: Socket) => void = (socket) => socket.destroy();

  /** Begins to run QEMU; `wake` or `boot` goes on. */
  static async start(ground: FloorGround, origin: Origin, slot: FloorSlot): Promise<FloorMachine> {
    const began = performance.now();
    const folder = ground.newFolder();
    const vm = join(folder, "vm");
    await mkdir(vm, { recursive: true });
    const [base, ...layers] = origin.disk;
    if (base === undefined) throw new TypeError("a machine without a disk");
    await Promise.all([
      makeSparse(join(vm, "ram"), origin.memoryMb),
      link(ground.preload, join(vm, "preload.so")),
      ...origin.disk.map((file, index) => link(file, join(vm, `disk.${index}`))),
      copyFile(ground.emptyLayer, join(vm, `disk.${layers.length + 1}`)),
    ]);
    const machine = new FloorMachine(ground, origin, slot, folder, layers.length);
    machine.phases.start = performance.now() - began;
    return machine;
  }

  private constructor(ground: FloorGround, origin: Origin, slot: FloorSlot, folder: string, layers: number) {
    const { generation } = origin;
    this.#ground = ground;
    this.#origin = origin;
    this.#folder = folder;
    this.guest = new Guest(slot.address);
    const told = Promise.withResolvers<bigint>();
    this.#memory = told.promise;
    this.#servers = [
      listen(join(folder, "vm", "memory.sock"), (socket) => {
        socket.once("data", (text) => told.resolve(BigInt(/\d+/.exec(String(text))?.[0] ?? 0)));
      }),
      listen(join(folder, "vm", "state.sock"), (socket) => this.#onState(socket)),
    ];
    const words = [
      ...["machine", "--root", ground.root, "--vm", join(folder, "vm"), "--kernel", ground.kernel],
      ...["--netns", slot.netns, "--memory", "mapped"],
      ...(generation === undefined ? [] : ["--generation", generation]),
      ...["--", ...adaptedCommandLine(ground.commandLine, layers, generation !== undefined)],
    ];
    this.#child = spawn(ground.program, words, { stdio: ["ignore", "ignore", "inherit"] });
    this.#exited = once(this.#child, "exit");
  }

  /** Until the guest has been told who it is. */
  async boot(): Promise<void> {
    this.#qmp = await this.#step("qemu", () => this.#connectQmp());
    await this.#step("boot and init", () => this.guest.init("by-hand"));
  }

  /** @param hostname of a clone; what goes on where it was has one. */
  async wake(hostname?: string): Promise<void> {
    const { generation } = this.#origin;
    if (generation === undefined) throw new TypeError("it was never frozen");
    const qmp = await this.#step("qemu", () => this.#connectQmp());
    this.#qmp = qmp;
    await this.#step("state", () => this.#receiveState(qmp, join(generation, "vmstate")));
    await qmp.execute("cont");
    await this.#step("init", () => this.guest.init(hostname));
  }

  /** Everything that changed is on the disk, and the machine gone. */
  async freeze(): Promise<void> {
    const qmp = this.#qmp;
    if (!qmp) throw new TypeError("it does not run");
    await this.#step("prepare", () => this.guest.prepareSnapshot());
    await qmp.execute("stop");
    const fresh = join(this.#folder, "generation.new");
    await mkdir(fresh);
    await this.#step("state", () => this.#saveState(qmp, join(fresh, "vmstate")));
    await this.#step("pages", () => this.#savePages(fresh));
    await this.#step("sync", () => this.#seal(fresh));
    await this.#step("end", () => this.#end());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ground.onPhases(this.phases);
    await this.#end();
    this.guest[Symbol.dispose]();
    for (const server of this.#servers) server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const done = await work();
    this.phases[name] = performance.now() - began;
    return done;
  }

  async #connectQmp(): Promise<Qmp> {
    const gone = new AbortController();
    void this.#exited.then(() => gone.abort(new Error("QEMU has ended before it listened")));
    return await Qmp.connect(join(this.#folder, "vm", "qmp.sock"), gone.signal);
  }

  async #receiveState(qmp: Qmp, from: string): Promise<void> {
    await qmp.execute("migrate-set-capabilities", { capabilities: CAPABILITIES });
    const migrated = qmp.migrated();
    await qmp.execute("migrate-incoming", { uri: "unix:/vm/incoming.sock" });
    const socket = connect(join(this.#folder, "vm", "incoming.sock"));
    socket.on("error", () => {}); // QEMU ends the connection when it has read enough, and says what it thinks of it.
    socket.end(await readFile(from));
    await migrated;
  }

  async #saveState(qmp: Qmp, to: string): Promise<void> {
    const written = Promise.withResolvers<void>();
    this.#onState = (socket) => pipeline(socket, createWriteStream(to)).then(written.resolve, written.reject);
    const migrated = qmp.migrated();
    await qmp.execute("migrate", { uri: "unix:/vm/state.sock" });
    await Promise.all([migrated, written.promise]);
  }

  async #savePages(folder: string): Promise<void> {
    const words = ["save", "--pid", String(this.#child.pid), "--address", String(await this.#memory)];
    words.push("--size", String(this.#origin.memoryMb * 1024 * 1024), "--folder", folder);
    const saving = spawn(this.#ground.program, words, { stdio: ["ignore", "ignore", "inherit"] });
    const [code] = (await once(saving, "exit")) as [number | null];
    if (code !== 0) throw new Error("the pages could not be saved");
  }

  async #seal(fresh: string): Promise<void> {
    await link(join(this.#folder, "vm", `disk.${this.#origin.disk.length}`), join(fresh, "disk"));
    await writeFile(join(fresh, "manifest"), await this.#manifest());
    await Promise.all(["vmstate", "layer", "map", "disk", "manifest", ""].map((name) => sync(join(fresh, name))));
    await rename(fresh, join(this.#folder, "generation"));
    await sync(this.#folder);
  }

  /** As large as Roost's. */
  async #manifest(): Promise<string | Buffer> {
    const { generation } = this.#origin;
    return generation === undefined ? "{}" : await readFile(join(generation, "manifest.json"));
  }

  async #end(): Promise<void> {
    this.#qmp?.[Symbol.dispose]();
    this.#child.kill("SIGKILL");
    await this.#exited;
  }
}

function listen(path: string, onConnection: (socket: Socket) => void): Server {
  return createServer((socket) => {
    socket.on("error", () => {}); // The machine has ended.
    onConnection(socket);
  }).listen(path);
}

async function makeSparse(path: string, megabytes: number): Promise<void> {
  await using file = await open(path, "wx");
  await file.truncate(megabytes * 1024 * 1024);
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}
