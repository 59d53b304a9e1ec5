/**
 * The agent's end of a keeper (`docs/formats/keeper.md`): starting one, finding one again, talking to it.
 *
 * A connection is held for the sandbox's whole life: its end is how the agent learns that the machine has ended.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { RoostError } from "@roost/protocol/errors";
import { JsonLines, type JsonObject, parseJsonObject } from "../json-lines/json-lines.ts";
import type { KeeperConfig, SavedFile, SavedMachine, VmmExit } from "./keeper-config.ts";

/** A keeper that does not answer within this is broken: it never waits for anything but the VMM's death. */
const ANSWER_LIMIT_MS = 30_000;
/** Moving a machine's state to or from the disk ends with the disk's patience; beyond this nothing moves any more. */
const TRANSFER_LIMIT_MS = 10 * 60_000;
/** Most that is read of what a keeper says while it starts. */
const START_OUTPUT_LIMIT = 65_536;

export interface KeeperStatus {
  readonly keeperPid: number;
  readonly vmmPid: number;
  readonly startedAt: Date;
}

/** What the VMM takes of the host, now. */
export interface KeeperStats {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly threads: number;
}

export class Keeper implements Disposable {
  /**
   * Settles when the machine has ended: how, or `undefined` when the keeper itself was killed (its VMM died with it) or this
   * connection was let go.
   */
  readonly exited: Promise<VmmExit | undefined>;
  readonly #lines: JsonLines;

  private constructor(lines: JsonLines, exited: Promise<VmmExit | undefined>) {
    this.#lines = lines;
    this.exited = exited;
  }

  /** Connects to a running keeper; `undefined` when none is there. */
  static async connect(socketPath: string): Promise<Keeper | undefined> {
    let exit: VmmExit | undefined;
    const lines = await JsonLines.connect(socketPath, {
      peer: "the keeper",
      isAnswer: (message) => message.event === undefined,
      onEvent: (event) => {
        if (event.event === "exit") exit = event.exit as VmmExit;
      },
      answerLimitMs: ANSWER_LIMIT_MS,
    });
    return (
      lines &&
      new Keeper(
        lines,
        lines.closed.then(() => exit),
      )
    );
  }

  async status(): Promise<KeeperStatus> {
    const answer = await this.#ask("status");
    return {
      keeperPid: Number(answer.keeper_pid),
      vmmPid: Number(answer.vmm_pid),
      startedAt: new Date(Number(answer.started_at_ms)),
    };
  }

  async stats(): Promise<KeeperStats> {
    const answer = await this.#ask("stats");
    return { cpuMs: Number(answer.cpu_ms), rssBytes: Number(answer.rss_bytes), threads: Number(answer.threads) };
  }

  /** Sends the device state to the VMM that waits for it at `/vm/incoming.sock`. */
  async sendState(): Promise<void> {
    await this.#ask("send_state", {}, TRANSFER_LIMIT_MS);
  }

  /**
   * With the vCPUs stopped: writes memory, and the device state that the VMM is about to send to `/vm/state.sock`, to
   * `<save_folder>/<name>/`. After an error nothing of it is left there.
   */
  async save(name: string, generation: number): Promise<SavedMachine> {
    const answer = await this.#ask("save", { name, generation }, TRANSFER_LIMIT_MS);
    return {
      layerId: answer.layer_id as string | null,
      files: answer.files as readonly SavedFile[],
      pages: {
        scanned: Number(answer.scanned_pages),
        changed: Number(answer.changed_pages),
        written: Number(answer.written_pages),
      },
      milliseconds: {
        state: Number(answer.state_ms),
        scan: Number(answer.scan_ms),
        write: Number(answer.write_ms),
        sync: Number(answer.sync_ms),
      },
    };
  }

  /** Ends a save that runs, which then fails. */
  async cancelSave(): Promise<void> {
    await this.#ask("cancel_save");
  }

