/**
 * QEMU's command line for a sandbox: a `microvm` machine with virtio-mmio devices and nothing else.
 *
 * Paths are those inside the VMM's own root. They are the same for every sandbox, because a saved machine remembers them (S7).
 */
import type { AttachedDisk } from "../../disk/root-disk.ts";
import { GUEST_MAC } from "../../network/slots.ts";
import { KERNEL_IMAGE, KERNEL_INITRAMFS } from "../kernel.ts";
import { QEMU_PROGRAM } from "./installation.ts";

/** The sandbox's own folder, writable; the kernel's, read-only. */
export const VM_FOLDER = "/vm";
export const KERNEL_FOLDER = "/kernel";
export const QMP_SOCKET = `${VM_FOLDER}/qmp.sock`;
/** Names in the sandbox's folder that `docs/formats/keeper.md` prescribes. */
export const MEMORY_SENTINEL = "ram";
export const PRELOAD_LIBRARY = "preload.so";
/** Where QEMU sends its device state to, and where it takes it from; the keeper is at the other end. */
export const STATE_URI = `unix:${VM_FOLDER}/state.sock`;
export const INCOMING_URI = `unix:${VM_FOLDER}/incoming.sock`;
/** Changes with the machine type and the devices below: a device state fits no other. */
export const MACHINE_LAYOUT = "microvm-1";
/** The descriptor at which the keeper hands over the TAP device. */
export const TAP_FD = 3;

/**
 * Size of TCG's cache of translated code, in MiB. QEMU's own default (1 GiB) would count against the sandbox's memory limit;
 * Debian's boot and a Python run translate about 40 MiB.
 */
export const TCG_CACHE_MB = 128;

export interface QemuMachine {
  readonly accelerator: "kvm" | "tcg";
  /** For `-cpu`; see cpu-model.ts. */
  readonly cpu: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  /** It waits for a device state instead of booting. */
  readonly incoming: boolean;
  readonly disk: AttachedDisk;
  /** The host's TSC rate, which a guest under TCG needs to be told; `undefined` under KVM, where it asks the hypervisor. */
  readonly tscKhz: number | undefined;
}

/** Where layer `index` of a disk stands in the VMM's root. */
export function diskPath(index: number): string {
  return `${VM_FOLDER}/disk.${index}`;
}

export function commandLine(machine: QemuMachine): string[] {
  return [
    QEMU_PROGRAM,
    // Memory that the kernel merged with other guests' would tell them by its timing what it holds (KSM).
    // Without ACPI Debian's kernel finds no virtio-mmio device, and without PIT and PIC it does not come up.
    ...[
      "-M",
      "microvm,acpi=on,memory-backend=ram,mem-merge=off",
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-no-reboot",
    ],
    ...accelerator(machine),
    ...["-m", `${machine.memoryMb}M`, "-smp", String(machine.vcpus)],
    ...["-object", memoryBackend(machine.memoryMb)],
    ...["-kernel", `${KERNEL_FOLDER}/${KERNEL_IMAGE}`, "-initrd", `${KERNEL_FOLDER}/${KERNEL_INITRAMFS}`],
    ...["-append", kernelArguments(machine.tscKhz)],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...disk(machine.disk),
    ...["-netdev", `tap,id=net,fd=${TAP_FD}`, "-device", `virtio-net-device,netdev=net,mac=${GUEST_MAC}`],
    ...["-object", "rng-random,id=random,filename=/dev/urandom", "-device", "virtio-rng-device,rng=random"],
    ...(machine.incoming ? ["-incoming", "defer"] : []),
    ...["-qmp", `unix:${QMP_SOCKET},server=on,wait=off`],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
  ];
}

/** `share=on` keeps memory out of the device state. The memory is private nevertheless: the preload library sees to that. */
function memoryBackend(memoryMb: number): string {
  return `memory-backend-file,id=ram,size=${memoryMb}M,mem-path=${VM_FOLDER}/${MEMORY_SENTINEL},share=on`;
}

function accelerator({ accelerator, cpu }: QemuMachine): string[] {
  const accel = accelerator === "kvm" ? "kvm" : `tcg,thread=multi,tb-size=${TCG_CACHE_MB}`;
  return ["-accel", accel, "-cpu", cpu];
}

/**
 * `tsc_early_khz`: on a busy machine a guest under TCG fails to calibrate its clock, and hangs. Told the rate, it need not.
 * `panic=-1` with `reboot=t` and `-no-reboot`: a guest that cannot go on ends its VMM at once instead of lingering.
 */
function kernelArguments(tscKhz: number | undefined): string {
  const words = "console=ttyS0 quiet reboot=t panic=-1 random.trust_cpu=on mitigations=off i8042.noaux tsc=reliable";
  return tscKhz === undefined ? words : `${words} tsc_early_khz=${tscKhz}`;
}

/** A chain of nodes, each over the one before. Formats and backing are told here, never read from a file the guest wrote. */
function disk({ files }: AttachedDisk): string[] {
  const nodes = files.flatMap(({ format, readOnly }, index) => {
    const node = {
      "node-name": `disk${index}`,
      driver: format,
      "read-only": readOnly,
      file: { driver: "file", filename: diskPath(index), "read-only": readOnly },
      ...(readOnly ? {} : { discard: "unmap" }),
      ...(index > 0 ? { backing: `disk${index - 1}` } : {}),
    };
    return ["-blockdev", JSON.stringify(node)];
  });
  return [...nodes, "-device", `virtio-blk-device,drive=disk${files.length - 1}`];
}
