// Reading and writing messages: other implementations' bytes come back unchanged; errors name the exact byte.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  codecTable,
  csbIdExtension,
  type Header,
  keyIdExtension,
  MAX_MESSAGE_BYTES,
  type Message,
  type MikeySuite,
  type Payload,
  parseCsbId,
  parseKeyIds,
  parseMessage,
  parsePayloads,
  policyFor,
  printMessage,
  printPayloads,
  readPolicy,
  rfc3830Codecs,
} from "../../../firmware/mikey/index.js";
import { haveShared, sharedFiles, sharedJson } from "../../shared.js";
import { bytes, hex } from "../../vectors.js";

const test = suite("mikey message");

const header: Header = {
  dataType: 0,
  verify: true,
  prf: 0,
  csbId: 0x01020304,
  mapType: 0,
  sessionCount: 1,
  sessions: [{ policy: 7, ssrc: 0x11121314, roc: 5 }],
};

/** Every payload of section 6 with its bytes written out by hand from the RFC's pictures; `00` stands for "last payload". */
const pictures: readonly [string, Payload, string][] = [
  [
    "6.2 KEMAC, HMAC-SHA-1-160",
    { kind: "kemac", encryption: 1, data: bytes("aabbcc"), macAlgorithm: 1, mac: bytes("55".repeat(20)) },
    `00 01 0003 aabbcc 01 ${"55".repeat(20)}`,
  ],
  [
    "6.2 KEMAC, NULL",
    { kind: "kemac", encryption: 0, data: bytes(""), macAlgorithm: 0, mac: bytes("") },
    "00 00 0000 00",
  ],
  ["6.3 PKE, cache for CSB", { kind: "pke", cache: 2, data: bytes("0102") }, "00 8002 0102"],
  [
    "6.4 DH, OAKLEY 2, SPI",
    { kind: "dh", group: 2, value: bytes("ab".repeat(128)), validity: { kind: "spi", spi: bytes("c0ffee") } },
    `00 02 ${"ab".repeat(128)} 01 03 c0ffee`,
  ],
  ["6.5 SIGN, PSS", { kind: "sign", type: 1, signature: bytes("0a0b0c") }, "1003 0a0b0c"],
  ["6.6 T, counter", { kind: "timestamp", type: 2, value: bytes("00000009") }, "00 02 00000009"],
  ["6.7 ID, NAI", { kind: "id", type: 0, data: bytes("6140 62".replace(" ", "")) }, "00 00 0003 614062"],
  ["6.7 CERT, URL", { kind: "certificate", type: 1, data: bytes("75") }, "00 01 0001 75"],
  [
    "6.8 CHASH, MD5",
    { kind: "certificate-hash", hashFunction: 1, hash: bytes("77".repeat(16)) },
    `00 01 ${"77".repeat(16)}`,
  ],
  ["6.9 V", { kind: "verification", macAlgorithm: 1, mac: bytes("66".repeat(20)) }, `00 01 ${"66".repeat(20)}`],
  [
    "6.10 SP",
    {
      kind: "policy",
      number: 3,
      protocol: 0,
      parameters: [
        { type: 0, value: bytes("01") },
        { type: 6, value: bytes("0100") },
      ],
    },
    "00 03 00 0007 00 01 01 06 02 0100",
  ],
  ["6.11 RAND", { kind: "rand", rand: bytes("99".repeat(16)) }, `00 10 ${"99".repeat(16)}`],
  ["6.12 ERR", { kind: "error", number: 10 }, "00 0a 0000"],
  ["6.15 extension", { kind: "extension", type: 1, data: bytes("6d696b6579") }, "00 01 0005 6d696b6579"],
];
const typeNumbers: Record<string, number> = {
  kemac: 1,
  pke: 2,
  dh: 3,
  sign: 4,
  timestamp: 5,
  id: 6,
  certificate: 7,
  "certificate-hash": 8,
  verification: 9,
  policy: 10,
  rand: 11,
  error: 12,
  extension: 21,
};
const printedHeader = (next: number) =>
  `0100${next.toString(16).padStart(2, "0")}80 01020304 01 00 07 11121314 00000005`;
const packed = (text: string) => text.replaceAll(" ", "");

for (const [name, payload, picture] of pictures)
  test(`section ${name}`, () => {
    const printed = packed(printedHeader(typeNumbers[payload.kind]) + picture);
    assert.is(hex(printMessage({ header, payloads: [payload] })), printed);
    const parsed = parseMessage(bytes(printed));
    assert.ok(parsed.ok);
    if (!parsed.ok) return;
    assert.equal(parsed.value.header, header);
    assert.equal(parsed.value.payloads, [payload]);
    assert.equal(parsed.value.offsets, [19]);
    for (let length = 0; length < printed.length / 2; length++) {
      const cut = parseMessage(bytes(printed).subarray(0, length));
      assert.not(cut.ok, `cut to ${length} bytes`);
      if (!cut.ok) assert.ok((cut.error.offset ?? -1) <= length);
    }
  });

