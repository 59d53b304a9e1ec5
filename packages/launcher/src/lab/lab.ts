/**
 * A lab: host machines on a network of their own, on this machine. Nothing of it is seen from outside, and nothing of it is left when it
 * is closed, or when the process that opened it ends.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { LauncherFailure } from "../failure.ts";
import { TEST_PACKAGES } from "../install/debian-packages.ts";
import { install } from "../install/install.ts";
import type { StepEvent } from "../install/step.ts";
import { tryLock } from "../programs/file-lock.ts";
import type { Settings } from "../settings.ts";
import { writeCheckoutArchive } from "./checkout-archive.ts";
import type { Accelerator } from "./emulator/accelerator.ts";
import { tscRate } from "./emulator/tsc.ts";
import { overlay } from "./freezing-bench.ts";
import { imageFolder } from "./image/image.ts";
import { LabHost } from "./lab-host.ts";
import { labSteps } from "./lab-steps.ts";
import { Surroundings } from "./network/surroundings.ts";
import { readyAccelerator, readyFolder } from "./ready-state.ts";
import { roostFolder, roostStateStep } from "./roost-state.ts";

export interface LabOptions {
  readonly settings: Settings;
  readonly signal?: AbortSignal;
  /** Told of the making of image and frozen host, which takes minutes, once. */
  readonly onEvent?: (event: StepEvent) => void;
  /** A name, for a lab that others are to find; default: one of its own. */
  readonly name?: string;
}

interface LabParts {
  readonly folder: string;
  readonly accelerator: Accelerator;
  readonly surroundings: Surroundings;
  readonly stack: AsyncDisposableStack;
}

/** Hosts are numbered from 1; their hardware addresses end with the number. */
const MOST_HOSTS = 9;
/** A Unix socket's path has 107 bytes; the longest name in a host's folder is that of a line. */
const LONGEST_PATH = 107;

export class Lab implements AsyncDisposable {
  readonly surroundings: Surroundings;
  /** How its hosts run. */
  readonly accelerator: Accelerator;
  readonly #settings: Settings;
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #onEvent: (event: StepEvent) => void;
  readonly #stack: AsyncDisposableStack;
  #hosts = 0;

  private constructor(options: LabOptions & { readonly signal: AbortSignal }, parts: LabParts) {
    this.#settings = options.settings;
    this.#signal = options.signal;
    this.#onEvent = options.onEvent ?? (() => {});
    this.#folder = parts.folder;
    this.accelerator = parts.accelerator;
    this.surroundings = parts.surroundings;
    this.#stack = parts.stack;
  }

  static async open(options: LabOptions): Promise<Lab> {
    const { settings, signal = new AbortController().signal, onEvent = () => {} } = options;
    const extraPackages = TEST_PACKAGES;
    await install(settings, { onEvent, signal, extraPackages, furtherSteps: labSteps(settings) });
    await removeDeadLabs(settings);
    await using stack = new AsyncDisposableStack();
    const folder = labFolder(settings, options.name ?? randomBytes(4).toString("hex"));
    if (Buffer.byteLength(join(folder, "1", "line-0")) > LONGEST_PATH) {
      throw new LauncherFailure(`${folder} is too long for Unix sockets in it: set ROOST_CACHE to a shorter path`);
    }
    const held = await tryLock(join(folder, "lock"));
    if (held === undefined) throw new LauncherFailure(`the lab in ${folder} is open already`);
    stack.use(held);
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const surroundings = stack.use(await Surroundings.start());
    const accelerator = await readyAccelerator(settings);
    return new Lab({ ...options, signal }, { folder, accelerator, surroundings, stack: stack.move() });
  }

  /** Another host, with the checkout as it is now. */
  async host(): Promise<LabHost> {
    const host = await this.#thaw(readyFolder(this.#settings));
    await host.bringCheckout();
    return host;
  }

  /** Another host, on which a Roost of this checkout runs. The first one after a change waits until that is made, which takes minutes. */
  async hostWithRoost(): Promise<LabHost> {
    const settings = this.#settings;
    const [onEvent, signal] = [this.#onEvent, this.#signal];
    await install(settings, { onEvent, signal, furtherSteps: [...labSteps(settings), roostStateStep(settings)] });
    return await this.#thaw(roostFolder(settings));
  }

  async #thaw(frozen: string): Promise<LabHost> {
    const number = ++this.#hosts;
    if (number > MOST_HOSTS) throw new LauncherFailure(`a lab has no more than ${MOST_HOSTS} hosts`);
    const folder = join(this.#folder, String(number));
    await mkdir(folder);
    const image = imageFolder(this.#settings);
    for (const name of ["kernel", "initrd"]) await symlink(join(image, name), join(folder, name));
    for (const name of ["ram", "state"]) await symlink(join(frozen, name), join(folder, name));
    await overlay(join(frozen, "disk"), "qcow2", join(folder, "disk"), this.#signal);
    await writeCheckoutArchive(this.#settings, join(folder, "checkout"), this.#signal);
    const { accelerator, surroundings } = this;
    const tscKhz = await tscRate(this.#settings);
    const host = await LabHost.thaw({ number, folder, accelerator, tscKhz, surroundings });
    return this.#stack.use(host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Where the lab of this name has its files, while it is open. */
export function labFolder(settings: Settings, name: string): string {
  return join(labsFolder(settings), name);
}

function labsFolder(settings: Settings): string {
  return join(settings.cache, "lab", "open");
}

/** Of a process that was killed only files are left. */
async function removeDeadLabs(settings: Settings): Promise<void> {
  for (const name of await readdir(labsFolder(settings)).catch(() => [] as string[])) {
    const folder = join(labsFolder(settings), name);
    await using held = await tryLock(join(folder, "lock"));
    if (held !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
