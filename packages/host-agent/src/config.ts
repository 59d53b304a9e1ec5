/**
 * The agent's settings: one table, read and checked once at start. Only here and in `main.ts` is there an environment to read.
 * `docs/settings-agent.md` is written from the table; a test holds the two together.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { RoostError } from "@roost/protocol/errors";
import { parseAddressRange } from "./network/address-range.ts";
import {
  choice,
  controlPlaneUrl,
  folder,
  type HostAndPort,
  hostAndPort,
  readSetting,
  type Setting,
  secret,
  wholeNumber,
} from "./settings/setting.ts";
import { CPU_CHOICES, type CpuChoice } from "./vmm/qemu/cpu-model.ts";

/** The keeper's socket, `<run>/<mark>/<id>/keeper.sock`, must stay under Linux's 108 bytes for a socket's path. */
const LONGEST_RUN_FOLDER = 60;

const SETTINGS = {
  ROOST_DATA: folder({
    description: "Where this host's identity (`host/`) and its sandboxes' disks and logs (`sandboxes/`) are kept.",
    default: "/var/lib/roost",
  }),
  ROOST_ASSETS: folder({
    description: "Where kernels, base images, programs and the VMM are found; nothing is written there.",
    default: undefined,
    fallback: "`$ROOST_DATA/assets`",
  }),
  ROOST_RUN: folder(
    { description: "For what dies with a reboot: sockets and records of running sandboxes.", default: "/run/roost" },
    LONGEST_RUN_FOLDER,
  ),
  ROOST_AGENT_LISTEN: hostAndPort({
    description: "Where the agent takes commands of the control plane, by mutual TLS only.",
    default: "127.0.0.1:4701",
  }),
  ROOST_AGENT_ADDRESS: hostAndPort({
    description: "The same place as the control plane reaches it; told to it when this host joins.",
    default: undefined,
    fallback: "`ROOST_AGENT_LISTEN`",
  }),
  ROOST_AGENT_METRICS_LISTEN: hostAndPort({
    description: "Where `/metrics` (Prometheus) of the agent listens: how long each phase of an operation takes.",
    default: "127.0.0.1:4703",
  }),
  ROOST_CONTROL_PLANE_URL: controlPlaneUrl({
    description: "The control plane this host joins and obeys.",
    default: "http://127.0.0.1:4700",
  }),
  ROOST_HOST_TOKEN: secret({
    description: "The one-time token to join with. Not looked at once this host has joined.",
    default: undefined,
    fallback: "none",
  }),
  ROOST_VMM: choice(
    { description: "Which VMM runs the sandboxes; `auto`: the first that boots a guest here.", default: "auto" },
    ["auto", "qemu"],
  ),
  ROOST_DISK: choice(
    { description: "Which driver makes the root disks; `auto`: the best that this kernel has.", default: "auto" },
    ["auto", "qcow2"],
  ),
  ROOST_CPU: choice(
    {
      description:
        "The CPU that guests see under KVM: a level of x86-64, so that snapshots wake on every host of its vendor that reaches it, or `host`, all of this machine's, for snapshots that stay here; `auto`: the highest level that this machine reaches.",
      default: "auto",
    },
    CPU_CHOICES,
  ),
  ROOST_MEMORY: choice(
    {
      description:
        "How sandboxes get the memory they were frozen with: `mapped` from its files, shared by all that only read it, or `paged`, copied in as it is touched; `auto`: mapped.",
      default: "auto",
    },
    ["auto", "mapped", "paged"],
  ),
  ROOST_WARM_BASES: choice(
    {
      description:
        "Whether base images are booted and frozen ahead, in the background, for each shape that was asked for, so that making a sandbox is waking one; `auto`: as long as nobody needs the memory. `off` removes them.",
      default: "auto",
    },
    ["auto", "off"],
  ),
  ROOST_SLOT_CIDR: {
    description: "Addresses by which this machine reaches its sandboxes, two of them for each.",
    default: "10.213.0.0/16",
    mustBe: "an IPv4 range such as 10.213.0.0/16",
    read: (text: string) => parseAddressRange(text).cidr,
  },
  ROOST_SPARE_SLOTS: wholeNumber(
    {
      description: "Network slots kept ready: as many sandboxes can be started at once without waiting for one.",
      default: "8",
    },
    1,
    256,
  ),
  ROOST_VMM_UID_BASE: wholeNumber(
    {
      description: "The VMM of slot n runs as user and group base + n. No account may have them.",
      default: "1900000000",
    },
    65_536,
    2_147_400_000,
  ),
  ROOST_HOST_RESERVE_MB: wholeNumber(
    {
      description: "Memory that sandboxes never get.",
      default: undefined,
      fallback: "the larger of 1024 and 10 % of the machine's",
      unit: "MiB",
    },
    0,
    16_777_216,
  ),
  ROOST_HEARTBEAT_SEC: wholeNumber(
    { description: "Between two heartbeats; silent for 90 s, a host counts as unreachable.", default: "30", unit: "s" },
    1,
    60,
  ),
  ROOST_LOG_LEVEL: choice({ description: "The least important messages that are logged.", default: "info" }, [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "fatal",
  ]),
} as const satisfies Record<string, Setting<unknown>>;

