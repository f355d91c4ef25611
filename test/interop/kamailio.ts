// Two Kamailio proxies with registrars (domains a.test and b.test) and the DNS that leads to them: the trapezoid of RFC 3261 figure 1.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { createAuthority, type IssuedIdentity, issueServer } from "../../firmware/crypto/issue.js";
import { validNow } from "../support/identities.js";
import { endWithUs } from "../support/started.js";
import { eventually, pause } from "../support/wait.js";
import { proxyConfig, tlsConfig, zoneConfig } from "./kamailio-config.js";
import { which } from "./tools.js";

/** Why it cannot be used here; undefined: it can. */
export function kamailioMissing(): string | undefined {
  if (process.getuid?.() !== 0) return "Kamailio's trapezoid needs root (port 53, a resolv.conf of its own), which";
  if (!which("kamailio")) return "kamailio (Debian: kamailio kamailio-tls-modules)";
  if (!which("dnsmasq")) return "dnsmasq (Debian: dnsmasq-base)";
  return which("unshare") ? undefined : "unshare (Debian: util-linux)";
}

/** How the two domains are set up. */
export interface TrapezoidOptions {
  /** An empty folder of their own. */
  readonly folder: string;
  /** Digest algorithm of both registrars, default `MD5`. */
  readonly algorithm?: "MD5" | "SHA-256";
  /** The registrars work with flows (RFC 5626), Flow-Timer 5 s, and answer STUN; default false. */
  readonly outbound?: boolean;
  /** The proxies ask who speaks in clear to agree on TLS (RFC 3329); default false. */
  readonly agreement?: boolean;
  /** Transports by NAPTR, most wanted first; default `tls`, `tcp`, `udp`. */
  readonly transports?: readonly ("tls" | "tcp" | "udp")[];
  /** Users and passwords known in both domains; default alice, bob, carol with `<user>pw`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Further lines for dnsmasq's configuration, e.g. `host-record=sip.c.test,127.0.0.9`. `@DNS@`, `@A@`, `@B@` stand for the addresses. */
  readonly records?: readonly string[];
  /** Who signs the servers' certificates; default an authority made here. */
  readonly authority?: IssuedIdentity;
}

/** One domain: registrar and proxy on UDP and TCP port 5060 and TLS port 5061. */
export class Domain {
  private child: ChildProcess | undefined;
  private exited: Promise<void> = Promise.resolve();

  constructor(
    /** `a.test` or `b.test`. */
    readonly name: string,
    /** Its address on the loopback network. */
    readonly address: string,
    private readonly folder: string,
  ) {}

  /** What it wrote, a line per request (method, Request-URI, source, transport). */
  get log(): string {
    return readFileSync(join(this.folder, `${this.name}.log`), "utf8");
  }

