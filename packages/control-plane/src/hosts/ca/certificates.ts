/**
 * The certificates of Roost's own authority: who may serve, who may command, for how long. EC P-256 throughout.
 *
 * A host's certificate is good for serving only, never for commanding another host, and never an authority's: names and
 * purposes come from here, only the key from the host's request.
 */
import { randomBytes, webcrypto } from "node:crypto";
import { RoostError } from "@roost/protocol/errors";
import * as x509 from "./x509.ts";

export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNING_ALGORITHM = { name: "ECDSA", hash: "SHA-256" } as const;
const HOST_CURVES = ["P-256", "P-384"];

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
const AUTHORITY_LIFETIME_MS = 3650 * DAY_MS;
const HOST_LIFETIME_MS = 365 * DAY_MS;
/** The control plane makes itself a new one at every start, and at half of its life. */
export const CLIENT_LIFETIME_MS = DAY_MS;
/** Clocks differ: a certificate is valid a little before it is made. */
const CLOCK_SKEW_MS = 10 * 60_000;

/** What hosts check the control plane's certificate for, besides its authority and purpose. */
export const CONTROL_PLANE_NAME = "roost:control-plane";

/** The TLS server name of a host: what its certificate is made for, and what the control plane asks for when it dials. */
export function hostServerName(hostId: string): string {
  return `${hostId}.roost.internal`;
}

export interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly privateKey: webcrypto.CryptoKey;
}

function validity(now: Date, lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - CLOCK_SKEW_MS), notAfter: new Date(now.getTime() + lifetimeMs) };
}

/** Positive, and short enough for RFC 5280 (20 bytes). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}

export function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ["sign", "verify"]);
}

export async function createAuthority(now: Date): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: ["roost:authority"] }],
    ...validity(now, AUTHORITY_LIFETIME_MS),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, privateKey: keys.privateKey };
}

interface Leaf {
  readonly name: string;
  readonly publicKey: x509.PublicKeyType;
  readonly purpose: x509.ExtendedKeyUsageType;
  readonly lifetimeMs: number;
  readonly serverName?: string;
}

async function signLeaf(authority: Authority, leaf: Leaf, now: Date): Promise<string> {
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([leaf.purpose], true),
    await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
    await x509.SubjectKeyIdentifierExtension.create(leaf.publicKey),
  ];
  if (leaf.serverName)
    extensions.push(new x509.SubjectAlternativeNameExtension([{ type: "dns", value: leaf.serverName }]));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [leaf.name] }],
    issuer: authority.certificate.subjectName,
    ...validity(now, leaf.lifetimeMs),
    publicKey: leaf.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions,
  });
  return certificate.toString("pem");
}

/**
 * The key of a certificate request whose sender holds its private half.
 * @throws RoostError `invalid_request`.
 */
async function requestedKey(csrPem: string): Promise<x509.PublicKey> {
  try {
    const request = new x509.Pkcs10CertificateRequest(csrPem);
    const { algorithm } = request.publicKey;
    const curve = "namedCurve" in algorithm ? String(algorithm.namedCurve) : "";
    if (HOST_CURVES.includes(curve) && (await request.verify())) return request.publicKey;
  } catch (cause) {
    throw new RoostError("invalid_request", "csr must be a certificate request in PEM.", { cause });
  }
  throw new RoostError(
    "invalid_request",
    `csr must be signed by its own key, an EC key on ${HOST_CURVES.join(" or ")}.`,
  );
}

export async function signHostCertificate(
  authority: Authority,
  hostId: string,
  csrPem: string,
  now: Date,
): Promise<string> {
  const publicKey = await requestedKey(csrPem);
  const leaf = {
    name: `roost:host/${hostId}`,
    publicKey,
    purpose: x509.ExtendedKeyUsage.serverAuth,
    lifetimeMs: HOST_LIFETIME_MS,
    serverName: hostServerName(hostId),
  };
  return signLeaf(authority, leaf, now);
}

export function signClientCertificate(
  authority: Authority,
  publicKey: webcrypto.CryptoKey,
  now: Date,
): Promise<string> {
  const purpose = x509.ExtendedKeyUsage.clientAuth;
  return signLeaf(authority, { name: CONTROL_PLANE_NAME, publicKey, purpose, lifetimeMs: CLIENT_LIFETIME_MS }, now);
}
