import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

/** A certificate with its key and what stands between it and its root, as PEM texts. */
export interface Certificate {
  cert: string;
  key: string;
}

export interface CertificateOptions {
  /** As in subjectAltName; `IP:127.0.0.1` by default. */
  names?: string;
  /** Days from now. */
  from?: number;
  until?: number;
}

/** An authority that signs whatever it is asked to. */
export interface Authority {
  /** Its own certificate, PEM. */
  cert: string;
  /** A file with it. */
  file: string;
  issue: (options?: CertificateOptions) => Promise<Certificate>;
}

/** Writes a certificate and its key into a folder of their own below `folder`, for a server to read. */
export async function writeCertificate(
  folder: string,
  { cert, key }: Certificate,
): Promise<{ cert: string; key: string }> {
  const own = await fs.mkdtemp(path.join(folder, "tls-"));
  const files = { cert: path.join(own, "cert.pem"), key: path.join(own, "key.pem") };
  await fs.writeFile(files.cert, cert);
  await fs.writeFile(files.key, key, { mode: 0o600 });
  return files;
}

const run = promisify(execFile);

const CONFIG = `
[ca]
default_ca = own
[own]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = none
[none]
`;

/** Makes a certificate authority in a new folder below `parent`. Needs the \`openssl\` command. */
export async function makeAuthority(parent: string, name: string): Promise<Authority> {
  const cwd = await fs.mkdtemp(path.join(parent, "authority-"));
  const openssl = (...words: string[]) => run("openssl", words, { cwd });
  await fs.writeFile(path.join(cwd, "ca.cnf"), CONFIG);
  await fs.writeFile(path.join(cwd, "index.txt"), "");
  for (const file of ["ca.key", "leaf.key"])
    await openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file);
  const extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
  const additions = extensions.flatMap((each) => ["-addext", each]);
  const own = ["-key", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", `/CN=${name}`];
  await openssl("req", "-x509", "-config", "ca.cnf", ...own, ...additions);
  const read = (file: string) => fs.readFile(path.join(cwd, file), "utf8");
  let count = 0;
  const issueNext = async ({ names = "IP:127.0.0.1", from = -1, until = 1 }: CertificateOptions = {}) => {
    const leaf = `leaf-${++count}`;
    const request = [
      "-new",
      "-key",
      "leaf.key",
      "-subj",
      `/CN=${leaf}`,
      "-addext",
      `subjectAltName=${names}`,
    ];
    await openssl("req", "-config", "ca.cnf", ...request, "-out", `${leaf}.csr`);
    const dates = ["-startdate", dateOf(from), "-enddate", dateOf(until)];
    await openssl(
      "ca",
      "-batch",
      "-config",
      "ca.cnf",
      ...dates,
      "-in",
      `${leaf}.csr`,
      "-out",
      `${leaf}.pem`,
      "-notext",
    );
    return { cert: await read(`${leaf}.pem`), key: await read("leaf.key") };
  };
  // An authority keeps a list of what it issued, and so issues one after the other.
  let last: Promise<unknown> = Promise.resolve();
  const issue = (options?: CertificateOptions) => {
    const next = last.then(() => issueNext(options));
    last = next.catch(() => {});
    return next;
  };
  return { cert: await read("ca.pem"), file: path.join(cwd, "ca.pem"), issue };
}

/** A certificate that nobody but its own key has signed. */
export async function selfSigned(parent: string): Promise<Certificate> {
  const cwd = await fs.mkdtemp(path.join(parent, "self-"));
  const files = ["-keyout", "key.pem", "-out", "cert.pem"];
  const words = ["-newkey", "rsa:2048", "-nodes", ...files, "-days", "10", "-subj", "/CN=self"];
  await run("openssl", ["req", "-x509", ...words, "-addext", "subjectAltName=IP:127.0.0.1"], { cwd });
  const read = (file: string) => fs.readFile(path.join(cwd, file), "utf8");
  return { cert: await read("cert.pem"), key: await read("key.pem") };
}

function dateOf(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, "");
}
