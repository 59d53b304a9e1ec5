/** A certificate authority for tests: what the control plane's does, and what it never would. */
import "reflect-metadata";
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;

export interface CertificateWish {
  readonly name: string;
  readonly purpose: "serverAuth" | "clientAuth";
  readonly dnsName?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

export class TestAuthority {
  readonly #certificate: X509Certificate;
  readonly #signingKey: CryptoKey;
  #serial = 1;

  private constructor(certificate: X509Certificate, signingKey: CryptoKey) {
    this.#certificate = certificate;
    this.#signingKey = signingKey;
  }

  static async create(): Promise<TestAuthority> {
    const { privateKey, publicKey } = newKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: "01",
      name: "CN=roost:ca",
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 365 * DAY_MS),
      keys: { privateKey: signing(privateKey), publicKey: verifying(publicKey) },
      signingAlgorithm: ALGORITHM,
      extensions: [new BasicConstraintsExtension(true, 0, true)],
    });
    return new TestAuthority(certificate, signing(privateKey));
  }

  get pem(): string {
    return this.#certificate.toString("pem");
  }

  /** A host's certificate for the key of this request, as the control plane makes it. */
  async signHost(
    hostId: string,
    csr: string,
    dates: Pick<CertificateWish, "notBefore" | "notAfter"> = {},
  ): Promise<string> {
    const request = new Pkcs10CertificateRequest(csr);
    if (!(await request.verify())) throw new Error("the certificate request's signature does not fit its key");
    const wish: CertificateWish = {
      name: `CN=roost:host/${hostId}`,
      purpose: "serverAuth",
      dnsName: `${hostId}.roost.internal`,
      ...dates,
    };
    return await this.#sign(wish, await request.publicKey.export());
  }

  /** A certificate with a key of its own. */
  async issue(wish: CertificateWish): Promise<KeyAndCertificate> {
    const { privateKey, publicKey } = newKeys();
    const certificate = await this.#sign(wish, verifying(publicKey));
    return { key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(), certificate };
  }

  async #sign(wish: CertificateWish, publicKey: CryptoKey): Promise<string> {
    const certificate = await X509CertificateGenerator.create({
      serialNumber: (++this.#serial).toString(16).padStart(4, "0"),
      subject: wish.name,
      issuer: this.#certificate.subject,
      notBefore: wish.notBefore ?? new Date(Date.now() - DAY_MS),
      notAfter: wish.notAfter ?? new Date(Date.now() + 30 * DAY_MS),
      publicKey,
      signingKey: this.#signingKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new ExtendedKeyUsageExtension([ExtendedKeyUsage[wish.purpose]]),
        ...(wish.dnsName === undefined
          ? []
          : [new SubjectAlternativeNameExtension([{ type: "dns", value: wish.dnsName }])]),
      ],
    });
    return certificate.toString("pem");
  }
}

function newKeys(): { privateKey: KeyObject; publicKey: KeyObject } {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

function signing(key: KeyObject): CryptoKey {
  return key.toCryptoKey(ALGORITHM, false, ["sign"]);
}

function verifying(key: KeyObject): CryptoKey {
  return key.toCryptoKey(ALGORITHM, true, ["verify"]);
}
