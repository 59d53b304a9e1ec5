import { Lab } from "@roost/launcher/lab";
import { readSettings } from "@roost/launcher/settings";

/** A lab of this checkout; what its hosts start from is made when it is not there yet, which takes minutes. */
export function openLab(): Promise<Lab> {
  return Lab.open({ settings: readSettings(process.env) });
}
