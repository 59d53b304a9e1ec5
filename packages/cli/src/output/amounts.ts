/** Sizes and spans for people. */

/** `900 B`, `12.3 MB`: powers of 1024, as `ls -h` counts. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `512 MB`, `1536 MB`, `2 GB`, of what is counted in MiB: exact, as far as people choose it, and `23.5 GB` of what machines have. */
export function formatMemory(megabytes: number): string {
  if (megabytes < 1024 || (megabytes % 1024 !== 0 && megabytes < 10 * 1024)) return `${megabytes} MB`;
  return `${Number((megabytes / 1024).toFixed(1))} GB`;
}

/** `4.2 s`, `1 min 12 s`. */
export function formatSpan(milliseconds: number): string {
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.floor((milliseconds % 60_000) / 1000)} s`;
}
