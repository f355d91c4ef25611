// Authentic offers that ask for what we can and cannot do: built payload by payload, answered or refused as section 5 says.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type Agreement,
  computeMac,
  covered,
  createPskMethod,
  cryptKeyData,
  deriveFromTgk,
  deriveTransportKeys,
  type ExtensionPayload,
  type Header,
  idPayload,
  type KeyDataPayload,
  MemoryReplayCache,
  MikeyAgent,
  type Payload,
  type PolicyPayload,
  parseMessage,
  payloadsOf,
  policyFor,
  printMessage,
  printPayloads,
  type SrtpTerms,
  srtpKeys,
} from "../../../firmware/mikey/index.js";
import { toNtp } from "../../../firmware/runtime/clock.js";
import { SrtpSender } from "../../../firmware/srtp/index.js";
import { bad, good } from "../../results.js";
import { bytes, hex } from "../../vectors.js";

const test = suite("mikey terms");

const psk = new Uint8Array(16).fill(0x5a);
const nowMs = Date.UTC(2026, 5, 1);
const alice = "sip:alice@example.com";
const bob = "sip:bob@example.com";
const rand = new Uint8Array(16).fill(3);
const tgk = new Uint8Array(16).fill(9);
const csbId = 0xa1b2c3d4;

interface Wish {
  readonly header?: Partial<Header>;
  readonly keyData?: readonly Partial<KeyDataPayload>[];
  readonly policies?: readonly PolicyPayload[];
  readonly extensions?: readonly ExtensionPayload[];
  readonly rand?: Uint8Array;
  readonly timestamp?: { readonly type: number; readonly value: Uint8Array };
  readonly ids?: readonly Payload[];
  readonly extra?: readonly Payload[];
  readonly encryption?: number;
  readonly macAlgorithm?: number;
  readonly protocols?: readonly string[];
  readonly order?: (payloads: Payload[]) => Payload[];
}

function stamp(): Uint8Array {
  const value = new Uint8Array(8);
  new DataView(value.buffer).setBigUint64(0, toNtp(nowMs));
  return value;
}

/** An offer with a right MAC, whatever else it says. */
function craft(wish: Wish): Uint8Array {
  const header: Header = {
    dataType: 0,
    verify: true,
    prf: 0,
    csbId,
    mapType: 0,
    sessionCount: 2,
    sessions: [
      { policy: 0, ssrc: 0x11, roc: 0 },
      { policy: 0, ssrc: 0, roc: 0 },
    ],
    ...wish.header,
  };
  const nonce = wish.rand ?? rand;
  const keys = deriveTransportKeys(psk, csbId, nonce);
  const t = wish.timestamp ?? { type: 0, value: stamp() };
  const keyData = (wish.keyData ?? [{}]).map(
    (one): KeyDataPayload => ({ kind: "key-data", type: 0, key: tgk, validity: { kind: "none" }, ...one }),
  );
  const plain = printPayloads(keyData);
  const encryption = wish.encryption ?? 1;
  const data = encryption === 1 && t.value.length === 8 ? cryptKeyData(keys, csbId, t.value, plain) : plain;
  const macAlgorithm = wish.macAlgorithm ?? 1;
  const mac = new Uint8Array(macAlgorithm === 1 ? 20 : 0);
  const payloads: Payload[] = [
    { kind: "timestamp", ...t },
    { kind: "rand", rand: nonce },
    ...(wish.ids ?? [idPayload(alice), idPayload(bob)]),
    ...(wish.policies ?? [policyFor("AES_CM_128_HMAC_SHA1_80", 0)]),
    ...(wish.extensions ?? []),
    ...(wish.extra ?? []),
    { kind: "kemac", encryption, data, macAlgorithm, mac },
  ];
  const message = printMessage({ header, payloads: wish.order?.(payloads) ?? payloads });
  if (macAlgorithm === 1) message.set(computeMac(keys.authentication, covered(message, 20)), message.length - 20);
  return message;
}