const keyPictures: readonly [Payload, string][] = [
  [{ kind: "key-data", type: 0, key: bytes("0102"), validity: { kind: "none" } }, "00 00 0002 0102"],
  [
    { kind: "key-data", type: 1, key: bytes("0102"), salt: bytes("0304"), validity: { kind: "spi", spi: bytes("05") } },
    "00 11 0002 0102 0002 0304 01 05",
  ],
  [
    {
      kind: "key-data",
      type: 2,
      key: bytes("0102"),
      validity: { kind: "interval", from: bytes("0a"), to: bytes("0b0c") },
    },
    "00 22 0002 0102 01 0a 02 0b0c",
  ],
  [{ kind: "key-data", type: 3, key: bytes(""), salt: bytes(""), validity: { kind: "none" } }, "00 30 0000 0000"],
];

test("sections 6.13, 6.14: key data with salt, SPI and interval", () => {
  for (const [payload, picture] of keyPictures) {
    assert.is(hex(printPayloads([payload])), packed(picture));
    const parsed = parsePayloads(bytes(packed(picture)), 20);
    assert.ok(parsed.ok);
    if (parsed.ok) assert.equal(parsed.value, [payload]);
  }
  const two = parsePayloads(bytes("140000010a" + "000000010b"), 20);
  assert.ok(two.ok && two.value.length === 2);
  const extra = parsePayloads(bytes("000000010aff"), 20);
  assert.ok(!extra.ok && extra.error.code === "trailing" && extra.error.offset === 5);
});

test("RFC 4563 section 4: key IDs in an extension; RFC 4738: a group's CSB ID", () => {
  const ids = [
    { type: 0, id: bytes("a1a2") },
    { type: 2, id: bytes("") },
  ];
  const extension = keyIdExtension(ids);
  assert.equal([extension.type, hex(extension.data)], [3, "0002a1a20200"]);
  const read = parseKeyIds(extension.data);
  assert.ok(read.ok);
  if (read.ok) assert.equal(read.value, ids);
  const cut = parseKeyIds(bytes("0002a1"));
  assert.ok(!cut.ok && cut.error.code === "truncated" && cut.error.offset === 2);
  const csb = csbIdExtension(0x01020304);
  assert.equal([csb.type, hex(csb.data)], [4, "01020304"]);
  const back = parseCsbId(csb.data);
  assert.ok(back.ok && back.value === 0x01020304);
  const long = parseCsbId(bytes("0102030405"));
  assert.ok(!long.ok && long.error.code === "trailing" && long.error.offset === 4);
});

test("errors name what is wrong and where", () => {
  const cases: readonly [string, string, number][] = [
    ["02" + "00".repeat(9), "unsupported-version", 0],
    ["0100058001020304 01 05", "unsupported-cs-map", 9],
    [`${printedHeader(5)} 00 07 00`, "unsupported-timestamp", 20],
    [`${printedHeader(3)} 00 63 00`, "unsupported-dh-group", 20],
    [`${printedHeader(9)} 00 09`, "unsupported-mac", 20],
    [`${printedHeader(8)} 00 09`, "unsupported-hash", 20],
    [`${printedHeader(20)} 00 40 0000`, "unsupported-key-data", 20],
    [`${printedHeader(11)} 00 10 0102`, "truncated", 21],
    [`${printedHeader(10)} 00 00 00 0003 00 05 01`, "truncated", 26],
  ];
  for (const [text, code, offset] of cases) {
    const parsed = parseMessage(bytes(packed(text)));
    assert.not(parsed.ok);
    if (!parsed.ok) assert.equal([parsed.error.code, parsed.error.offset], [code, offset], text);
  }
});

test("counts and sizes are bounded", () => {
  const long = parseMessage(new Uint8Array(MAX_MESSAGE_BYTES + 1));
  assert.ok(!long.ok && long.error.code === "too-long");
  const many = parseMessage(bytes(packed(printedHeader(6)) + "06000000".repeat(1000)));
  assert.ok(!many.ok && many.error.code === "too-many");
  const policy = bytes(packed(`${printedHeader(10)} 00 00 00 00c8`) + "0000".repeat(100));
  const wide = parseMessage(policy);
  assert.ok(!wide.ok && wide.error.code === "too-many");
});

test("an unknown payload is kept with all that follows; its codec can be added", () => {
  const message = bytes(packed(`${printedHeader(5)} 99 00 0102030405060708 00 dead`));
  const parsed = parseMessage(message);
  assert.ok(parsed.ok);
  if (!parsed.ok) return;
  assert.equal(parsed.value.payloads[1], { kind: "opaque", type: 0x99, data: bytes("00dead") });
  assert.is(hex(printMessage(parsed.value)), hex(message));
  const codec = {
    type: 0x99,
    kind: "made-up",
    parse: (reader: { take(length: number, what: string): Uint8Array }) => ({
      kind: "made-up",
      data: reader.take(2, "x"),
    }),
    print() {},
  };
  const known = parseMessage(message, codecTable([...rfc3830Codecs, codec]));
  assert.ok(known.ok && (known.value.payloads[1].kind as string) === "made-up");
});