  /** Writes down, as `<save_folder>/working-set`, which memory the guest has used since it was started. */
  async recordWorkingSet(): Promise<void> {
    await this.#ask("record_working_set");
  }

  /** Ends the machine, and answers when it is gone. One that is gone already is as good. */
  async kill(): Promise<void> {
    try {
      await this.#ask("kill");
    } catch (error) {
      if (this.#lines.open) throw error;
    }
    await this.exited;
  }

  /** Lets go of the connection; the keeper and its machine run on. */
  [Symbol.dispose](): void {
    this.#lines[Symbol.dispose]();
  }

  async #ask(op: string, fields: JsonObject = {}, limitMs = ANSWER_LIMIT_MS): Promise<JsonObject> {
    const answer = await this.#lines.ask({ op, ...fields }, limitMs);
    if (answer.ok !== true) throw failure(`The keeper refused "${op}": ${String(answer.error)}`);
    return answer;
  }
}

/**
 * Starts a keeper, and with it the VMM. On return the VMM's program runs.
 * @throws RoostError `internal` with the keeper's own words; nothing of it is left then.
 */
export async function startKeeper(program: string, config: KeeperConfig): Promise<Keeper> {
  // `detached` makes a session of its own: neither a terminal's Ctrl-C nor the death of the agent reaches it.
  const child = spawn(program, [], { detached: true, stdio: ["pipe", "pipe", "pipe"], env: {}, cwd: "/" });
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  const said = Promise.all([collect(child.stdout), collect(child.stderr)]);
  child.stdin.on("error", () => {}); // It ended before it read all: what it said tells why.
  child.stdin.end(JSON.stringify(config));
  const [answer, complaint] = await Promise.race([said, failed]).catch((cause: unknown) => {
    throw new RoostError("internal", `The keeper program ${program} could not be started.`, { cause });
  });
  const ready = parseJsonObject(answer);
  if (ready?.ready !== true) {
    const reason = ready?.error ?? (complaint.trim() || "it ended without a word");
    throw failure(`The machine could not be started: ${String(reason)}`);
  }
  child.unref();
  const keeper = await Keeper.connect(config.socket);
  if (!keeper) throw new RoostError("internal", await describeEarlyEnd(config));
  return keeper;
}

/** Why a machine that has just been started is not there any more. */
async function describeEarlyEnd(config: KeeperConfig): Promise<string> {
  const exit = await readExit(config.exit_file);
  return `The machine ended as soon as it was started (${describeExit(exit)}).${await lastWords(config.vmm_log)}`;
}

/** What the exit file says; `undefined` when there is none or it is not whole: the keeper was killed. */
export async function readExit(exitFile: string): Promise<VmmExit | undefined> {
  const text = await readFile(exitFile, "utf8").catch(() => "");
  return parseJsonObject(text) as VmmExit | undefined;
}

export function describeExit(exit: VmmExit | undefined): string {
  if (!exit) return "its keeper was killed";
  if (exit.signal !== null) return `killed by signal ${exit.signal}`;
  return exit.code === 0 ? "it powered itself off" : `exit status ${exit.code}`;
}

/** The last line of a VMM's log as ` QEMU said: …`, or nothing. Control characters are taken out: a guest may have a say in it. */
export async function lastWords(vmmLog: string): Promise<string> {
  const log = await readFile(vmmLog, "utf8").catch(() => "");
  const line =
    log
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/[\p{Cc}\p{Cf}]/gu, "?")
      .slice(0, 300) ?? "";
  return line === "" ? "" : ` It said: ${line}`;
}

/** ENOSPC and EDQUOT, as a keeper tells of them. */
const NO_ROOM = /\(os error (28|122)\)/;

function failure(words: string): RoostError {
  return new RoostError(NO_ROOM.test(words) ? "disk_full" : "internal", words);
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    if (text.length < START_OUTPUT_LIMIT) text += String(chunk);
  }
  return text;
}
