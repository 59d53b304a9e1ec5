/**
 * The CPU a guest sees. It is a part of what is frozen: programs have looked at it and keep to what they found.
 *
 * Under KVM it is, unless asked otherwise, a level of the x86-64 psABI and not the host's own CPU, so that a snapshot wakes on every host
 * of one vendor that reaches the level: a fleet is rarely bought in one piece. Under TCG it depends on QEMU alone.
 */
import { RoostError } from "@roost/protocol/errors";

export const CPU_CHOICES = ["auto", "x86-64-v2", "x86-64-v3", "host"] as const;
export type CpuChoice = (typeof CPU_CHOICES)[number];

export interface CpuModel {
  /** For `-cpu`. */
  readonly argument: string;
  /** Guests of CPUs of the same name can do the same. */
  readonly name: string;
}

/** What a host tells of its CPU. */
export interface HostCpu {
  readonly vendor: string;
  readonly model: string;
  readonly flags: ReadonlySet<string>;
}

export const TCG_CPU: CpuModel = { argument: "max", name: "max" };

/**
 * By the names of /proc/cpuinfo and, where they differ, of QEMU: x86-64 psABI, "Micro-Architecture Levels"; and to each level what every
 * CPU of that level has that is in use (AES since Westmere, the rest since Ivy Bridge and Zen).
 */
const LEVELS = {
  "x86-64-v2": [
    "pni",
    "ssse3",
    "cx16",
    "sse4_1:sse4.1",
    "sse4_2:sse4.2",
    "popcnt",
    "lahf_lm:lahf-lm",
    "aes",
    "pclmulqdq",
  ],
  "x86-64-v3": [
    ...["pni", "ssse3", "cx16", "sse4_1:sse4.1", "sse4_2:sse4.2", "popcnt", "lahf_lm:lahf-lm", "aes", "pclmulqdq"],
    ...["xsave", "xsaveopt", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"],
    ...["rdrand", "fsgsbase", "smep", "erms"],
  ],
} as const satisfies Partial<Record<CpuChoice, readonly string[]>>;

/** KVM makes these itself, whatever the CPU: timers that need no exit to be set, and that go on in idle. */
const MADE_BY_KVM = ["tsc-deadline", "arat"];

/** The best level that a host reaches, or what was asked for. @throws RoostError `invalid_request` when the host does not reach it. */
export function kvmCpu(choice: CpuChoice, host: HostCpu): CpuModel {
  if (choice === "host") return wholeCpu(host);
  if (choice === "auto") {
    if (missing("x86-64-v3", host).length === 0) return level("x86-64-v3", host);
    return missing("x86-64-v2", host).length === 0 ? level("x86-64-v2", host) : wholeCpu(host);
  }
  const lacks = missing(choice, host);
  if (lacks.length === 0) return level(choice, host);
  throw new RoostError(
    "invalid_request",
    `ROOST_CPU is ${choice}, but this machine's CPU (${host.model}) lacks ${lacks.join(", ")}: set it to auto, or to a lower level.`,
  );
}

/** @param text of /proc/cpuinfo. */
export function readHostCpu(text: string): HostCpu {
  const field = (name: string): string | undefined => new RegExp(`^${name}\\s*:\\s*(.*)$`, "m").exec(text)?.[1]?.trim();
  return {
    vendor: field("vendor_id") ?? "unknown vendor",
    model: field("model name") ?? "unknown CPU",
    flags: new Set(field("flags")?.split(/\s+/) ?? []),
  };
}

/** `enforce`: QEMU would otherwise leave out silently what the host lacks, and the snapshot would promise what it does not hold. */
function level(name: keyof typeof LEVELS, { vendor }: HostCpu): CpuModel {
  const features = [...LEVELS[name].map((feature) => feature.split(":").at(-1)), ...MADE_BY_KVM];
  return {
    argument: ["qemu64", ...features.map((feature) => `+${feature}`), "enforce"].join(","),
    name: `${name} of ${vendor}`,
  };
}

function wholeCpu({ model }: HostCpu): CpuModel {
  return { argument: "host", name: `host: ${model}` };
}

function missing(name: keyof typeof LEVELS, { flags }: HostCpu): string[] {
  return LEVELS[name].map((feature) => feature.split(":")[0] ?? feature).filter((flag) => !flags.has(flag));
}
