/** What tests of the whole need of the launcher beside an instance: making assets other than the installed ones. */
export { writeCpio } from "./files/cpio.ts";
export { initramfsEntries } from "./install/initramfs.ts";
export { kernelFolder, kernelVersions } from "./install/kernel.ts";
export { testProgram } from "./install/test-programs.ts";
