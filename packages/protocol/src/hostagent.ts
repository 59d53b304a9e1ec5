/** The contract between control plane and host agent (`proto/hostagent/v1`). */
export * from "./gen/hostagent/v1/hostagent_pb.ts";