test("values that do not fit their field are refused when writing", () => {
  const write = (payload: Payload) => () => printMessage({ header, payloads: [payload] });
  assert.throws(write({ kind: "rand", rand: new Uint8Array(256) }), RangeError);
  assert.throws(write({ kind: "sign", type: 0, signature: new Uint8Array(4096) }), RangeError);
  assert.throws(write({ kind: "dh", group: 0, value: new Uint8Array(191), validity: { kind: "none" } }), RangeError);
  assert.throws(write({ kind: "timestamp", type: 0, value: new Uint8Array(4) }), RangeError);
  assert.throws(
    write({ kind: "kemac", encryption: 0, data: new Uint8Array(0), macAlgorithm: 1, mac: new Uint8Array(0) }),
  );
  assert.throws(() => printMessage({ header: { ...header, sessionCount: 2 }, payloads: [] }), RangeError);
  const late: Message = {
    header,
    payloads: [
      { kind: "sign", type: 0, signature: new Uint8Array(1) },
      { kind: "rand", rand: new Uint8Array(16) },
    ],
  };
  assert.throws(() => printMessage(late), TypeError);
});

/** Reads and writes: the bytes must come back, whatever trails them. */
function roundTrip(data: Uint8Array, name: string): void {
  const parsed = parseMessage(data);
  assert.ok(parsed.ok, `${name}: ${parsed.ok ? "" : `${parsed.error.code} at ${parsed.error.offset}`}`);
  if (!parsed.ok) return;
  assert.is(hex(printMessage(parsed.value)) + hex(parsed.value.trailing), hex(data), name);
  assert.not(
    parsed.value.payloads.some((payload) => payload.kind === "opaque"),
    name,
  );
}

test("policies read one after the other are each what their bytes say, whatever was read before", () => {
  const message = (suite: MikeySuite, number: number, damage?: number) => {
    const header = { dataType: 0, verify: false, prf: 0, csbId: 1, mapType: 1, sessionCount: 0, sessions: [] };
    const bytes = printMessage({ header, payloads: [policyFor(suite, number)] });
    if (damage !== undefined) bytes[bytes.length - 1 - damage] ^= 1;
    return bytes;
  };
  const read = (bytes: Uint8Array) => {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) return parsed.error.code;
    return parsed.value.payloads.map((one) => (one.kind === "policy" ? [one.number, readPolicy(one)] : []));
  };
  const all = [
    message("AES_CM_128_HMAC_SHA1_80", 0),
    message("AES_CM_128_HMAC_SHA1_32", 0),
    message("AES_CM_128_HMAC_SHA1_80", 9),
    message("AEAD_AES_128_GCM", 1),
    // The value, the length and the type of the last parameter.
    ...[0, 1, 2].map((damage) => message("AES_CM_128_HMAC_SHA1_80", 0, damage)),
  ];
  const fresh = all.map(read);
  for (const [i, first] of all.entries())
    for (const [k, second] of all.entries()) {
      read(first);
      assert.equal(read(second), fresh[k], `${k} behind ${i}`);
    }
  assert.is(new Set(fresh.map((one) => JSON.stringify(one))).size, all.length);
});

if (haveShared("vectors/mikey")) {
  for (const file of sharedFiles("vectors/mikey").filter((name) => name.startsWith("minisip-")))
    test(`${file}: read and written to the same bytes, payloads as decoded`, () => {
      interface Exchange {
        iMessage: string;
        rMessage: string;
        iDecoded: { type: string; off: number }[];
        rDecoded: { type: string; off: number }[];
      }
      const exchange = sharedJson<Exchange>(`vectors/mikey/${file}`);
      for (const [base64, decoded] of [
        [exchange.iMessage, exchange.iDecoded],
        [exchange.rMessage, exchange.rDecoded],
      ] as const) {
        const data = new Uint8Array(Buffer.from(base64, "base64"));
        roundTrip(data, file);
        const parsed = parseMessage(data);
        if (parsed.ok)
          assert.equal(
            parsed.value.offsets,
            decoded.slice(1).map((payload) => payload.off),
          );
      }
    });

  for (const file of ["rfc4567-examples", "onvif-mikey-examples", "gortsplib-mikey-psk-messages"])
    test(`${file}: read and written to the same bytes`, () => {
      const { messages } = sharedJson<{ messages: { name: string; hex: string; decoded: string[] }[] }>(
        `vectors/mikey/${file}.json`,
      );
      assert.ok(messages.length > 0);
      for (const message of messages) {
        roundTrip(bytes(message.hex), message.name);
        const parsed = parseMessage(bytes(message.hex));
        if (parsed.ok) assert.is(parsed.value.payloads.length, message.decoded.length - 2, message.name);
      }
    });

  test("malformed messages are refused with an offset, without a throw", () => {
    const { inputs } = sharedJson<{ inputs: { id: string; hex: string }[] }>(
      "vectors/mikey/gortsplib-mikey-fuzz-seeds.json",
    );
    let refused = 0;
    for (const input of inputs) {
      const parsed = parseMessage(bytes(input.hex));
      if (!parsed.ok) {
        refused++;
        assert.type(parsed.error.offset, "number");
      }
    }
    assert.ok(refused > inputs.length / 2, `${refused} of ${inputs.length} refused`);
  });
}

test.run();
