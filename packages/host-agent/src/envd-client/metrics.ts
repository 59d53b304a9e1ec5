/** `GET /metrics`: what the guest says of its own use. A guest can say anything: show it, decide nothing by it. */
import { Type } from "typebox";
import { Value } from "typebox/value";
import type { GuestConnection } from "./guest-connection.ts";
import { malformedAnswer } from "./guest-failure.ts";
import { askSmall } from "./small-answer.ts";

const Count = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** The last second that a Date can hold. */
const LAST_SECOND = 8.64e12;
const MetricsSchema = Type.Object({
  ts: Type.Number({ minimum: 0, maximum: LAST_SECOND }),
  cpu_count: Count,
  cpu_used_pct: Count,
  mem_total: Count,
  mem_used: Count,
  mem_cache: Count,
  disk_used: Count,
  disk_total: Count,
});

/** Sizes in bytes. */
export interface GuestMetrics {
  /** When the guest measured, by its clock. */
  readonly at: Date;
  readonly cpuCount: number;
  readonly cpuUsedPercent: number;
  readonly memoryTotal: number;
  readonly memoryUsed: number;
  readonly memoryCache: number;
  readonly diskUsed: number;
  readonly diskTotal: number;
}

export async function readMetrics(connection: GuestConnection, signal: AbortSignal): Promise<GuestMetrics> {
  const answer = await askSmall(connection, { method: "GET", path: "/metrics" }, signal);
  if (answer.status !== 200) throw malformedAnswer(`status ${answer.status} to /metrics`);
  const metrics = parseJson(answer.text);
  if (!Value.Check(MetricsSchema, metrics)) throw malformedAnswer("its metrics are not the numbers they should be");
  return {
    at: new Date(metrics.ts * 1_000),
    cpuCount: metrics.cpu_count,
    cpuUsedPercent: metrics.cpu_used_pct,
    memoryTotal: metrics.mem_total,
    memoryUsed: metrics.mem_used,
    memoryCache: metrics.mem_cache,
    diskUsed: metrics.disk_used,
    diskTotal: metrics.disk_total,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformedAnswer("its metrics are not JSON");
  }
}
