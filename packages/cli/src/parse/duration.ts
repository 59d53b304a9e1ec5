/** `90`, `90s`, `5m`, `2h`: a time in seconds. */
import { InvalidArgumentError } from "commander";

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

export function parseDuration(text: string): number {
  const match = /^(\d+)([smh])?$/.exec(text.trim());
  const seconds = Number(match?.[1]) * (SECONDS[match?.[2] ?? "s"] ?? 1);
  if (!Number.isSafeInteger(seconds)) throw new InvalidArgumentError("It is a time like 90, 90s, 5m or 2h.");
  return seconds;
}
