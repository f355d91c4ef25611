// GStreamer's MIKEY and ours: pre-shared key messages with NULL encryption and NULL MAC (RTSP's way), in both directions.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  createPskMethod,
  deriveFromTgk,
  MemoryReplayCache,
  MikeyAgent,
  parseMessage,
  payloadsOf,
} from "../../firmware/mikey/index.js";
import { good } from "../results.js";
import { bytes, checkout, hex } from "../vectors.js";
import { needTool, requireOrSkip } from "./tools.js";

const test = suite("gstreamer mikey");
const LIMIT_MS = 30_000;

function compile(): string | undefined {
  const gcc = needTool("gcc");
  const pkgConfig = needTool("pkg-config");
  if (!gcc || !pkgConfig) return undefined;
  let flags: string[] | undefined;
  try {
    const text = execFileSync(pkgConfig, ["--cflags", "--libs", "gstreamer-sdp-1.0"], {
      encoding: "utf8",
      stdio: "pipe",
    });
    flags = text.trim().split(/\s+/);
  } catch {
    // Not installed.
  }
  if (!requireOrSkip("GStreamer (Debian: libgstreamer-plugins-base1.0-dev)", flags !== undefined)) return undefined;
  const folder = join(checkout, "out", "interop");
  mkdirSync(folder, { recursive: true });
  const program = join(folder, "gstreamer-mikey");
  const source = join(checkout, "test", "interop", "gstreamer-mikey.c");
  execFileSync(gcc, ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, source, ...(flags ?? [])], {
    stdio: ["ignore", "inherit", "inherit"],
    timeout: LIMIT_MS,
  });
  return program;
}

const program = compile();

/** Lines of the program's output, by their first word. */
function run(...args: string[]): Map<string, string[]> {
  const text = execFileSync(program ?? "", args, {
    encoding: "utf8",
    timeout: LIMIT_MS,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines = new Map<string, string[]>();
  for (const line of text.trim().split("\n")) {
    const [word, ...rest] = line.split(" ");
    lines.set(word, [...(lines.get(word) ?? []), rest.join(" ")]);
  }
  return lines;
}

const alice = "sip:alice@example.com";
const bob = "sip:bob@example.com";

function agent(): MikeyAgent {
  const transport = { encryption: 0, mac: 0, acceptedEncryptions: [0], trustsCarrier: true };
  return new MikeyAgent({
    methods: [createPskMethod({ key: new Uint8Array(16), name: "carrier", transport })],
    replay: new MemoryReplayCache(),
    random: (length) => new Uint8Array(randomBytes(length)),
    keepsBundles: true,
  });
}

if (program) {
  const key = hex(randomBytes(16));
  const salt = hex(randomBytes(14));
  const parties = { localUri: bob, peerUri: alice, ssrc: 0x22, map: "any" } as const;

  for (const [kind, given, extra] of [
    ["tek", key, salt],
    ["tek", key + salt, ""],
    ["tgk", key, ""],
  ] as const)
    test(`GStreamer's message, a ${kind} of ${given.length / 2} bytes, gives us its keys`, async () => {
      const [message] = run("make", kind, given, extra, "deadbeef").get("message") ?? [];
      const received = good(await agent().receive(bytes(message), parties, [], Date.now()));
      assert.not(received.isAnswerWanted);
      assert.is(received.peer.kind, "carrier");
      const { received: session } = good(received.assume());
      assert.is(session.ssrc, 0xdeadbeef);
      const parsed = good(parseMessage(bytes(message)));
      const [{ rand }] = payloadsOf(parsed, "rand");
      const derived = hex(deriveFromTgk(bytes(key), "tek", 1, 0x11223344, rand, 16));
      assert.is(hex(session.tek), kind === "tgk" ? derived : key);
      if (kind === "tek") assert.is(hex(session.salt), salt);
    });

  test("our message is read by GStreamer field by field, and written back to the same bytes", async () => {
    const offer = { verify: false, isOneWay: true };
    const sent = good(
      await agent().offer("psk", { localUri: alice, peerUri: bob, ssrc: 0x1234 }, [], Date.now(), offer),
    );
    // GStreamer keeps no ID payload: without them its writing must be ours to the byte.
    const read = run("read", hex(sent.message));
    const agreement = good(sent.assume(Date.now()));
    const shared = agreement.bundle?.share();
    assert.equal(read.get("key"), [hex(shared?.keys[0].key ?? new Uint8Array())]);
    assert.equal(read.get("type"), ["0"]);
    assert.equal(read.get("session"), ["0 00001234 0"]);
    assert.is(Number.parseInt(read.get("csb")?.[0] ?? "", 16), agreement.csbId);
    const parameters = [
      "0 1",
      "1 16",
      "2 1",
      "3 20",
      "4 14",
      "5 0",
      "6 0",
      "7 1",
      "8 1",
      "9 0",
      "10 1",
      "11 10",
      "12 0",
    ];
    assert.equal(read.get("parameter"), parameters);
  });

  test("a key with its salt, shared with a GStreamer receiver", async () => {
    const share = {
      csbId: 0x0badcafe,
      rand: new Uint8Array(randomBytes(16)),
      keys: [{ kind: "tek", key: bytes(key), salt: bytes(salt), validity: { kind: "none" } }],
      sessions: [{ policy: 0, ssrc: 0x1234, roc: 5 }],
      policies: [],
    } as const;
    const sent = good(
      await agent().offer("psk", { localUri: alice, peerUri: bob, ssrc: 0x1234 }, [], Date.now(), {
        share,
        verify: false,
      }),
    );
    const read = run("read", hex(sent.message));
    // GStreamer calls a TEK with a salt a TEK and keeps the salt beside it.
    assert.equal([read.get("key"), read.get("salt"), read.get("type")], [[key], [salt], ["2"]]);
    assert.equal(read.get("session"), ["0 00001234 5"]);
    const [back] = run("make", "tek", key, salt, "1234").get("message") ?? [];
    good(await agent().receive(bytes(back), parties, [], Date.now()));
  });
}

test.run();
