import { createPrivateKey, X509Certificate } from "node:crypto";
import { promises as fs } from "node:fs";

/** The certificates of a file, described for people. */
export interface Certificates {
  /** The owners, and the ends of their validity. */
  described: string;
  /** The last day of the first; undefined for none that has one. */
  expired: boolean;
  first: X509Certificate;
  /** When the first of them ends. */
  ends: Date;
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/**
 * Reads the certificates of a PEM file, every one of them.
 *
 * @throws Error with the reason, of the file system or in our words
 */
export async function readCertificates(file: string, now: Date): Promise<Certificates> {
  const blocks = (await readText(file)).match(PEM) ?? [];
  const certificates = blocks.map((block, index) => parse(block, `certificate ${index + 1} of ${file}`));
  const [first] = certificates;
  if (first === undefined) throw new Error(`${file} holds no certificate (PEM)`);
  const until = first.validToDate.toISOString().slice(0, 10);
  const more = certificates.length > 1 ? ` and ${certificates.length - 1} more` : "";
  const subject = first.subject?.replaceAll("\n", ", ") ?? "without a name";
  const expired = certificates.every(({ validToDate }) => validToDate < now);
  const ends = new Date(Math.min(...certificates.map(({ validToDate }) => validToDate.getTime())));
  return {
    described: `${subject}${more}, ${expired ? "expired" : "valid until"} ${until}`,
    expired,
    first,
    ends,
  };
}

async function readText(file: string): Promise<string> {
  return await fs.readFile(file, "utf8").catch((cause) => {
    throw new Error(`cannot read ${file}`, { cause });
  });
}

function parse(block: string, which: string): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (error) {
    throw new Error(`${which} cannot be read`, { cause: error });
  }
}

/**
 * Checks a certificate and its key as a server would use them.
 *
 * @returns the owner, and the end of its validity
 * @throws Error with the reason: expired, not valid yet, of another key
 */
export async function readPair(cert: string, key: string, now: Date): Promise<string> {
  const { described, first } = await readCertificates(cert, now);
  const privateKey = await readKey(key);
  if (!first.checkPrivateKey(privateKey)) throw new Error(`${key} is not the key of ${cert}`);
  if (first.validToDate < now) throw new Error(`${cert} is no longer valid: ${described}`);
  const from = first.validFromDate;
  if (from > now) throw new Error(`${cert} is not valid before ${from.toISOString()}`);
  return described;
}

async function readKey(file: string) {
  const text = await readText(file);
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw new Error(
      `${file} is encrypted: a program that starts by itself has nobody to ask for the passphrase`,
    );
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new Error(`${file} holds no private key (PEM, without a passphrase)`, { cause: error });
  }
}
