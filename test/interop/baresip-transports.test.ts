// Calls with baresip, clear RTP, over TCP and TLS: tones, hold, and every way not to have a call.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import { issueIdentity } from "../../firmware/crypto/issue.js";
import { HandsetProcess, suiteFolder } from "../support/handset-process.js";
import { TestAuthority, validNow } from "../support/identities.js";
import { Started } from "../support/started.js";
import { writeTone } from "../support/tones.js";
import { Baresip, baresipMissing } from "./baresip.js";
import { addPeerCalls, type PeerPhone } from "./peer-calls.js";
import { requireOrSkip } from "./tools.js";

/** What each end says, Hz. */
const OURS = 620;
const THEIRS = 1130;

const missing = baresipMissing();
if (requireOrSkip(missing ?? "baresip", missing === undefined)) {
  const folder = suiteFolder("baresip-transports");
  const [ourTone, theirTone] = [join(folder, "ours.wav"), join(folder, "theirs.wav")];
  writeTone(ourTone, OURS, 10);
  writeTone(theirTone, THEIRS, 100);

  for (const transport of ["tcp", "tls"] as const) {
    const calls = suite(`baresip over ${transport}`);
    const started = new Started();
    let [sotto, third]: HandsetProcess[] = [];
    let bare: Baresip;

    calls.before(async () => {
      const authority = await TestAuthority.create(folder, `ca-${transport}`);
      const put = (name: string, content: string): string => {
        const file = join(folder, `${transport}-${name}`);
        writeFileSync(file, content, { mode: 0o600 });
        return file;
      };
      const handset = async (user: string, autoAnswerMs?: number) => {
        const issued = await issueIdentity(authority.identity, { ...validNow, uri: `sip:${user}@127.0.0.1` });
        const tls = {
          certificate: put(`${user}.crt`, issued.chainPem),
          privateKey: put(`${user}.key`, issued.privateKeyPem),
          trustAnchors: [authority.file],
        };
        return started.keep(
          HandsetProcess.start({
            folder: join(folder, `${user}-${transport}`),
            user,
            security: "off",
            says: ourTone,
            tap: true,
            autoAnswerMs,
            sip: { transports: [transport], tls },
          }),
        );
      };
      // Called directly it is a person's telephone: its certificate names exactly the person called.
      const issued = await issueIdentity(authority.identity, { ...validNow, uri: "sip:bare@127.0.0.1" });
      [sotto, third, bare] = await Promise.all([
        handset("sotto"),
        handset("third", 100),
        started.keep(
          Baresip.start({
            folder: join(folder, `baresip-${transport}`),
            user: "bare",
            codecs: ["PCMU", "PCMA"],
            says: theirTone,
            autoAnswer: false,
            maxCalls: 1,
            transport,
            certificate: put("bare.pem", issued.chainPem + issued.privateKeyPem),
          }),
        ),
      ]);
    });
    calls.after(() => started.stop());
    addPeerCalls(calls, {
      sotto: () => sotto,
      third: () => third,
      peer: () => peerOf(bare),
      reach: ({ options, sipPort }) =>
        `sip:${options.user}@127.0.0.1:${transport === "tls" ? sipPort + 1 : sipPort};transport=${transport}`,
      transport,
      ours: OURS,
      theirs: THEIRS,
    });
    calls.run();
  }
}

function peerOf(bare: Baresip): PeerPhone {
  return {
    uri: bare.uri,
    get mark() {
      return bare.events.entries.length;
    },
    dial: (to) => bare.command("dial", to),
    accept: () => bare.command("accept"),
    hangup: () => bare.command("hangup"),
    hold: () => bare.command("hold"),
    resume: () => bare.command("resume"),
    incoming: (from) => bare.until("CALL_INCOMING", undefined, from),
    ringing: (from) => bare.until("CALL_RINGING", undefined, from),
    up: (from) => bare.until("CALL_ESTABLISHED", undefined, from),
    over: (from) => bare.until("CALL_CLOSED", undefined, from),
    heard: (hz) => bare.heard(hz),
    forget: () => bare.forget(),
  };
}