  /** Starts it (again; registrations of before are forgotten). */
  async start(): Promise<void> {
    const log = openSync(join(this.folder, `${this.name}.log`), "a");
    const run = join(this.folder, `run-${this.name}`);
    mkdirSync(run, { recursive: true });
    const config = join(this.folder, `${this.name}.cfg`);
    const command = `mount --bind '${join(this.folder, "resolv.conf")}' /etc/resolv.conf && exec kamailio -DD -E -m 48 -M 8 -f '${config}' -Y '${run}' -P '${join(run, "pid")}'`;
    // A group of its own: its children end with it however it ends.
    const child = spawn("unshare", ["-m", "sh", "-c", command], { detached: true, stdio: ["ignore", log, log] });
    closeSync(log);
    this.child = child;
    this.exited = new Promise((resolve) => child.once("close", () => resolve()));
    if (child.pid !== undefined) endWithUs(-child.pid, this.exited);
    try {
      await eventually(`Kamailio of ${this.name}`, 20_000, async () => {
        if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`);
        return (await listens(this.address, 5061)) && (await listens(this.address, 5060));
      });
    } catch (error) {
      await this.kill();
      throw new Error(`${this.name} did not start (${(error as Error).message}):\n${this.log.slice(-2000)}`);
    }
  }

  /** Ends it at once, as a crash would. */
  kill(): Promise<void> {
    return this.end("SIGKILL");
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => void this.kill(), 3000);
    await this.end("SIGTERM");
    clearTimeout(timer);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const pid = this.child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It is gone.
    }
    await this.exited;
    if (signal === "SIGKILL") await pause(50);
    this.child = undefined;
  }
}

/** Both domains and their DNS. */
export class Trapezoid {
  private constructor(
    readonly a: Domain,
    readonly b: Domain,
    /** Address of the DNS server, port 53; for `sip.resolver`. */
    readonly dns: string,
    /** Who signed the servers' certificates, and its PEM file. */
    readonly authority: IssuedIdentity,
    readonly authorityFile: string,
    private readonly resolver: ChildProcess,
    private readonly folder: string,
  ) {}

  /** Starts all three. @throws Error with the words of the one that does not come up. */
  static async start(options: TrapezoidOptions): Promise<Trapezoid> {
    const {
      folder,
      algorithm = "MD5",
      transports = ["tls", "tcp", "udp"],
      records = [],
      outbound = false,
      agreement = false,
    } = options;
    const users = options.users ?? { alice: "alicepw", bob: "bobpw", carol: "carolpw" };
    mkdirSync(folder, { recursive: true });
    const net = await freeNetwork();
    const [dns, ...addresses] = [`${net}.53`, `${net}.21`, `${net}.22`];
    const authority = options.authority ?? (await createAuthority({ commonName: "Trapezoid CA", ...validNow }));
    const authorityFile = join(folder, "ca.crt");
    writeFileSync(authorityFile, authority.certificatePem);
    writeFileSync(join(folder, "resolv.conf"), `nameserver ${dns}\noptions timeout:1 attempts:2\n`);
    const domains: Domain[] = [];
    for (const [i, address] of addresses.entries()) {
      const name = ["a.test", "b.test"][i];
      const issued = await issueServer(authority, {
        ...validNow,
        uris: [`sip:${name}`],
        // Linphone asks for the address it was told to connect to.
        dnsNames: [name, `proxy.${name}`, address],
      });
      const file = (end: string): string => join(folder, `${name}.${end}`);
      writeFileSync(file("crt"), issued.chainPem);
      writeFileSync(file("key"), issued.privateKeyPem, { mode: 0o600 });
      writeFileSync(file("tls"), tlsConfig(file("crt"), file("key"), authorityFile));
      writeFileSync(
        file("cfg"),
        proxyConfig({ domain: name, address, algorithm, users, tlsFile: file("tls"), outbound, agreement }),
      );
      writeFileSync(file("log"), "");
      domains.push(new Domain(name, address, folder));
    }
    const [a, b] = domains;
    const extra = records.map((line) =>
      line.replaceAll("@DNS@", dns).replaceAll("@A@", a.address).replaceAll("@B@", b.address),
    );
    writeFileSync(join(folder, "dnsmasq.conf"), zoneConfig(dns, domains, transports, extra));
    const words = openSync(join(folder, "dns.log"), "w");
    const resolver = spawn("dnsmasq", ["-k", "-C", join(folder, "dnsmasq.conf")], { stdio: ["ignore", words, words] });
    closeSync(words);
    if (resolver.pid !== undefined) endWithUs(resolver.pid, new Promise((resolve) => resolver.once("exit", resolve)));
    const trapezoid = new Trapezoid(a, b, dns, authority, authorityFile, resolver, folder);
    try {
      await eventually("dnsmasq", 20_000, () => {
        if (resolver.exitCode !== null) throw new Error(`exit code ${resolver.exitCode}`);
        return listens(dns, 53);
      });
      await Promise.all(domains.map((domain) => domain.start()));
    } catch (error) {
      await trapezoid.stop();
      throw new Error(`${(error as Error).message}\n${trapezoid.dnsLog.slice(-500)}`);
    }
    return trapezoid;
  }

  /** What dnsmasq was asked. */
  get dnsLog(): string {
    return readFileSync(join(this.folder, "dns.log"), "utf8");
  }

  async stop(): Promise<void> {
    await Promise.all([this.a.stop(), this.b.stop()]);
    if (this.resolver.exitCode === null && this.resolver.signalCode === null) {
      const gone = new Promise((resolve) => this.resolver.once("close", resolve));
      this.resolver.kill("SIGTERM");
      await gone;
    }
  }
}

/** The first three numbers of loopback addresses nobody uses now. */
async function freeNetwork(): Promise<string> {
  for (let i = 0; i < 50; i++) {
    const part = (): number => 1 + Math.floor(Math.random() * 250);
    const net = `127.${part()}.${part()}`;
    if ((await canBind(`${net}.53`, 53)) && (await canBind(`${net}.21`, 5060))) return net;
  }
  throw new Error("no free loopback addresses for DNS and SIP");
}

function canBind(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
