/** How long each phase of the operations on sandboxes takes (D6), for Prometheus. */
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { OnPhase } from "../sandboxes/steps.ts";

const BUCKETS_SEC = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class PhaseMetrics {
  readonly registry = new Registry();
  readonly #histograms = new Map<string, Histogram<"phase">>();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** `roost_<operation>_phase_seconds{phase="…"}`, of `pause`, `resume`, `create` and whatever else is done in steps. */
  readonly observe: OnPhase = (operation, phase, seconds) => {
    const name = `roost_${operation.replace(/\W/g, "_")}_phase_seconds`;
    const known = this.#histograms.get(name);
    const histogram = known ?? this.#histogramOf(name, operation);
    histogram.observe({ phase }, seconds);
  };

  #histogramOf(name: string, operation: string): Histogram<"phase"> {
    const histogram = new Histogram({
      name,
      help: `Time of each phase of "${operation}".`,
      labelNames: ["phase"],
      buckets: BUCKETS_SEC,
      registers: [this.registry],
    });
    this.#histograms.set(name, histogram);
    return histogram;
  }
}
