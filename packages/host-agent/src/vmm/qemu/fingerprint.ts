/** Whether a device state fits this machine. */
import type { VmmFingerprint } from "../vmm.ts";

/**
 * How far two measurements of a TSC's rate may lie apart, as a share. One machine's differ by some 10⁻⁵; a guest whose clock
 * runs wrong by this much is put right by its next `/init`.
 */
const RATE_TOLERANCE = 1e-3;

/** Why what has the fingerprint `frozen` does not wake where `here` runs, the version aside; `undefined` when it does. */
export function whyNoWake(here: VmmFingerprint, frozen: VmmFingerprint): string | undefined {
  if (frozen.name !== here.name) return `it was frozen by ${frozen.name}, and this host runs ${here.name}`;
  if (frozen.accelerator !== here.accelerator) {
    return `it was frozen under ${frozen.accelerator.toUpperCase()}, and this host runs ${here.accelerator.toUpperCase()}`;
  }
  if (frozen.machine !== here.machine) return `its devices (${frozen.machine}) are not those of now (${here.machine})`;
  if (frozen.cpu !== here.cpu) return `its CPU was “${frozen.cpu}”, and this host has “${here.cpu}”`;
  if (!sameRate(frozen.tscKhz, here.tscKhz)) {
    return `its clock counts at ${frozen.tscKhz} kHz, and this host's at ${here.tscKhz} kHz`;
  }
  return undefined;
}

function sameRate(one: number | null, other: number | null): boolean {
  if (one === null || other === null) return one === other;
  return Math.abs(one - other) <= RATE_TOLERANCE * other;
}
