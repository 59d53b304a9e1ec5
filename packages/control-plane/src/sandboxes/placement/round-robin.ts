/** Every host in turn. Each control plane has a turn of its own: over many sandboxes they come out even all the same. */
import type { Candidate, Placement } from "./placement.ts";

export class RoundRobin implements Placement {
  readonly name = "round-robin";
  #last = "";

  order(fitting: readonly Candidate[]): readonly Candidate[] {
    const sorted = fitting.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const next = sorted.findIndex((host) => host.id > this.#last);
    const start = next === -1 ? 0 : next;
    const ordered = [...sorted.slice(start), ...sorted.slice(0, start)];
    this.#last = ordered[0]?.id ?? "";
    return ordered;
  }
}
