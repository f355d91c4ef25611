// How fast SIP messages are read and written, beside the parsers of SIP.js and JsSIP in the same run.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseMessage, printMessage, readEssentials } from "../../firmware/sip/index.js";
import { type Benchmark, interleave, nanosecondsPer } from "./benchmark.js";

const sdp = [
  "v=0",
  "o=- 3967452390 3967452390 IN IP4 192.0.2.10",
  "s=-",
  "c=IN IP4 192.0.2.10",
  "t=0 0",
  "m=audio 40000 RTP/SAVP 0 8 101",
  "a=rtpmap:0 PCMU/8000",
  "a=rtpmap:8 PCMA/8000",
  "a=rtpmap:101 telephone-event/8000",
  "a=fmtp:101 0-15",
  "a=ptime:20",
  "a=sendrecv",
  "",
].join("\r\n");

const invite = [
  "INVITE sip:bob@b.example SIP/2.0",
  "Via: SIP/2.0/UDP proxy.a.example:5060;branch=z9hG4bK77ef4c2312983.1;received=192.0.2.1;rport=5060",
  "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKnashds8;rport=5060;received=192.0.2.10",
  "Record-Route: <sip:proxy.a.example;lr;ftag=1928301774>",
  "Max-Forwards: 69",
  'From: "Alice" <sip:alice@a.example>;tag=1928301774',
  "To: <sip:bob@b.example>",
  "Call-ID: a84b4c76e66710@192.0.2.10",
  "CSeq: 314159 INVITE",
  "Contact: <sip:alice@192.0.2.10:5060>",
  "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE",
  "Supported: 100rel, timer, outbound",
  "Session-Expires: 1800",
  "User-Agent: Phone/1.0",
  "Content-Type: application/sdp",
  `Content-Length: ${sdp.length}`,
  "",
  sdp,
].join("\r\n");

const accepted = [
  "SIP/2.0 200 OK",
  "Via: SIP/2.0/UDP proxy.a.example:5060;branch=z9hG4bK77ef4c2312983.1;received=192.0.2.1;rport=5060",
  "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKnashds8;rport=5060;received=192.0.2.10",
  "Record-Route: <sip:proxy.a.example;lr;ftag=1928301774>",
  'From: "Alice" <sip:alice@a.example>;tag=1928301774',
  "To: <sip:bob@b.example>;tag=a6c85cf",
  "Call-ID: a84b4c76e66710@192.0.2.10",
  "CSeq: 314159 INVITE",
  "Contact: <sip:bob@192.0.2.20:5060>",
  "Server: Phone/1.0",
  "Content-Type: application/sdp",
  `Content-Length: ${sdp.length}`,
  "",
  sdp,
].join("\r\n");

/** The parsers measured against are development packages whose inner modules have no types. */
interface Parsers {
  /** From the text of a message to its text. */
  readonly sipJs: (text: string) => string;
  readonly jsSip: (text: string) => string;
}

async function otherParsers(top: string): Promise<Parsers> {
  const at = (path: string) => import(pathToFileURL(join(top, "node_modules", path)).href);
  const silent = { debug() {}, log() {}, warn() {}, error() {}, genericLog() {} };
  const { Parser } = await at("sip.js/lib/core/messages/parser.js");
  const { default: jsSip } = await at("jssip/lib/Parser.js");
  return {
    sipJs: (text) => Parser.parseMessage(text, silent).toString(),
    jsSip: (text) => jsSip.parseMessage(text, { status: 0 }).toString(),
  };
}

/** Messages of one sample. */
const MESSAGES = 200;

export const sipParse: Benchmark = {
  name: "sip-parse",
  description: "SIP messages read and printed a second: ours, SIP.js's and JsSIP's",
  async run(context) {
    const { sipJs, jsSip } = await otherParsers(process.env.SOTTO_TOP ?? ".");
    for (const [title, text] of [
      ["INVITE with SDP", invite],
      ["200 OK with SDP", accepted],
    ] as const) {
      const bytes = new Uint8Array(Buffer.from(text));
      const perSecond = (work: () => void): number => 1e9 / nanosecondsPer(MESSAGES, work);
      const ours = (): number => {
        const parsed = parseMessage(bytes);
        if (!parsed.ok) throw new Error(parsed.error.text);
        const essentials = readEssentials(parsed.value);
        if (!essentials.ok) throw new Error(essentials.error.text);
        return printMessage(parsed.value).length;
      };
      for (const [name, length] of [
        ["ours", ours()],
        ["SIP.js", sipJs(text).length],
        ["JsSIP", jsSip(text).length],
      ] as const)
        if (length < 0.9 * text.length) throw new Error(`${name} printed ${length} bytes of ${text.length}`);
      const series = await interleave(
        [
          // From bytes, with From, To, Via, CSeq and their tags read, as both others do too, to bytes.
          { name: "Sotto", sample: () => perSecond(ours) },
          // Both take text: what turns the datagram into one, and back, counts for them as well.
          { name: "SIP.js", sample: () => perSecond(() => Buffer.from(sipJs(Buffer.from(bytes).toString("utf8")))) },
          { name: "JsSIP", sample: () => perSecond(() => Buffer.from(jsSip(Buffer.from(bytes).toString("utf8")))) },
        ],
        {
          rounds: context.rounds ?? 20,
          warmup: 5,
          onRound: (done, all) => context.status(`${title}: round ${done} of ${all}`),
        },
      );
      context.report({
        title: `${title} (${text.length} bytes), read and printed`,
        unit: "messages/s",
        series,
        paired: true,
      });
    }
  },
};
