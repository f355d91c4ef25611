// The SIP ladder: what each phone's transport saw, as JSON lines, merged into arrows that have a moment of sending and one of receiving.

import { redact } from "../../firmware/runtime/log.js";

/** The two phones of the demo. */
export type Side = "alice" | "bob";

/** One datagram as one phone's transport saw it. */
export interface SipTap {
  /** Monotonic ms at which it was handed to the socket, or arrived from it. */
  readonly atMs: number;
  readonly direction: "sent" | "received";
  /** The other end, `address:port`. */
  readonly peer: string;
  /** The message; {@link tapLine} takes the secret parts out. */
  readonly text: string;
  /** Bytes on the wire; the length of `text` in UTF-8 where it is missing. */
  readonly bytes?: number;
}

/** What an arrow says of its SDP body. */
export interface LadderSdp {
  /** Profile of the first media line, e.g. `RTP/SAVP`. */
  readonly profile: string;
  /** `MIKEY (n bytes)` where there is an a=key-mgmt attribute. */
  readonly keyManagement?: string;
}

/** One arrow of the ladder. */
export interface LadderEntry {
  /** The phone that sent it; an address when it was neither of the two. */
  readonly from: Side | string;
  readonly to: Side | string;
  /** Monotonic ms at the sender; null when the sender's record lacks it. */
  readonly sentMs: number | null;
  /** Monotonic ms at the receiver; null when it never arrived. */
  readonly receivedMs: number | null;
  /** The earlier known of the two: where the arrow stands in the ladder. */
  readonly atMs: number;
  /** Start line without the SIP version, e.g. `INVITE sip:bob@127.0.0.1:5062` or `180 Ringing`. */
  readonly summary: string;
  /** Method of the request, or of the request a response answers. */
  readonly method: string;
  /** Status of a response. */
  readonly status?: number;
  readonly bytes: number;
  readonly sdp?: LadderSdp;
  /** The same message was sent before. */
  readonly retransmission: boolean;
  /** The message in lines, secrets removed, keying payloads as their length. */
  readonly lines: readonly string[];
}

const MAX_LINES = 120;

/** Bytes that base64 text stands for. */
function base64Bytes(text: string): number {
  const digits = text.replace(/[^A-Za-z0-9+/]/g, "").length;
  return Math.floor((digits * 3) / 4);
}

/** One line of a header or of SDP, fit to be shown. Doing it twice changes nothing. */
function showable(line: string): string {
  const keyManagement = /^(a=key-mgmt:\s*[^\s]+)\s+(.*)$/i.exec(line);
  if (keyManagement) {
    const [, name, payload] = keyManagement;
    return `${name} ${/^MIKEY \(\d+ bytes\)$/.test(payload) ? payload : `MIKEY (${base64Bytes(payload)} bytes)`}`;
  }
  if (/^a=(crypto|ice-pwd|zrtp-hash)/i.test(line))
    return line.replace(/(inline:|ice-pwd:|zrtp-hash:).*/i, "$1[removed]");
  if (/^k=/.test(line)) return "k=[removed]";
  return redact(line);
}

/** A message's lines without what must not be shown; a body that is not SDP is named by type and length only. */
function showableLines(text: string): string[] {
  const end = /\r?\n\r?\n/.exec(text);
  const head = (end ? text.slice(0, end.index) : text).replace(/\r?\n[ \t]+/g, " ");
  const body = end ? text.slice(end.index + end[0].length) : "";
  const lines = head.split(/\r?\n/).map(showable);
  const type = lines.map((line) => /^(?:content-type|c)\s*:\s*([^;\s]+)/i.exec(line)?.[1]).find((found) => found);
  if (body !== "") {
    lines.push("");
    if (type?.toLowerCase() === "application/sdp")
      lines.push(
        ...body
          .replace(/\r?\n$/, "")
          .split(/\r?\n/)
          .map(showable),
      );
    else if (/^\[\d+ bytes of [^\]]*\]$/.test(body)) lines.push(body);
    else lines.push(`[${Buffer.byteLength(body)} bytes of ${type ?? "unknown type"}]`);
  }
  return lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), "…"] : lines;
}

/** One line (without its newline) for a phone's tap file. Secrets are taken out here, before anything is written. */
export function tapLine(tap: SipTap): string {
  const { atMs, direction, peer } = tap;
  const bytes = tap.bytes ?? Buffer.byteLength(tap.text);
  return JSON.stringify({ atMs, direction, peer, bytes, text: showableLines(tap.text).join("\r\n") });
}

/**
 * Reads a tap file.
 * @returns its records in order, and how many lines were none (a process that was killed leaves half a line at most).
 */
export function readTaps(content: string): { readonly taps: readonly SipTap[]; readonly unreadable: number } {
  const taps: SipTap[] = [];
  let unreadable = 0;
  for (const line of content.split("\n")) {
    if (line.trim() === "") continue;
    try {
      const value = JSON.parse(line) as Partial<SipTap> | null;
      if (
        value &&
        Number.isFinite(value.atMs) &&
        (value.direction === "sent" || value.direction === "received") &&
        typeof value.peer === "string" &&
        typeof value.text === "string"
      )
        taps.push(value as SipTap);
      else unreadable++;
    } catch {
      unreadable++;
    }
  }
  return { taps, unreadable };
}

