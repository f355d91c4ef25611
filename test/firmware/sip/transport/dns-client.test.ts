// Questions to DNS servers that behave, and to ones that do not: wrong IDs, other questions, cut answers, lame ones, silence, loops, noise.

import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { createServer, type Server, type Socket as Stream } from "node:net";
import * as packet from "dns-packet";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { dnsClient, parseServer, readAnswer } from "../../../../firmware/sip/transport/dns-client.js";
import { eventually } from "../../../support/wait.js";

const dns = suite("DNS client");
const open: { close(): void }[] = [];
dns.after.each(() => {
  for (const each of open.splice(0)) each.close();
});

interface Question {
  readonly id: number;
  readonly name: string;
  readonly type: string;
}

/** Answers to one question over UDP: as many datagrams as it likes. */
type Behaviour = (question: Question, raw: Buffer) => readonly Buffer[];

const { AUTHORITATIVE_ANSWER: AA, RECURSION_AVAILABLE: RA, TRUNCATED_RESPONSE: TC } = packet;
const address = (name: string, data: string, ttl = 60) => ({ type: "A" as const, name, ttl, data });

function answer(question: Question, answers: readonly packet.Answer[], more: Partial<packet.Packet> = {}): Buffer {
  return packet.encode({
    type: "response",
    id: question.id,
    flags: RA,
    questions: [{ name: question.name, type: question.type as "A" }],
    answers: [...answers],
    ...more,
  });
}

/** Flags with a response code. */
const code = (rcode: number): number => RA | rcode;