export interface Config {
  readonly data: string;
  readonly assets: string;
  readonly run: string;
  readonly listen: HostAndPort;
  /** As the control plane reaches this agent. */
  readonly address: HostAndPort;
  readonly metricsListen: HostAndPort;
  readonly controlPlaneUrl: URL;
  readonly hostToken: string | undefined;
  readonly vmm: "auto" | "qemu";
  readonly disk: "auto" | "qcow2";
  readonly cpu: CpuChoice;
  readonly memory: "auto" | "mapped" | "paged";
  readonly warmBases: "auto" | "off";
  readonly slotCidr: string;
  readonly spareSlots: number;
  readonly vmmUidBase: number;
  /** Undefined: the larger of 1024 and 10 % of the machine's memory. */
  readonly hostReserveMb: number | undefined;
  readonly heartbeatSec: number;
  readonly logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal";
}

/** @throws RoostError `invalid_request`, naming the variable that is not right and what it must be. */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const data = required("ROOST_DATA", env);
  const listen = required("ROOST_AGENT_LISTEN", env);
  return {
    data,
    assets: optional("ROOST_ASSETS", env) ?? join(data, "assets"),
    run: required("ROOST_RUN", env),
    listen,
    address: optional("ROOST_AGENT_ADDRESS", env) ?? listen,
    metricsListen: required("ROOST_AGENT_METRICS_LISTEN", env),
    controlPlaneUrl: required("ROOST_CONTROL_PLANE_URL", env),
    hostToken: optional("ROOST_HOST_TOKEN", env),
    vmm: required("ROOST_VMM", env),
    disk: required("ROOST_DISK", env),
    cpu: required("ROOST_CPU", env),
    memory: required("ROOST_MEMORY", env),
    warmBases: required("ROOST_WARM_BASES", env),
    slotCidr: required("ROOST_SLOT_CIDR", env),
    spareSlots: required("ROOST_SPARE_SLOTS", env),
    vmmUidBase: required("ROOST_VMM_UID_BASE", env),
    hostReserveMb: optional("ROOST_HOST_RESERVE_MB", env),
    heartbeatSec: required("ROOST_HEARTBEAT_SEC", env),
    logLevel: required("ROOST_LOG_LEVEL", env),
  };
}

/** The environment with a `.env` of this folder beneath it: what is really set wins. @throws RoostError `invalid_request` */
export function withEnvFile(env: NodeJS.ProcessEnv, workingFolder: string): NodeJS.ProcessEnv {
  const path = join(workingFolder, ".env");
  try {
    return { ...parseEnv(readFileSync(path, "utf8")), ...env };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return env;
    throw new RoostError("invalid_request", `${path} is there but cannot be read.`, { cause: error });
  }
}

export interface SettingRow {
  readonly name: string;
  /** As text; `undefined` when it has none. */
  readonly default: string | undefined;
  /** What holds when it is not set, if it has no default. */
  readonly fallback: string | undefined;
  readonly unit: string | undefined;
  readonly mustBe: string;
  readonly description: string;
}

/** The settings for people to read. */
export const settingsTable: readonly SettingRow[] = Object.entries<Setting<unknown>>(SETTINGS).map(
  ([name, { default: byDefault, fallback, unit, mustBe, description }]) => ({
    name,
    default: byDefault,
    fallback,
    unit,
    mustBe,
    description,
  }),
);

export interface SettingInForce {
  readonly name: string;
  readonly description: string;
  readonly default: string | null;
  /** As text; null when it is neither set nor has a default; "(set)" for a secret that is set. */
  readonly value: string | null;
}

/** Every setting with what holds in this environment. */
export function settingsInForce(env: NodeJS.ProcessEnv): SettingInForce[] {
  return Object.entries<Setting<unknown>>(SETTINGS).map(([name, setting]) => {
    const value = env[name] || (setting.default ?? null);
    return {
      name,
      description: setting.description,
      default: setting.default ?? null,
      value: setting.hidden === true && value !== null ? "(set)" : value,
    };
  });
}

type Name = keyof typeof SETTINGS;
type Value<N extends Name> = ReturnType<(typeof SETTINGS)[N]["read"]>;

function optional<N extends Name>(name: N, env: NodeJS.ProcessEnv): Value<N> | undefined {
  return readSetting(name, SETTINGS[name] as Setting<Value<N>>, env);
}

function required<N extends Name>(name: N, env: NodeJS.ProcessEnv): Value<N> {
  const value = optional(name, env);
  if (value === undefined) throw new TypeError(`${name} has no default`);
  return value;
}