function headerOf(lines: readonly string[], long: string, short: string): string {
  const pattern = new RegExp(`^(?:${long}|${short})\\s*:\\s*(.*)$`, "i");
  for (const line of lines) {
    if (line === "") break;
    const found = pattern.exec(line);
    if (found) return found[1].trim();
  }
  return "";
}

interface Seen {
  readonly side: Side;
  readonly tap: SipTap;
  readonly lines: readonly string[];
  /** The same for the sender's and the receiver's record of one message, and for its retransmissions. */
  readonly key: string;
}

function see(side: Side, tap: SipTap): Seen {
  const lines = showableLines(tap.text);
  const branch = /;\s*branch\s*=\s*([^;,\s]+)/i.exec(headerOf(lines, "via", "v"))?.[1] ?? "";
  const key = [lines[0], headerOf(lines, "call-id", "i"), headerOf(lines, "cseq", "cseq"), branch].join("\n");
  return { side, tap, lines, key };
}

function describe(seen: Seen): Pick<LadderEntry, "summary" | "method" | "status" | "sdp" | "bytes" | "lines"> {
  const { lines } = seen;
  const response = /^SIP\/2\.0\s+(\d{3})\s*(.*)$/i.exec(lines[0]);
  const method = response ? (headerOf(lines, "cseq", "cseq").split(/\s+/)[1] ?? "") : lines[0].split(/\s+/)[0];
  const summary = response ? `${response[1]} ${response[2]}`.trim() : lines[0].replace(/\s+SIP\/2\.0\s*$/i, "");
  const bodyAt = lines.indexOf("");
  const body = bodyAt < 0 ? [] : lines.slice(bodyAt + 1);
  const profile = body.map((line) => /^m=\S+ \S+ (\S+)/.exec(line)?.[1]).find((found) => found);
  const keyManagement = body
    .map((line) => /^a=key-mgmt:.*(MIKEY \(\d+ bytes\))$/i.exec(line)?.[1])
    .find((found) => found);
  return {
    summary: summary.slice(0, 200),
    method,
    ...(response ? { status: Number(response[1]) } : {}),
    ...(profile ? { sdp: { profile, ...(keyManagement ? { keyManagement } : {}) } } : {}),
    bytes: seen.tap.bytes ?? Buffer.byteLength(seen.tap.text),
    lines,
  };
}

/** Clock reads of two processes on one machine may disagree by this much, ms. */
const SLACK_MS = 1;

/**
 * Merges both phones' records into arrows, in order of time. A received message is paired with the latest unpaired sending of the same
 * message before it; what has no partner keeps null for the missing moment (lost, or the other end is neither phone).
 */
export function buildLadder(taps: Readonly<Record<Side, readonly SipTap[]>>): LadderEntry[] {
  const all = (["alice", "bob"] as const).flatMap((side) => taps[side].map((tap) => see(side, tap)));
  const byTime = (a: Seen, b: Seen) => a.tap.atMs - b.tap.atMs;
  const sent = all.filter((seen) => seen.tap.direction === "sent").sort(byTime);
  const received = all.filter((seen) => seen.tap.direction === "received").sort(byTime);
  const arrivals = new Map<Seen, Seen>();
  const strays: Seen[] = [];
  const unpaired = new Map<string, Seen[]>();
  for (const seen of sent) {
    const id = `${seen.side}\n${seen.key}`;
    unpaired.set(id, [...(unpaired.get(id) ?? []), seen]);
  }
  for (const seen of received) {
    const sender: Side = seen.side === "alice" ? "bob" : "alice";
    const candidates = unpaired.get(`${sender}\n${seen.key}`) ?? [];
    const index = candidates.findLastIndex((candidate) => candidate.tap.atMs <= seen.tap.atMs + SLACK_MS);
    if (index < 0) strays.push(seen);
    else arrivals.set(candidates.splice(index, 1)[0], seen);
  }
  const entries: LadderEntry[] = [];
  const known = new Set<string>();
  for (const seen of sent) {
    const id = `${seen.side}\n${seen.key}`;
    const arrival = arrivals.get(seen);
    const other: Side = seen.side === "alice" ? "bob" : "alice";
    // Where it never arrived at the other phone it went there all the same if other messages to that address did.
    const toOther =
      arrival ?? sent.find((s) => s.side === seen.side && s.tap.peer === seen.tap.peer && arrivals.has(s));
    entries.push({
      from: seen.side,
      to: toOther ? other : seen.tap.peer,
      sentMs: seen.tap.atMs,
      receivedMs: arrival?.tap.atMs ?? null,
      atMs: seen.tap.atMs,
      ...describe(seen),
      retransmission: known.has(id),
    });
    known.add(id);
  }
  for (const seen of strays)
    entries.push({
      from: seen.tap.peer,
      to: seen.side,
      sentMs: null,
      receivedMs: seen.tap.atMs,
      atMs: seen.tap.atMs,
      ...describe(seen),
      retransmission: false,
    });
  return entries.sort((a, b) => a.atMs - b.atMs);
}
