/** Base images on this host: `images/<name>/{rootfs.ext4,image.json}` under the assets folder. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { RoostError } from "@roost/protocol/errors";

export interface BaseImage {
  readonly name: string;
  /** A raw ext4 file system, never written. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Changes with the content: an image that is built again is another file. */
  readonly identity: string;
}

/** Names as the REST contract has them; also what keeps a name from being a path. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** @throws RoostError `not_found`. */
export async function findImage(assets: string, name: string): Promise<BaseImage> {
  const path = join(assets, "images", name, "rootfs.ext4");
  const found = NAME.test(name) ? await stat(path).catch(() => undefined) : undefined;
  if (!found) throw new RoostError("not_found", `This host has no base image "${name}".`);
  return { name, path, sizeBytes: found.size, identity: `${found.ino}-${Math.round(found.mtimeMs)}` };
}