function receive(wish: Wish, srtp: SrtpTerms = {}) {
  const random = (length: number) => new Uint8Array(length).fill(1);
  const method = createPskMethod({ key: psk, name: "test" });
  const agent = new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(), random, srtp });
  const parties = { localUri: bob, peerUri: alice, ssrc: 0x22 };
  return agent.receive(craft(wish), parties, wish.protocols ?? ["mikey"], nowMs);
}

async function agreed(wish: Wish, srtp: SrtpTerms = {}): Promise<Agreement> {
  return good(await good(await receive(wish, srtp)).answer()).agreement;
}

/** Refused with a code; the error message says this number and is authenticated by V over it, both IDs and T. */
async function refused(wish: Wish, code: string, number: number): Promise<readonly Payload[]> {
  const error = bad(await receive(wish), code);
  assert.ok(error.reply, "an error message is there");
  const reply = good(parseMessage(error.reply ?? new Uint8Array()));
  assert.is(reply.header.dataType, 6);
  assert.is(reply.header.csbId, csbId);
  assert.is(reply.header.sessionCount, 0);
  assert.is(hex(payloadsOf(reply, "timestamp")[0].value), hex(wish.timestamp?.value ?? stamp()));
  assert.equal(payloadsOf(reply, "error"), [{ kind: "error", number }]);
  for (const v of payloadsOf(reply, "verification")) {
    const { authentication } = deriveTransportKeys(psk, csbId, rand);
    const encode = (text: string) => new TextEncoder().encode(text);
    assert.is(
      hex(v.mac),
      hex(computeMac(authentication, covered(reply.bytes, 20), encode(alice), encode(bob), stamp())),
    );
  }
  return reply.payloads;
}

const parameter = (type: number, value: string) => ({ type, value: bytes(value) });
const srtp = (parameters: PolicyPayload["parameters"], number = 0): PolicyPayload => ({
  kind: "policy",
  number,
  protocol: 0,
  parameters,
});

test("an empty policy means SRTP's defaults, which we do; so does any part of them, in wide fields too", async () => {
  for (const parameters of [[], [parameter(0, "01")], [parameter(11, "0000000a"), parameter(1, "10")]]) {
    const agreement = await agreed({ policies: [srtp(parameters)] });
    assert.is(hex(agreement.received.tek), hex(deriveFromTgk(tgk, "tek", 1, csbId, rand, 16)));
    assert.is(hex(agreement.sent.tek), hex(deriveFromTgk(tgk, "tek", 2, csbId, rand, 16)));
  }
});

test("each session uses the policy it names, wherever that stands", async () => {
  await agreed({
    header: {
      sessions: [
        { policy: 4, ssrc: 1, roc: 0 },
        { policy: 9, ssrc: 0, roc: 0 },
      ],
    },
    policies: [srtp([], 9), srtp([parameter(0, "01")], 4)],
  });
});

test("policies we cannot meet: Invalid SPpar, with what we can do, authenticated", async () => {
  const wishes = [
    [parameter(0, "00")],
    [parameter(0, "02")],
    [parameter(1, "20")],
    [parameter(2, "00")],
    [parameter(3, "14"), parameter(11, "04")],
    [parameter(4, "0c")],
    [parameter(5, "01")],
    [parameter(6, "03")],
    [parameter(6, "02000000")],
    [parameter(7, "00")],
    [parameter(8, "00")],
    [parameter(9, "01")],
    [parameter(10, "00")],
    [parameter(12, "01")],
    [parameter(13, "00")],
    [parameter(0, "")],
    [parameter(0, "01"), parameter(0, "01")],
  ];
  for (const wish of wishes) {
    const payloads = await refused({ policies: [srtp(wish)] }, "unsupported-policy", 10);
    const [policy] = payloads.filter((payload) => payload.kind === "policy");
    assert.equal(policy, policyFor("AES_CM_128_HMAC_SHA1_80", 0));
    assert.is(payloads[payloads.length - 1].kind, "verification");
  }
  await refused({ policies: [] }, "unsupported-policy", 10);
  await refused({ policies: [srtp([], 1)] }, "unsupported-policy", 10);
  await refused({ policies: [{ ...srtp([]), protocol: 1 }] }, "unsupported-protocol", 9);
  await refused({ policies: [srtp([]), srtp([])] }, "malformed-message", 12);
});

