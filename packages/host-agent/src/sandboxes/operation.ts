/** One operation on a sandbox: its steps, what undoes them, and what cancels it. */
import { RoostError } from "@roost/protocol/errors";
import { foldersOf, type SandboxFolders } from "./folders.ts";
import type { Parts } from "./parts.ts";
import type { Steps } from "./steps.ts";

export class Operation implements AsyncDisposable {
  readonly parts: Parts;
  readonly id: string;
  readonly folders: SandboxFolders;
  readonly signal: AbortSignal;
  readonly #steps: Steps & Disposable;
  readonly #undo = new AsyncDisposableStack();

  constructor(parts: Parts, name: string, id: string, signal: AbortSignal) {
    this.parts = parts;
    this.id = id;
    this.signal = signal;
    this.folders = foldersOf(parts.roots, id);
    this.#steps = parts.steps(name, parts.logger.child({ sandbox: id }));
  }

  /** @throws the signal's reason, before the step is begun; RoostError `disk_full` when there is no room for what it writes. */
  async step<T>(name: string, work: () => Promise<T> | T): Promise<T> {
    this.signal.throwIfAborted();
    try {
      return await this.#steps.run(name, work);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
      throw new RoostError("disk_full", "The disk of this host is full.", { cause: error });
    }
  }

  /** Runs when the operation ends before `complete`; in reverse order. */
  undo(action: () => Promise<void> | void): void {
    this.#undo.defer(action);
  }

  /** What was done stays. */
  complete(): void {
    this.#undo.move();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _ = this.#steps;
    await this.#undo.disposeAsync();
  }
}
