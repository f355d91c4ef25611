// Calls with linphone, clear RTP: straight over UDP and TCP, over TLS through a Kamailio, since linphone takes no TLS connections itself.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { issueServer } from "../../firmware/crypto/issue.js";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { validNow } from "../support/identities.js";
import { Started } from "../support/started.js";
import { writeTone } from "../support/tones.js";
import { eventually } from "../support/wait.js";
import { kamailioMissing, Trapezoid } from "./kamailio.js";
import { Linphone, linphoneMissing } from "./linphone.js";
import { addPeerCalls, type PeerPhone } from "./peer-calls.js";
import { requireOrSkip } from "./tools.js";

/** What each end says, Hz. */
const OURS = 620;
const THEIRS = 1130;

const missing = linphoneMissing();
if (requireOrSkip(missing ?? "linphone", missing === undefined)) {
  const folder = suiteFolder("linphone");
  const [ourTone, theirTone] = [join(folder, "ours.wav"), join(folder, "theirs.wav")];
  writeTone(ourTone, OURS, 10);
  writeTone(theirTone, THEIRS, 100);
  const handset = (user: string, more: Partial<Parameters<typeof HandsetProcess.start>[0]>) =>
    HandsetProcess.start({ folder: join(folder, user), user, security: "off", says: ourTone, tap: true, ...more });
  const linphone = (name: string, more: Partial<Parameters<typeof Linphone.start>[0]> = {}) =>
    Linphone.start({ folder: join(folder, name), user: "lin", says: theirTone, maxCalls: 1, ...more });

  for (const transport of ["udp", "tcp"] as const) {
    const calls = suite(`linphone over ${transport}`);
    const started = new Started();
    let [sotto, third]: HandsetProcess[] = [];
    let lin: Linphone;
    calls.before(async () => {
      const sip = { transports: [transport] };
      [sotto, third, lin] = await Promise.all([
        started.keep(handset("sotto", { folder: join(folder, `sotto-${transport}`), sip })),
        started.keep(handset("third", { folder: join(folder, `third-${transport}`), sip, autoAnswerMs: 100 })),
        started.keep(linphone(`lin-${transport}`)),
      ]);
    });
    calls.after(() => started.stop());
    const way = transport === "udp" ? "" : ";transport=tcp";
    addPeerCalls(calls, {
      sotto: () => sotto,
      third: () => third,
      peer: () => peerOf(lin, `sip:lin@127.0.0.1:${lin.sipPort}${way}`),
      reach: (phone) => `${phone.uri}${way}`,
      transport,
      ours: OURS,
      theirs: THEIRS,
    });
    calls.run();
  }

  const unable = kamailioMissing();
  if (requireOrSkip(unable ?? "kamailio", unable === undefined)) {
    const calls = suite("linphone over TLS");
    const started = new Started();
    let net: Trapezoid;
    let [sotto, third]: HandsetProcess[] = [];
    let lin: Linphone;

    /** A handset registered over TLS that takes TLS connections as well. */
    const secure = async (user: string, autoAnswerMs?: number): Promise<HandsetProcess> => {
      const issued = await issueServer(net.authority, {
        ...validNow,
        uris: [`sip:${user}@a.test`],
        dnsNames: ["127.0.0.1"],
      });
      const put = (name: string, content: string): string => {
        const file = join(folder, `${user}.${name}`);
        writeFileSync(file, content, { mode: 0o600 });
        return file;
      };
      const tls = {
        certificate: put("crt", issued.chainPem),
        privateKey: put("key", issued.privateKeyPem),
        trustAnchors: [net.authorityFile],
        // linphonec asks its user for a password where a server asks it for a certificate.
        clientCertificates: "no",
      };
      const phone = await started.keep(
        handset(user, {
          autoAnswerMs,
          sip: { transports: ["tls"], tls, resolver: { servers: [net.dns] } },
          account: {
            uri: `sip:${user}@a.test`,
            register: true,
            auth: { user, passwordFile: put("password", `${user}pw\n`) },
            outboundProxies: [{ host: "a.test" }],
          },
        }),
      );
      await eventually(`${user} registered`, 20_000, async () =>
        (await phone.status()).registrations.every(({ state }) => state === "registered"),
      );
      return phone;
    };

    calls.before(async () => {
      const users = { sotto: "sottopw", third: "thirdpw", lin: "linpw" };
      net = await Trapezoid.start({ folder: join(folder, "net"), transports: ["tls"], users });
      const proxy = { uri: `sip:${net.a.address}:5061;transport=tls`, domain: "a.test", password: users.lin };
      [sotto, third, lin] = await Promise.all([
        secure("sotto"),
        secure("third", 100),
        started.keep(linphone("lin-tls", { authority: net.authorityFile, proxy })),
      ]);
    });
    calls.after(async () => {
      await started.stop();
      await net?.stop();
    });
    addPeerCalls(calls, {
      sotto: () => sotto,
      third: () => third,
      peer: () => peerOf(lin, "sip:lin@a.test"),
      reach: (phone) => `sip:${phone.options.user}@a.test`,
      transport: "tls",
      ours: OURS,
      theirs: THEIRS,
    });

    calls("linphone straight at our TLS port: requests of ours go back over its connection", async () => {
      const alone = await started.keep(linphone("lin-alone", { authority: net.authorityFile }));
      const from = sotto.now;
      alone.command(`call sip:sotto@127.0.0.1:${sotto.sipPort + 1};transport=tls`);
      const { id } = await sotto.call("ringing", (call) => call.state === "ringing", { from });
      await sotto.ask("key", { key: "call" });
      await sotto.state(id, "active");
      await alone.until(["StreamsRunning"]);
      await sotto.ask("hold", {});
      await sotto.state(id, "held");
      await sotto.ask("hangup", {});
      const { end } = await sotto.ended(id);
      assert.equal([end?.by, end?.code], ["us", "hangup"]);
      await alone.until(["Released"]);
    });
    calls.run();
  }
}

function peerOf(linphone: Linphone, uri: string): PeerPhone {
  const say = async (line: string): Promise<void> => linphone.command(line);
  return {
    uri,
    get mark() {
      return linphone.states.entries.length;
    },
    dial: (to) => say(`call ${to}`),
    accept: () => say("answer"),
    hangup: () => say("terminate"),
    hold: () => say("pause"),
    resume: () => say("resume"),
    incoming: (from) => linphone.until(["IncomingReceived"], undefined, from),
    ringing: (from) => linphone.until(["OutgoingRinging"], undefined, from),
    up: (from) => linphone.until(["StreamsRunning"], undefined, from),
    over: (from) => linphone.until(["Released"], undefined, from),
    heard: (hz) => linphone.heard(hz),
    forget: () => linphone.forget(),
  };
}