test("a key derivation rate is SRTP's (RFC 3711 section 4.3.1), in as many bytes as it takes", async () => {
  for (const [value, kdr] of [
    ["00", undefined],
    ["01", 1],
    ["0400", 1024],
    ["01000000", 2 ** 24],
  ] as const) {
    const agreement = await agreed({ policies: [srtp([parameter(6, value)])] });
    for (const session of [agreement.sent, agreement.received]) {
      assert.is(srtpKeys(session).kdr, kdr);
      // SRTP itself takes them.
      new SrtpSender(srtpKeys(session)).close();
    }
  }
});

test("protection that a policy leaves out is given up only where ours leaves it out too, and reaches SRTP", async () => {
  const wishes = [
    [7, "unencryptedRtp"],
    [8, "unencryptedRtcp"],
    [10, "unauthenticatedRtp"],
  ] as const;
  for (const [type, name] of wishes) {
    const policies = [srtp([parameter(type, "00")])];
    assert.equal(
      [...policyFor("AES_CM_128_HMAC_SHA1_80", 0, { [name]: true }).parameters].find((one) => one.type === type),
      {
        type,
        value: bytes("00"),
      },
    );
    for (const [other] of wishes.map(([, one]) => [one]))
      if (other === name) {
        const agreement = await agreed({ policies }, { [name]: true });
        assert.is(srtpKeys(agreement.sent)[name], true);
        assert.is(srtpKeys(agreement.received)[name], true);
        assert.is(srtpKeys((await agreed({}, { [name]: true })).sent)[name], undefined, "more protection is welcome");
      } else bad(await receive({ policies }, { [other]: true }), "unsupported-policy");
  }
  assert.throws(() => policyFor("AEAD_AES_128_GCM", 0, { unauthenticatedRtp: true }), RangeError);
  assert.throws(() => policyFor("AES_CM_128_HMAC_SHA1_80", 0, { kdr: 3 }), RangeError);
});

test("crypto sessions: two, the first with the initiator's SSRC, the second open", async () => {
  const one = { policy: 0, ssrc: 1, roc: 0 };
  const open = { policy: 0, ssrc: 0, roc: 0 };
  const maps = [[], [one], [one, one], [open, open], [one, open, open]];
  for (const sessions of maps)
    await refused({ header: { sessionCount: sessions.length, sessions } }, "unsupported-crypto-sessions", 12);
  await refused({ header: { mapType: 1, sessionCount: 0, sessions: [] } }, "unsupported-cs-map", 12);
  const agreement = await agreed({ header: { sessions: [{ ...one, roc: 7 }, open] } });
  assert.is(agreement.received.roc, 7);
  assert.is(agreement.received.ssrc, 1);
  assert.is(agreement.sent.ssrc, 0x22);
});

test("key data: a salt sent is used, an SPI becomes the MKI", async () => {
  const salt = new Uint8Array(14).fill(0x77);
  const salted = await agreed({ keyData: [{ type: 1, salt }] });
  assert.is(hex(salted.sent.salt), hex(salt));
  assert.is(hex(salted.received.salt), hex(salt));
  const marked = await agreed({ keyData: [{ validity: { kind: "spi", spi: bytes("0102") } }] });
  assert.is(hex(marked.sent.mki ?? new Uint8Array()), "0102");
  assert.is((await agreed({})).sent.mki, undefined);
});

