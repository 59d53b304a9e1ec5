/** Names of a machine's files in its two folders (`MachineFolders`). */

/** In `run`. */
export const KEEPER_SOCKET = "keeper.sock";
export const EXIT_FILE = "exit.json";
/** In `data`. */
export const VMM_LOG = "vmm.log";
export const CONSOLE_LOG = "console.log";
