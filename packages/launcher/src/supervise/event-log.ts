/**
 * Where the events of a Roost go: everything a server says into its own log file, every event as one readable line into launcher.log
 * and to whoever watches. Of what the servers say, only warnings and worse are such events.
 */
import { join } from "node:path";
import { homePaths, type Settings } from "../settings.ts";
import { eventText } from "./event-text.ts";
import { type LogFile, openLogFile } from "./log-file.ts";
import type { RoostEvent, ServiceName } from "./roost.ts";

export interface EventLog extends Disposable {
  event(event: RoostEvent): void;
}

/** `watch` gets each line; `now` is the time it bears. */
export function openEventLog(settings: Settings, watch: (line: string) => void, now: () => Date): EventLog {
  const logs = new Map<ServiceName | "launcher", LogFile>();
  const logOf = (name: ServiceName | "launcher"): LogFile => {
    const log = logs.get(name) ?? openLogFile(logPath(settings, name));
    logs.set(name, log);
    return log;
  };
  return {
    event(event) {
      if (event.kind === "service" && event.event.kind === "said") logOf(event.service).line(event.event.line);
      const text = eventText(event);
      if (text === undefined) return;
      const time = now();
      logOf("launcher").line(`${time.toISOString()} ${text}`);
      watch(`${time.toTimeString().slice(0, 8)} ${text}`);
    },
    [Symbol.dispose]() {
      for (const log of logs.values()) log[Symbol.dispose]();
      logs.clear();
    },
  };
}

export function logPath(settings: Settings, name: ServiceName | "launcher"): string {
  return join(homePaths.logs(settings), `${name}.log`);
}
