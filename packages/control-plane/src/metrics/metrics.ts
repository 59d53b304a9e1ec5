/** What is measured, under the names that Prometheus sees. */
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "../db/database.ts";

const ANSWER_BUCKETS_SEC = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

export class Metrics {
  readonly registry = new Registry();
  readonly #answers: Histogram<"method" | "route" | "status">;
  readonly #calls: Histogram<"method" | "code">;

  constructor(db: Database) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#answers = new Histogram({
      name: "roost_http_request_duration_seconds",
      help: "Time from a request to the end of its answer.",
      labelNames: ["method", "route", "status"],
      buckets: ANSWER_BUCKETS_SEC,
      registers,
    });
    this.#calls = new Histogram({
      name: "roost_host_call_duration_seconds",
      help: "Time of a call to a host's agent, until its answer (of a stream: its beginning).",
      labelNames: ["method", "code"],
      buckets: ANSWER_BUCKETS_SEC,
      registers,
    });
    countRows(db, "sandboxes", "Sandboxes that are not stopped, by status.", registers);
    countRows(db, "hosts", "Hosts, by status.", registers);
  }

  observeAnswer(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#answers.observe(labels, seconds);
  }

  /** Measures every call to a host. */
  readonly hostCalls: Interceptor = (next) => async (request) => {
    const end = this.#calls.startTimer({ method: request.method.name });
    try {
      const answer = await next(request);
      end({ code: "ok" });
      return answer;
    } catch (error) {
      end({ code: Code[ConnectError.from(error).code] });
      throw error;
    }
  };
}

/** A gauge that is counted when it is asked for: the rows are the truth for all control planes together. */
function countRows(db: Database, table: "sandboxes" | "hosts", help: string, registers: Registry[]): void {
  new Gauge({
    name: `roost_${table}`,
    help,
    labelNames: ["status"],
    registers,
    async collect() {
      const rows = await db
        .selectFrom(table)
        .where("status", "!=", "stopped")
        .groupBy("status")
        .select(["status", (eb) => eb.fn.countAll<number>().as("count")])
        .execute();
      this.reset();
      for (const { status, count } of rows) this.set({ status }, count);
    },
  });
}