test("key data: TEKs are the sessions' keys themselves, limits are told", async () => {
  const [one, two] = [new Uint8Array(16).fill(0x21), new Uint8Array(16).fill(0x22)];
  const salt = new Uint8Array(14).fill(0x77);
  const shared = await agreed({ keyData: [{ type: 3, key: one, salt }] });
  assert.equal([hex(shared.sent.tek), hex(shared.sent.salt)], [hex(one), hex(salt)]);
  assert.is(hex(shared.received.tek), hex(one));
  const each = await agreed({
    keyData: [
      { type: 3, key: one, salt },
      { type: 3, key: two, salt },
    ],
  });
  assert.is(hex(each.received.tek), hex(one), "session 1 is the initiator's stream");
  assert.is(hex(each.sent.tek), hex(two));
  const camera = await agreed({ keyData: [{ type: 2, key: bytes("11".repeat(16) + "22".repeat(14)) }] });
  assert.equal([hex(camera.sent.tek), hex(camera.sent.salt)], ["11".repeat(16), "22".repeat(14)]);
  const validity = { kind: "interval", from: bytes("000000000100"), to: bytes("ffffffffffff") } as const;
  assert.equal((await agreed({ keyData: [{ validity }] })).sent.indices, { from: 256, to: 2 ** 48 - 1 });
  const spi = (text: string) => ({ validity: { kind: "spi", spi: bytes(text) } }) as const;
  const several = await agreed({ keyData: [spi("01"), { ...spi("02"), key: two }] });
  assert.is(hex(several.sent.mki ?? new Uint8Array()), "01");
  assert.is(hex(several.sent.more[0].mki ?? new Uint8Array()), "02");
  assert.is(hex(several.sent.more[0].tek), hex(deriveFromTgk(two, "tek", 2, csbId, rand, 16)));
});

test("key data we cannot honour is refused", async () => {
  const backwards = { kind: "interval", from: bytes("02"), to: bytes("01") } as const;
  const long = { kind: "spi", spi: new Uint8Array(129) } as const;
  const interval = { kind: "interval", from: new Uint8Array(7), to: new Uint8Array(6).fill(255) } as const;
  for (const keyData of [
    [],
    [{}, {}],
    [{ type: 2 }],
    [{ type: 3, salt: new Uint8Array(12) }],
    [{ type: 3, key: new Uint8Array(17), salt: new Uint8Array(14) }],
    [{}, { type: 3, salt: new Uint8Array(14) }],
    [{ key: new Uint8Array(15) }],
    [{ type: 1, salt: new Uint8Array(13) }],
    [{ validity: interval }],
    [{ validity: backwards }],
    [{ validity: long }],
  ])
    bad(await receive({ keyData }), keyData.length === 0 ? "malformed-message" : "unsupported-key-data");
});

test("transforms we do not run: PRF, MAC, encryption, timestamp, data type", async () => {
  await refused({ header: { prf: 1 } }, "unsupported-prf", 2);
  await refused({ macAlgorithm: 0 }, "unsupported-mac", 3);
  await refused({ encryption: 0 }, "unsupported-encryption", 4);
  await refused({ encryption: 2 }, "unsupported-encryption", 4);
  await refused({ timestamp: { type: 2, value: bytes("00000001") } }, "unsupported-timestamp", 1);
  await refused({ header: { dataType: 2 } }, "unsupported-method", 11);
  await refused({ header: { dataType: 1 } }, "unsupported-method", 11);
  await refused({ header: { dataType: 6 } }, "unsupported-method", 11);
  await agreed({ timestamp: { type: 1, value: stamp() } });
});

