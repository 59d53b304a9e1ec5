/** PKCS #10 certificate requests. */
import "reflect-metadata";
import type { KeyObject } from "node:crypto";
import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A request signed by an EC P-256 key, as PEM. The name in it is a placeholder: the control plane gives the real one. */
export async function makeRequest(privateKey: KeyObject, publicKey: KeyObject): Promise<string> {
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: "CN=roost:host",
    keys: {
      privateKey: privateKey.toCryptoKey(ALGORITHM, false, ["sign"]),
      publicKey: publicKey.toCryptoKey(ALGORITHM, true, ["verify"]),
    },
    signingAlgorithm: ALGORITHM,
  });
  return request.toString("pem");
}
