/** The contract between host agent and guest agent (`proto/envd`, and the HTTP routes of `docs/formats/envd.md`). */
export * as filesystem from "./gen/envd/filesystem/filesystem_pb.ts";
export * as process from "./gen/envd/process/process_pb.ts";

/** The one TCP port of envd, on every address of the guest. */
export const ENVD_PORT = 49983;
