/** `512M`, `2G`, `512`: memory in MiB, as the server counts it. */
import { InvalidArgumentError } from "commander";

export function parseMemory(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(m|mb|mib|g|gb|gib)?$/i.exec(text.trim());
  const megabytes = Number(match?.[1]) * (match?.[2]?.toLowerCase().startsWith("g") ? 1024 : 1);
  if (!Number.isSafeInteger(megabytes) || megabytes === 0) {
    throw new InvalidArgumentError("It is an amount like 512M or 2G.");
  }
  return megabytes;
}
