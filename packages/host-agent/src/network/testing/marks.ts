import { randomInt } from "node:crypto";

/** A host's mark and an address range of its own, for one test: nothing else on the machine has them, another test beside it neither. */
export function freshHost(): { readonly mark: string; readonly cidr: string } {
  const letters = "abcdefghijklmnopqrstuvwxyz234567";
  const mark = Array.from({ length: 4 }, () => letters[randomInt(32)]).join("");
  return { mark, cidr: `10.${randomInt(64, 192)}.${randomInt(256)}.${64 * randomInt(4)}/26` };
}
