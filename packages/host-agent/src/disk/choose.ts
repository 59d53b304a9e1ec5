/** Which driver keeps the root disks of this host (D5). */
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";
import { Qcow2Disk } from "./qcow2/qcow2.ts";
import type { RootDisk } from "./root-disk.ts";

/** ROOST_DISK */
export type DiskSetting = "auto" | "qcow2" | "device-mapper";

/** @throws RoostError `invalid_request` for a driver that this host cannot have. */
export function chooseRootDisk(setting: DiskSetting, assets: string): RootDisk {
  if (setting === "device-mapper") {
    throw new RoostError(
      "invalid_request",
      "this version of Roost has no device-mapper disks; set ROOST_DISK to auto or qcow2",
    );
  }
  return new Qcow2Disk(join(assets, "bin", "roost-disk"));
}
