/** One line for a person about an event; undefined for what only a log file need know. */
import { readableTime } from "../progress/readable-time.ts";
import type { RoostEvent, ServiceName } from "./roost.ts";
import type { ServiceEvent } from "./service.ts";

const LONGEST_LINE = 400;
/** What PostgreSQL tells who connects while it recovers: the launcher, asking whether it is ready. */
const NOT_YET = /the database system is (starting up|not yet accepting connections|in recovery)/;
/** Pino's number for "warn"; "error" and "fatal" are above. */
const WARNING = 40;

export function eventText(event: RoostEvent): string | undefined {
  const text =
    event.kind === "note" ? `${"launcher".padEnd(14)} ${event.text}` : serviceText(event.service, event.event);
  return text === undefined ? undefined : printable(text).slice(0, LONGEST_LINE);
}

function serviceText(service: ServiceName, event: ServiceEvent): string | undefined {
  const text = event.kind === "said" ? warningIn(service, event.line) : whatHappened(event);
  return text === undefined ? undefined : `${service.padEnd(14)} ${text}`;
}

function whatHappened(event: Exclude<ServiceEvent, { kind: "said" }>): string {
  switch (event.kind) {
    case "started":
      return `started as process ${event.pid}`;
    case "ready":
      return `ready after ${readableTime(event.elapsedMs)}`;
    case "ended":
      return `${event.how}; starting again in ${readableTime(event.waitMs)}`;
    case "killed":
      return `did not stop within ${readableTime(event.patienceMs)}: killed`;
    case "stopping":
    case "stopped":
      return event.kind;
  }
}

/** The servers write JSON lines with a level (pino); what is no such line is a crash's last words. PostgreSQL names its levels. */
function warningIn(service: ServiceName, line: string): string | undefined {
  if (service === "postgres") return /\b(FATAL|PANIC):/.test(line) && !NOT_YET.test(line) ? line : undefined;
  try {
    const { level, msg, err } = JSON.parse(line) as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
    if (typeof level !== "number" || level < WARNING) return undefined;
    const cause = typeof err?.message === "string" ? ` (${err.message})` : "";
    return `${level > WARNING ? "error" : "warning"}: ${typeof msg === "string" ? msg : line}${cause}`;
  } catch {
    return line;
  }
}

/** Servers log what others sent them: no control characters reach a terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, " ");
}
