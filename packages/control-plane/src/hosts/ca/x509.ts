/** @peculiar/x509, which finds its own parts by the metadata that `reflect-metadata` keeps: that has to be there first. */
import "reflect-metadata";

export * from "@peculiar/x509";