test("format: RAND of 16 bytes, both names, no doubles, nothing that does not belong", async () => {
  await refused({ rand: new Uint8Array(15) }, "malformed-message", 12);
  await agreed({ rand: new Uint8Array(255).fill(8) });
  await refused({ ids: [] }, "missing-identity", 7);
  await refused({ ids: [idPayload(alice)] }, "missing-identity", 7);
  await refused({ ids: [idPayload(bob), idPayload(alice)] }, "identity-mismatch", 7);
  await refused({ ids: [idPayload(alice), idPayload(bob), idPayload(bob)] }, "malformed-message", 12);
  await agreed({
    ids: [{ kind: "id", type: 0, data: bytes(hex(new TextEncoder().encode("alice@example.com"))) }, idPayload(bob)],
  });
  await refused({ extra: [{ kind: "rand", rand }] }, "malformed-message", 12);
  await refused({ extra: [{ kind: "certificate", type: 0, data: new Uint8Array(1) }] }, "malformed-message", 12);
  bad(await receive({ extra: [{ kind: "timestamp", type: 0, value: stamp() }] }), "malformed-message");
});

test("payloads come in any order as long as KEMAC is last; unknown extensions are passed over", async () => {
  await agreed({ order: ([t, r, i, j, p, k]) => [p, r, i, j, t, k] });
  bad(await receive({ order: ([t, r, i, j, p, k]) => [t, r, i, j, k, p] }), "malformed-message");
  await agreed({ extensions: [{ kind: "extension", type: 3, data: bytes("000100") }] });
});

test("RFC 4567 section 4.1.4: the list of protocols must be the one in the session description", async () => {
  const list = (text: string): ExtensionPayload => ({
    kind: "extension",
    type: 1,
    data: new TextEncoder().encode(text),
  });
  await agreed({ extensions: [list("mikey")] });
  await agreed({ extensions: [list("mikey;keyp1")], protocols: ["mikey", "keyp1"] });
  await refused({ extensions: [list("mikey;keyp1")] }, "bidding-down", 12);
  await refused({ extensions: [list("keyp1;mikey")], protocols: ["mikey", "keyp1"] }, "bidding-down", 12);
  await refused({ protocols: ["mikey", "keyp1"] }, "bidding-down", 12);
});

test("an initiator believes an authenticated refusal and says when one is not", async () => {
  const random = (length: number) => new Uint8Array(length).fill(length);
  const method = createPskMethod({ key: psk, name: "test" });
  const agent = () => new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(), random });
  const sent = good(await agent().offer("psk", { localUri: alice, peerUri: bob, ssrc: 1 }, ["mikey", "x"], nowMs));
  const refusal = await agent().receive(sent.message, { localUri: bob, peerUri: alice, ssrc: 2 }, ["mikey"], nowMs);
  const { reply } = bad(refusal, "bidding-down");
  const proved = bad(await sent.accept(reply ?? new Uint8Array(), nowMs), "refused-by-peer");
  assert.match(proved.text, /unspecified error$/);
  const forged = (reply ?? new Uint8Array()).slice();
  forged[forged.length - 1] ^= 1;
  assert.match(bad(await sent.accept(forged, nowMs), "refused-by-peer").text, /not authenticated/);
  sent.wipe();
  bad(await sent.accept(reply ?? new Uint8Array(), nowMs), "internal-error");
});

test("timestamps of one agent never repeat, and CSB IDs of open offers differ", async () => {
  const method = createPskMethod({ key: psk, name: "test" });
  const random = (length: number) => new Uint8Array(length).fill(length);
  const agent = new MikeyAgent({ methods: [method], replay: new MemoryReplayCache(), random });
  const stamps = new Set<string>();
  const bundles = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const sent = good(await agent.offer("psk", { localUri: alice, peerUri: bob, ssrc: 1 }, ["mikey"], nowMs));
    const message = good(parseMessage(sent.message));
    stamps.add(hex(payloadsOf(message, "timestamp")[0].value));
    bundles.add(message.header.csbId);
  }
  assert.is(stamps.size, 20);
  assert.is(bundles.size, 20);
});

test.run();
