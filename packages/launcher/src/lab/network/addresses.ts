/** Who is where around a lab's hosts. All that is not a host is one process (surroundings.ts), which has all these addresses. */

/** The router of the hosts' LAN, which is their DNS resolver, too, as at home. */
export const ROUTER = { v4: "192.168.77.254", v6: "fd77::254" } as const;

/** Another machine in the LAN. */
export const LAN_NEIGHBOUR = { v4: "192.168.77.200", v6: "fd77::200" } as const;

/** What stands for the internet: every name leads there. */
export const INTERNET = { v4: "45.113.8.80", v6: "2600:77::80" } as const;

/** Where clouds keep their secrets. */
export const METADATA = "169.254.169.254";

/** Ports that answer at each of them: HTTP, and UDP that sends back what it gets. */
export const HTTP_PORT = 80;
export const ECHO_PORT = 7;

/** Of a lab's host, by its number. */
export function hostAddress(number: number): { readonly v4: string; readonly v6: string } {
  return { v4: `192.168.77.${number}`, v6: `fd77::${number}` };
}