async function server(udp: Behaviour, tcp?: (question: Question) => readonly Buffer[]) {
  const asked: Question[] = [];
  const read = (raw: Buffer): Question => {
    const { id, questions } = packet.decode(raw);
    return { id: id ?? 0, name: questions?.[0].name ?? "", type: questions?.[0].type ?? "" };
  };
  for (;;) {
    const socket: Socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const { port } = socket.address();
    const stream: Server = createServer((connection: Stream) => {
      connection.on("error", () => {});
      connection.on("data", (data: Buffer) => {
        for (const piece of tcp?.(read(data.subarray(2))) ?? []) connection.write(piece);
        if (!tcp) connection.destroy();
      });
    });
    const bound = await new Promise<boolean>((resolve) => {
      stream.once("error", () => resolve(false));
      stream.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!bound) {
      socket.close();
      continue;
    }
    socket.on("message", (raw: Buffer, from: RemoteInfo) => {
      const question = read(raw);
      asked.push(question);
      for (const bytes of udp(question, raw)) socket.send(bytes, from.port, from.address);
    });
    open.push(socket, stream);
    return { at: `127.0.0.1:${port}`, asked };
  }
}

const client = (servers: readonly { at: string }[], timeoutMs = 1000) =>
  dnsClient({ servers: servers.map(({ at }) => at), timeoutMs });

/** An answer that is there must not be too late because the machine is busy: a second. */
async function records(from: { at: string }, name = "a.test", type: "A" | "SRV" | "NAPTR" = "A"): Promise<unknown> {
  const found = await client([from]).query(name, type);
  return found.ok ? found.value.records : found.error.code;
}

dns("its own servers and ports: the configuration's, in order, IPv6 in brackets", () => {
  assert.equal(parseServer("192.0.2.53"), { host: "192.0.2.53", port: 53 });
  assert.equal(parseServer("192.0.2.53:5353"), { host: "192.0.2.53", port: 5353 });
  assert.equal(parseServer("[2001:db8::53]:5353"), { host: "2001:db8::53", port: 5353 });
  assert.equal(parseServer("2001:db8::53"), { host: "2001:db8::53", port: 53 });
  for (const text of ["", "dns.example.com", "192.0.2.53:", "[192.0.2.53", "192.0.2.53:abc"])
    assert.throws(() => parseServer(text), RangeError, text);
});

dns("a question as RFC 1035 writes it, answers with their TTL", async () => {
  let raw: Buffer = Buffer.alloc(0);
  const one = await server((question, bytes) => {
    raw = bytes;
    return [answer(question, [address("A.test", "192.0.2.1", 300), address("a.test", "192.0.2.2", 30)])];
  });
  const found = await client([one]).query("a.test", "A");
  assert.equal(found, { ok: true, value: { records: ["192.0.2.1", "192.0.2.2"], ttlS: 30, isAuthenticated: false } });
  // Section 4.1: ID, RD and AD, one question, an OPT behind it; QNAME 1 "a" 4 "test" 0, type A, class IN.
  assert.is(raw.subarray(2, 12).toString("hex"), "01200001000000000001");
  assert.is(raw.subarray(12, 23).toString("hex"), "01610474657374000001" + "00");
});

dns("a CNAME is followed, records of other names are not taken", async () => {
  const one = await server((question) => [
    answer(question, [
      { type: "CNAME", name: "a.test", ttl: 20, data: "b.test" },
      address("b.test", "192.0.2.7", 600),
      address("evil.test", "203.0.113.1"),
      address("a.test.evil.test", "203.0.113.2"),
    ]),
  ]);
  const found = await client([one]).query("a.test", "A");
  assert.ok(found.ok);
  assert.equal(found.value.records, ["192.0.2.7"]);
  assert.is(found.value.ttlS, 20, "the shortest");
});

dns("CNAMEs in a circle end", async () => {
  const one = await server((question) => [
    answer(question, [
      { type: "CNAME", name: "a.test", ttl: 20, data: "b.test" },
      { type: "CNAME", name: "b.test", ttl: 20, data: "a.test" },
    ]),
  ]);
  assert.equal(await records(one), []);
});

dns("no such name, and a name without the type: no records, for as long as the SOA says", async () => {
  const soa = {
    type: "SOA" as const,
    name: "test",
    ttl: 900,
    data: { mname: "ns.test", rname: "a.test", minimum: 120, serial: 1, refresh: 1, retry: 1, expire: 1 },
  };
  for (const rcode of [0, 3]) {
    const one = await server((question) => [answer(question, [], { flags: code(rcode), authorities: [soa] })]);
    const found = await client([one]).query("a.test", "A");
    assert.equal(found.ok && [found.value.records, found.value.ttlS], [[], 120]);
  }
});

dns(
  "another ID, another question, no question, a question sent back: passed over, the right answer still counts",
  async () => {
    const forged = [address("a.test", "203.0.113.66")];
    const one = await server((question, raw) => [
      answer({ ...question, id: question.id ^ 1 }, forged),
      answer({ ...question, name: "b.test" }, forged),
      answer({ ...question, type: "AAAA" }, forged),
      answer(question, forged, { questions: [] }),
      answer(question, forged, {
        questions: [
          { name: "a.test", type: "A" },
          { name: "a.test", type: "A" },
        ],
      }),
      raw,
      Buffer.from("noise"),
      answer(question, [address("a.test", "192.0.2.1")]),
    ]);
    assert.equal(await records(one), ["192.0.2.1"]);
    const wrong = await server((question) => [answer({ ...question, name: "b.test" }, forged)]);
    assert.is(await records(wrong), "timeout");
  },
);

dns("every question has an ID and a port of its own", async () => {
  const ids = new Set<number>();
  const ports = new Set<number>();
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  open.push(socket);
  socket.on("message", (raw, from) => {
    ids.add(raw.readUInt16BE(0));
    ports.add(from.port);
  });
  const silent = client([{ at: `127.0.0.1:${socket.address().port}` }], 10);
  await Promise.all(Array.from({ length: 20 }, (_, i) => silent.query(`n${i}.test`, "A")));
  // 40 questions: each is asked twice. What the socket holds is read after the last of them has been given up.
  await eventually("the questions, with IDs and ports of their own", 20_000, () => ids.size >= 35 && ports.size >= 20);
});

dns("an answer that does not fit: asked again over TCP, in whatever pieces", async () => {
  const many = (name: string) => Array.from({ length: 40 }, (_, i) => address(name, `192.0.2.${i + 1}`));
  const framed = (question: Question): Buffer => {
    const bytes = answer(question, many(question.name));
    return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
  };
  const cut: Behaviour = (question) => [answer(question, [], { flags: RA | TC })];
  const whole = await server(cut, (question) => {
    const bytes = framed(question);
    return [bytes.subarray(0, 1), bytes.subarray(1, 100), bytes.subarray(100)];
  });
  assert.is(((await records(whole)) as string[]).length, 40);
  assert.is(await records(await server(cut)), "server", "it closes the connection");
  assert.is(await records(await server(cut, () => [Buffer.from([0, 3, 1, 2, 3])])), "malformed");
  assert.is(await records(await server(cut, () => [Buffer.from([255])])), "timeout");
  const other = await server(cut, (question) => [framed({ ...question, name: "b.test" })]);
  assert.is(await records(other), "malformed", "the question is checked there too");
});

dns("the next server where one is silent, refuses, fails, is lame or closed; each is asked twice", async () => {
  const silent = await server(() => []);
  const refuses = await server((question) => [answer(question, [], { flags: code(5) })]);
  const fails = await server((question) => [answer(question, [], { flags: code(2), questions: [] })]);
  const lame = await server((question) => [
    answer(question, [], {
      flags: 0,
      authorities: [{ type: "NS", name: "test", ttl: 60, data: "ns.elsewhere.test" }],
    }),
  ]);
  const good = await server((question) => [answer(question, [address("a.test", "192.0.2.1")], { flags: AA })]);
  const closed = { at: "127.0.0.1:1" };
  const found = await client([silent, refuses, fails, lame, closed, good]).query("a.test", "A");
  assert.ok(found.ok);
  assert.equal(found.value.records, ["192.0.2.1"]);
  for (const each of [silent, refuses, fails, lame, good]) assert.is(each.asked.length, 1);
  assert.is(await records(refuses), "server");
  assert.is(await records(lame), "server");
  assert.is(await records(silent), "timeout");
  assert.is(silent.asked.length, 3);
});

dns("SRV and NAPTR: fields as they are; a port 0 leads nowhere, the root as target stays", async () => {
  const srv = (port: number, target: string) => ({
    type: "SRV" as const,
    name: "a.test",
    ttl: 60,
    data: { priority: 1, weight: 2, port, target },
  });
  const one = await server((question) => [answer(question, [srv(5060, "p.test"), srv(0, "q.test")])]);
  assert.equal(await records(one, "a.test", "SRV"), [{ priority: 1, weight: 2, port: 5060, target: "p.test" }]);
  const none = await server((question) => [answer(question, [srv(0, ".")])]);
  assert.is(((await records(none, "a.test", "SRV")) as unknown[]).length, 1);
  const data = {
    order: 10,
    preference: 50,
    flags: "s",
    services: "SIP+D2U",
    regexp: "",
    replacement: "_sip._udp.a.test",
  };
  const naptr = await server((question) => [answer(question, [{ type: "NAPTR", name: "a.test", ttl: 60, data }])]);
  assert.equal(await records(naptr, "a.test", "NAPTR"), [data]);
});

dns("names that do not fit the format are not asked for", async () => {
  const one = await server((question) => [answer(question, [address(question.name, "192.0.2.1")])]);
  for (const name of [`${"a".repeat(64)}.test`, "a..test", Array(64).fill("abc").join("."), ""])
    assert.equal(await records(one, name), []);
  assert.is(one.asked.length, 0);
});

dns("a thousand records are cut to a bound", () => {
  const question: Question = { id: 7, name: "a.test", type: "A" };
  const many = Array.from({ length: 1000 }, (_, i) => address("a.test", `10.0.${i >> 8}.${i & 255}`));
  const found = readAnswer(answer(question, many), 7, "a.test", "A");
  assert.is(found.ok && found.value.records.length, 64);
});

dns("compression that points at itself, forwards, or round and round ends", () => {
  const head = "000781800001000100000000";
  const question = "0161047465737400" + "00010001";
  for (const name of ["c017", "c019", "c0ff", "ffff", "0161c017", "3f61", "4061"]) {
    const bytes = Buffer.from(`${head}${question}${name}000100010000003c0004c0000201`, "hex");
    const found = readAnswer(bytes, 7, "a.test", "A");
    assert.ok(!found.ok || found.value.records.length === 0, name);
  }
  const good = readAnswer(Buffer.from(`${head}${question}c00c000100010000003c0004c0000201`, "hex"), 7, "a.test", "A");
  assert.equal(good.ok && good.value.records, ["192.0.2.1"]);
});

dns("random and changed bytes never throw and never hang", () => {
  const question: Question = { id: 7, name: "a.test", type: "SRV" };
  const base = answer(question, [
    { type: "CNAME", name: "a.test", ttl: 20, data: "b.test" },
    { type: "SRV", name: "b.test", ttl: 20, data: { priority: 1, weight: 1, port: 5060, target: "p.b.test" } },
    {
      type: "NAPTR",
      name: "b.test",
      ttl: 20,
      data: { order: 1, preference: 1, flags: "s", services: "SIP+D2U", regexp: "", replacement: "x.b.test" },
    },
    { type: "TXT", name: "b.test", ttl: 20, data: ["v=x", "y"] },
    { type: "AAAA", name: "b.test", ttl: 20, data: "2001:db8::1" },
  ]);
  const types = ["SRV", "NAPTR", "TXT", "A", "AAAA"] as const;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      fc.nat(base.length),
      fc.constantFrom(...types),
      (edits, cut, type) => {
        const changed = Buffer.from(base.subarray(0, base.length - (cut % 40)));
        for (const [at, value] of edits) if (at < changed.length) changed[at] = value;
        const found = readAnswer(changed, 7, "a.test", type);
        if (found.ok) assert.ok(found.value.records.length <= 64 && found.value.ttlS >= 0);
      },
    ),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 512 }), (any) => void readAnswer(Buffer.from(any), 7, "a.test", "A")),
    { numRuns: 3000 },
  );
});

dns.run();
