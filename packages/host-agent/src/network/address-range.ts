/**
 * The IPv4 range from which slots have their addresses: each slot takes two neighbouring ones, a /31 of its own. The even one is the
 * host's end of the slot, the odd one the slot's.
 */
import { RoostError } from "@roost/protocol/errors";

export interface AddressRange {
  readonly cidr: string;
  /** First and last address, as numbers. */
  readonly first: number;
  readonly last: number;
  /** How many slots fit in. */
  readonly capacity: number;
}

/** A range that holds at least two slots, and at most as many as there are users for (one for each slot). */
const SHORTEST_PREFIX = 12;
const LONGEST_PREFIX = 30;

/** @throws RoostError `invalid_request`, naming the setting. */
export function parseAddressRange(cidr: string): AddressRange {
  const [address = "", length = "", ...rest] = cidr.split("/");
  const first = parseAddress(address);
  const prefix = /^\d{1,2}$/.test(length) ? Number(length) : Number.NaN;
  if (first === undefined || rest.length > 0 || !(prefix >= SHORTEST_PREFIX && prefix <= LONGEST_PREFIX)) {
    throw new RoostError(
      "invalid_request",
      `ROOST_SLOT_CIDR must be an IPv4 network from /${SHORTEST_PREFIX} to /${LONGEST_PREFIX}, such as 10.213.0.0/16; it is "${cidr}"`,
    );
  }
  const size = 2 ** (32 - prefix);
  if (first % size !== 0) {
    const right = `${formatAddress(first - (first % size))}/${prefix}`;
    throw new RoostError("invalid_request", `ROOST_SLOT_CIDR has host bits set: ${cidr} should be ${right}`);
  }
  return { cidr, first, last: first + size - 1, capacity: size / 2 };
}

/** The two addresses of slot `index`. */
export function slotAddresses(range: AddressRange, index: number): { readonly host: string; readonly slot: string } {
  if (!Number.isInteger(index) || index < 0 || index >= range.capacity) {
    throw new RangeError(`slot ${index} is outside of ${range.cidr}`);
  }
  const host = range.first + 2 * index;
  return { host: formatAddress(host), slot: formatAddress(host + 1) };
}

/** Whether a network in the notation of `ip route` ("10.0.0.0/8", or one address) shares an address with the range. */
export function overlaps(range: AddressRange, network: string): boolean {
  const [address = "", length = "32"] = network.split("/");
  const start = parseAddress(address);
  if (start === undefined) return false;
  const size = 2 ** (32 - Number(length));
  const first = start - (start % size);
  return first <= range.last && first + size - 1 >= range.first;
}

/** A dotted IPv4 address as a number; `undefined` for anything else. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}
