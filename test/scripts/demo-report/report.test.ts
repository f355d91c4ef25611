// Both reports of a call made by hand: what they must hold, and what they must not.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { reportPage } from "../../../scripts/demo-report/page/page.js";
import type { DemoRecord } from "../../../scripts/demo-report/record.js";
import { reportData, writeReport } from "../../../scripts/demo-report/report.js";
import { verdictOf } from "../../../scripts/demo-report/verdict.js";
import { DIALLED, fixture } from "./fixture.js";

const secured = fixture();
const open = fixture(false);

/** Checks that a piece of markup is well-formed XML as far as tags, attributes and entities go; returns its tag names. */
function wellFormed(markup: string): string[] {
  const stack: string[] = [];
  const names: string[] = [];
  const token = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|<|([^<]+)/g;
  for (const match of markup.matchAll(token)) {
    const [whole, close, name, attributes, empty, text] = match;
    if (text !== undefined) {
      assert.not.match(text, /&(?!(?:amp|lt|gt|quot|#39);)/, `entity in ${text.slice(0, 60)}`);
      continue;
    }
    assert.ok(name, `a bare < at ${match.index}: ${markup.slice(match.index, match.index + 60)}`);
    assert.not.match(attributes, /&(?!(?:amp|lt|gt|quot|#39);)/);
    assert.not.match(attributes, /NaN|Infinity|undefined/, whole);
    if (close) assert.is(stack.pop(), name);
    else {
      names.push(name);
      if (!empty) stack.push(name);
    }
  }
  assert.equal(stack, []);
  return names;
}

function svgs(page: string): string[] {
  return [...page.matchAll(/<svg[\s\S]*?<\/svg>/g)].map((match) => match[0]);
}

test("report.json has the promised figures at the promised places", () => {
  const data = JSON.parse(JSON.stringify(reportData(secured)));
  assert.is(data.call.keying, "dh");
  assert.is(data.call.suite, "AES_CM_128_HMAC_SHA1_80");
  assert.is(data.call.peerIdentity.alice.identity, "sip:bob@127.0.0.1");
  assert.is(data.call.peerIdentity.bob.identity, "sip:alice@127.0.0.1");
  assert.is(data.delays.callingMs, 10.28);
  assert.is(data.delays.answeringMs, 19.1);
  for (const side of ["alice", "bob"]) {
    const heard = data.heard[side];
    assert.ok(heard.snrDb > 30 && heard.snrDb < 45, `${side} snr ${heard.snrDb}`);
    assert.is(heard.lossPct, 0);
    assert.ok(heard.mouthToEarMs > 78 && heard.mouthToEarMs < 114, `${side} delay ${heard.mouthToEarMs}`);
    assert.is(heard.understood, true);
    assert.is(heard.jitterMs, 0.412);
  }
  assert.is(data.passed, true);
  assert.is(data.originMs, DIALLED);
  assert.is(data.ladder[0].sentMs, 6.42);
  assert.is(data.rings[0].device, "ringer");
  assert.is(reportData(open).call.suite, null);
});

test("secrets an object might carry besides do not reach the reports", () => {
  const peer = {
    ...secured.call.peerIdentity.alice!,
    masterKey: "c0ffee",
    proof: { ...secured.call.peerIdentity.alice!.proof, psk: "c0ffee" },
  };
  const record = { ...secured, call: { ...secured.call, peerIdentity: { alice: peer, bob: peer } } } as DemoRecord;
  assert.not.match(JSON.stringify(reportData(record)) + reportPage(record), /c0ffee|AQAFgAAAAAAC/);
});

test("the page needs nothing but itself", () => {
  const page = reportPage(secured);
  assert.match(page, /^<!doctype html>/);
  assert.not.match(page, /<script|<link|<img|<iframe|@import|url\(|\ssrc=|\shref=|\son\w+=/i);
  assert.match(page, /default-src 'none'/);
});

test("the drawings are well-formed and drawn for both widths", () => {
  for (const record of [secured, open]) {
    const drawings = svgs(reportPage(record)).filter(
      (svg) => svg.includes('viewBox="0 0 1000') || svg.includes('viewBox="0 0 350'),
    );
    assert.is(drawings.length, 10);
    for (const svg of drawings) assert.ok(wellFormed(svg).includes("line"));
  }
  const body = reportPage(secured)
    .replace(/^[\s\S]*<body>/, "")
    .replace(/<\/body>[\s\S]*$/, "");
  assert.ok(wellFormed(body).includes("table"));
});

test("every step, message, ring and figure is on the page", () => {
  const page = reportPage(secured);
  for (const id of ["1a", "1b–3b", "4a", "4b–6b", "4a+", "8a", "8b–10b", "8a+", "11a", "11a+", "11b–13b", "14a"])
    assert.ok(page.includes(`<td class="id">${id}</td>`), `step ${id}`);
  for (const words of [
    "calling delay 10.3\u00a0ms",
    "answering delay 19.1\u00a0ms",
    "1a · 6.42 ms",
    "INVITE · 0.61 ms",
    "180 Ringing",
  ])
    assert.ok(page.includes(words), words);
  for (const words of [
    "INVITE sip:bob@127.0.0.1:5062",
    "100 Trying",
    "200 OK",
    "ACK sip:",
    "BYE sip:",
    "MIKEY (630 bytes)",
  ])
    assert.ok(page.includes(words), words);
  for (const words of [
    "Bob&#39;s ringer",
    "Bob&#39;s vibrator",
    "Jitter",
    "Mouth to ear",
    "Signal to noise",
    "1 no-keys",
  ])
    assert.ok(page.includes(words), words);
});

test("a private call is called private, with the proof", () => {
  const page = reportPage(secured);
  assert.ok(page.includes("Alice and Bob understood each other; the call was private."));
  assert.ok(page.includes("Sotto demo CA"));
  assert.ok(page.includes("MIKEY signed Diffie-Hellman (OAKLEY 5)"));
  assert.not.ok(page.includes("This call was open"));
});

test("a call without keys is called open, in a warning", () => {
  const page = reportPage(open);
  assert.is(verdictOf(open).passed, true);
  assert.ok(page.includes("the call was open to listeners"));
  assert.match(page, /<p class="warning"><b>This call was open\./);
  assert.not.ok(page.includes("private call"));
});

test("a hostile display name, summary, certificate or file name stays text", () => {
  const evil = `"><script>alert(1)</script><svg onload="x">\u202e&'`;
  const proof = { ...secured.call.peerIdentity.alice!.proof, subject: evil, ca: evil } as never;
  const record: DemoRecord = {
    ...secured,
    machine: { cpu: evil, node: evil, os: evil },
    options: { [evil]: evil },
    names: { alice: { uri: evil, displayName: evil }, bob: { uri: evil, displayName: evil } },
    call: {
      ...secured.call,
      codec: evil,
      suite: evil,
      policy: { alice: evil, bob: evil },
      peerIdentity: { alice: { identity: evil, method: evil, sinceMs: 0, proof }, bob: null },
    },
    ladder: secured.ladder.map((entry) => ({
      ...entry,
      from: evil,
      summary: evil,
      lines: [evil],
      sdp: { profile: evil },
    })),
    rings: [{ side: "bob", device: evil, onMs: DIALLED, offMs: null }],
    audio: { alice: { ...secured.audio.alice!, said: { ...secured.audio.alice!.said, file: evil } }, bob: null },
    streams: { ...secured.streams, bob: { ...secured.streams.bob!, dropped: { [evil]: 3 } } },
  };
  const page = reportPage(record);
  assert.not.match(page, /<script|<svg onload|\u202e/);
  wellFormed(page.replace(/^[\s\S]*<body>/, "").replace(/<\/body>[\s\S]*$/, ""));
});

test("what went wrong is said, and does not pass", () => {
  const silent = { ...secured.audio.bob!.analysis, understood: false, reasons: ["12.0 % lost, limit 2 %"] };
  const half = verdictOf({ ...secured, audio: { ...secured.audio, bob: { ...secured.audio.bob!, analysis: silent } } });
  assert.is(half.passed, false);
  assert.is(half.headline, "Alice heard the other side, but was not heard; the call was private.");
  assert.match(half.problems.join(), /Bob did not understand Alice: 12\.0 % lost/);

  const clear = verdictOf({ ...secured, call: { ...secured.call, suite: null } });
  assert.is(clear.passed, false);
  assert.is(clear.secured, false);
  assert.match(clear.problems.join(), /was to be private/);

  const unknown = verdictOf({ ...secured, call: { ...secured.call, peerIdentity: { alice: null, bob: null } } });
  assert.is(unknown.passed, false);

  const ringing = verdictOf({
    ...secured,
    rings: [
      { ...secured.rings[1], offMs: DIALLED + 3000 },
      { ...secured.rings[0], offMs: null },
    ],
  });
  assert.is(ringing.passed, false);
  assert.match(ringing.problems.join(), /vibrator ran on for 886 ms.*ringer was never stopped/);
});

test("a call that never came about still has its page", () => {
  const record: DemoRecord = {
    ...secured,
    call: {
      ...secured.call,
      suite: null,
      codec: null,
      peerIdentity: { alice: null, bob: null },
      error: "488 Not Acceptable Here",
    },
    ladder: [],
    trace: { alice: [], bob: [] },
    delays: { callingMs: null, answeringMs: null, steps: [] },
    rings: [],
    audio: { alice: null, bob: null },
    streams: { alice: null, bob: null },
  };
  const page = reportPage(record);
  assert.ok(page.includes("The call failed: 488 Not Acceptable Here"));
  wellFormed(page.replace(/^[\s\S]*<body>/, "").replace(/<\/body>[\s\S]*$/, ""));
  assert.is(JSON.parse(JSON.stringify(reportData(record))).heard.alice, null);
});

test("both files are written, and the verdict comes back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sotto-report-"));
  try {
    const verdict = await writeReport(secured, join(folder, "demo"));
    assert.is(verdict.passed, true);
    assert.is(JSON.parse(await readFile(join(folder, "demo", "report.json"), "utf8")).version, 1);
    assert.match(await readFile(join(folder, "demo", "report.html"), "utf8"), /<\/html>\n$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
