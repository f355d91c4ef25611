// TCP between user agents on loopback: size, reuse, loss, bounds, slow senders, keep-alives.

import { randomBytes } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../../firmware/runtime/clock.js";
import { systemTimers } from "../../../../firmware/runtime/timers.js";
import {
  openTcp,
  type RequestOutcome,
  type SipMessage,
  type SipTransport,
  type StreamLimits,
  UdpTransport,
  UserAgent,
  type UserAgentOptions,
} from "../../../../firmware/sip/index.js";
import { eventually, pause } from "../../../support/wait.js";
import { listen, outgoing, sdp } from "../support.js";

const agents: UserAgent[] = [];
const sockets: Socket[] = [];
const streams = suite("streams");

streams.after.each(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(agents.splice(0).map((ua) => ua.close()));
});

async function both(limits: Partial<StreamLimits> = {}): Promise<SipTransport[]> {
  for (;;) {
    const udp = await UdpTransport.open({ host: "127.0.0.1", port: 0 });
    try {
      return [udp, await openTcp({ host: "127.0.0.1", port: udp.local.port, limits })];
    } catch {
      await udp.close();
    }
  }
}

function agent(transport: readonly SipTransport[], options: Partial<UserAgentOptions> = {}): UserAgent {
  const ua = new UserAgent({
    transport,
    clock: systemClock,
    timers: systemTimers,
    random: randomBytes,
    contact: { user: "u" },
    limits: { closeMs: 300 },
    ...options,
  });
  agents.push(ua);
  return ua;
}

const uri = (ua: UserAgent, parameters = ""): string => `sip:u@127.0.0.1:${ua.local.port}${parameters}`;
const from = { uri: "sip:me@127.0.0.1" };

function ask(ua: UserAgent, target: string, method = "OPTIONS"): Promise<RequestOutcome> {
  return new Promise((resolve) => ua.request(method, { target, from }, resolve));
}

/** A raw connection and what came over it. */
async function raw(port: number): Promise<{ socket: Socket; text: () => string; closed: () => boolean }> {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  let text = "";
  let closed = false;
  socket.on("data", (data) => {
    text += data;
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  return { socket, text: () => text, closed: () => closed };
}

const options = (n: number): string =>
  [
    "OPTIONS sip:u@127.0.0.1 SIP/2.0",
    `Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK${n}`,
    "Max-Forwards: 70",
    "From: <sip:raw@127.0.0.1>;tag=1",
    "To: <sip:u@127.0.0.1>",
    `Call-ID: raw${n}`,
    "CSeq: 1 OPTIONS",
    "Content-Length: 0",
    "",
    "",
  ].join("\r\n");

streams("a whole call over TCP: one connection each way it is asked for, and it is used again", async () => {
  const [alice, bob] = [agent(await both()), agent(await both())];
  const log: string[] = [];
  bob.events = {
    invite(call) {
      assert.is(call.source.transport, "tcp");
      assert.match(call.request.headers.get("Contact") ?? "", /;transport=tcp>/);
      call.provisional(180);
      listen(call.accept({ body: sdp("answer") }), log, "bob");
    },
  };
  alice.invite(
    { target: uri(bob, ";transport=tcp"), from, body: sdp("offer") },
    outgoing(log, "alice", {
      accepted: (dialog) => {
        dialog.ack();
        setTimeout(() => dialog.bye(), 50);
      },
    }),
  );
  await eventually(
    "the end of the call",
    20_000,
    () => log.includes("alice ended by us") && log.includes("bob ended by peer"),
  );
  assert.equal(log, [
    "alice sent",
    "alice 180",
    "alice accepted 200",
    "bob acked",
    "bob ended by peer",
    "alice ended by us",
  ]);
  assert.is(alice.connections, 1);
  assert.is(bob.connections, 1);
  assert.ok("ok" in (await ask(alice, uri(bob, ";transport=tcp"))));
  assert.is(alice.connections, 1);
});

streams(
  "a request over 1300 bytes takes TCP, a small one UDP, and both say so in their Via (RFC 3261 section 18.1.1)",
  async () => {
    const [alice, bob] = [agent(await both()), agent(await both())];
    const vias: string[] = [];
    const contacts: string[] = [];
    bob.events = {
      invite(call) {
        vias.push(`${call.source.transport} ${call.request.headers.get("Via")?.slice(0, 11)}`);
        contacts.push(call.request.headers.get("Contact") ?? "");
        call.reject(486);
      },
    };
    for (const body of ["x".repeat(2500), "small"])
      await new Promise<void>((resolve) =>
        alice.invite({ target: uri(bob), from, body: sdp(body) }, { ...outgoing([], ""), failed: () => resolve() }),
      );
    assert.equal(vias, ["tcp SIP/2.0/TCP", "udp SIP/2.0/UDP"]);
    assert.ok(
      contacts.every((one) => !one.includes("transport=")),
      "later requests may take either",
    );
    assert.is(alice.counters()["sent-over-mtu"], 0);
  },
);

streams(
  "what is over 1300 bytes only with long names goes over UDP with compact ones, at once, and so does its answer",
  async () => {
    const sizes: number[] = [];
    const transports = await both();
    const send = transports[0].send.bind(transports[0]);
    transports[0].send = (bytes, to, done) => {
      sizes.push(bytes.length);
      send(bytes, to, done);
    };
    const [alice, bob] = [agent(transports), agent(await both())];
    const seen: string[] = [];
    const note = (by: string, message: SipMessage): void => {
      const names = message.headers.entries().map(([name]) => name);
      seen.push(`${by} ${names.filter((name) => name.length === 1).length > 5 ? "compact" : "long"}`);
    };
    bob.events = {
      invite(call) {
        note(`INVITE ${call.source.transport}`, call.request);
        listen(call.accept({ body: sdp("y".repeat(call.request.body.length < 10 ? 1 : 1100)) }), [], "bob");
      },
    };
    const place = (length: number): Promise<void> =>
      new Promise((resolve) =>
        alice.invite(
          { target: uri(bob), from, body: sdp("x".repeat(length)) },
          {
            ...outgoing([], ""),
            accepted: (response, dialog) => {
              note(`${response.status}`, response);
              dialog.events = { acked() {}, reinvite() {}, ended: () => resolve() };
              dialog.ack();
              dialog.bye();
            },
          },
        ),
      );
    await place(1);
    const longHead = sizes[0] - 1;
    await place(1340 - longHead);
    assert.equal(seen, ["INVITE udp long", "200 long", "INVITE udp compact", "200 compact"]);
    assert.ok(
      sizes.every((size) => size <= 1300),
      sizes.join(),
    );
    assert.is(alice.counters()["sent-over-mtu"], 0);
    assert.is(alice.counters()["failed-over"], 0);
    assert.is(alice.connections, 0, "TCP was never tried");
  },
);

streams(
  "the other end has no TCP: the large request goes by UDP at once, and the next one without trying",
  async () => {
    const alice = agent(await both());
    const bob = agent([await UdpTransport.open({ host: "127.0.0.1", port: 0 })]);
    let got = 0;
    bob.events = {
      invite(call) {
        got++;
        call.reject(486);
      },
    };
    const place = (): Promise<number> =>
      new Promise((resolve) =>
        alice.invite(
          { target: uri(bob), from, body: sdp("x".repeat(2500)) },
          { ...outgoing([], ""), failed: (failure) => resolve(failure.status) },
        ),
      );
    assert.is(await place(), 486);
    assert.is(alice.counters()["failed-over"], 1);
    assert.is(await place(), 486);
    assert.is(alice.counters()["failed-over"], 1);
    assert.is(alice.counters()["sent-over-mtu"], 2);
    assert.is(got, 2);
  },
);

streams("CANCEL and the ACK of a failure go the way the INVITE went", async () => {
  const [alice, bob] = [agent(await both()), agent(await both())];
  const log: string[] = [];
  bob.events = {
    invite(call) {
      call.events = { cancelled: () => log.push("cancelled") };
      call.provisional(180);
    },
  };
  const call = alice.invite(
    { target: uri(bob), from, body: sdp("x".repeat(2500)) },
    { ...outgoing(log, "alice"), provisional: () => call.cancel() },
  );
  await eventually("the end", 20_000, () => log.includes("alice failed 487 response"));
  assert.ok(log.includes("cancelled"));
  await eventually("the ACK", 20_000, () => bob.size().server === 0 && bob.counters()["stray-ack"] === 0);
});

streams("a connection that breaks fails what waits for it at once, not after 32 s", async () => {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const alice = agent(await both());
  const began = Date.now();
  const outcome = await ask(alice, `sip:x@127.0.0.1:${port};transport=tcp`);
  assert.ok("failed" in outcome && outcome.failed.cause === "transport", JSON.stringify(outcome));
  assert.ok(Date.now() - began < 25_000);
  server.close();
});

streams("a connection that breaks while it rings: the call goes on, its answer comes over a new one", async () => {
  let invite = "";
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      invite ||= `${data}`;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const alice = agent(await both());
  const log: string[] = [];
  alice.invite(
    { target: `sip:x@127.0.0.1:${port};transport=tcp`, from, body: sdp("offer") },
    outgoing(log, "alice", { accepted: (dialog) => dialog.ack() }),
  );
  await eventually("the INVITE", 20_000, () => invite.includes("offer"));
  const fields = (names: string): string =>
    invite
      .split("\r\n")
      .filter((line) => new RegExp(`^(?:${names}):`, "i").test(line))
      .map((line) => (line.startsWith("To:") ? `${line};tag=t` : line))
      .join("\r\n");
  const response = (status: string): string =>
    `SIP/2.0 ${status}\r\n${fields("Via|From|To|Call-ID|CSeq")}\r\nContact: <sip:x@127.0.0.1:${port};transport=tcp>\r\nContent-Length: 0\r\n\r\n`;
  sockets[0].write(response("180 Ringing"));
  await eventually("ringing", 20_000, () => log.includes("alice 180"));
  sockets[0].destroy();
  await eventually("the end of the connection", 20_000, () => alice.connections === 0);
  await pause(100);
  assert.not.ok(
    log.some((line) => line.includes("failed")),
    log.join(),
  );
  // The server comes back to where our Via says we listen (RFC 3261 section 18.2.2).
  const back = connect(alice.locals[1].port, "127.0.0.1");
  sockets.push(back);
  back.write(response("200 OK"));
  await eventually("the answer", 20_000, () => log.includes("alice accepted 200"));
  server.close();
});

streams("nobody listens: said at once", async () => {
  const alice = agent(await both());
  const outcome = await ask(alice, "sip:x@127.0.0.1:1;transport=tcp");
  assert.ok("failed" in outcome && outcome.failed.cause === "transport");
  assert.match("failed" in outcome ? outcome.failed.reason : "", /ECONNREFUSED/);
});

streams(
  "responses go back over the connection; when it is gone, to where the client listens (section 18.2.2)",
  async () => {
    const bob = agent(await both());
    let answer: (() => void) | undefined;
    bob.events = {
      invite(call) {
        answer = () => call.reject(486);
      },
    };
    const arrived: string[] = [];
    const listening = createServer((socket) => {
      sockets.push(socket);
      socket.on("data", (data) => arrived.push(...`${data}`.split("\r\n")));
    });
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const { port } = listening.address() as { port: number };
    const { socket } = await raw(bob.local.port);
    socket.write(
      options(1)
        .replaceAll("OPTIONS", "INVITE")
        .replace("127.0.0.1:9;", `127.0.0.1:${port};`)
        .replace("Content-Length", "Contact: <sip:raw@127.0.0.1>\r\nContent-Length"),
    );
    await eventually("the INVITE", 20_000, () => answer);
    socket.destroy();
    await eventually("the end of its connection", 20_000, () => bob.connections === 0);
    answer?.();
    await eventually("the response over a new connection", 20_000, () =>
      arrived.some((line) => line.startsWith("SIP/2.0 486")),
    );
    listening.close();
  },
);

streams("slow senders are closed: a message that does not end, a connection that says nothing", async () => {
  const bob = agent(await both({ messageMs: 200 }));
  const quiet = await raw(bob.local.port);
  const slow = await raw(bob.local.port);
  const drip = setInterval(() => slow.socket.write("X"), 20);
  slow.socket.write("OPTIONS sip:u@127.0.0.1 SIP/2.0\r\nX: ");
  await eventually("both to be closed", 20_000, () => quiet.closed() && slow.closed());
  clearInterval(drip);
  assert.is(bob.counters()["connections-slow"], 2);
  assert.is(bob.connections, 0);
});

streams("connections are bounded, from one address and in all", async () => {
  const bob = agent(await both({ perSource: 4, connections: 6 }));
  const opened: Awaited<ReturnType<typeof raw>>[] = [];
  for (let i = 0; i < 10; i++) opened.push(await raw(bob.local.port));
  await eventually("six to be closed", 20_000, () => opened.filter((one) => one.closed()).length === 6);
  assert.is(bob.connections, 4);
  assert.is(bob.counters()["connections-refused"], 6);
  opened.find((one) => !one.closed())?.socket.write(options(1));
  await eventually("an answer", 20_000, () => opened.some((one) => /SIP\/2\.0 200/.test(one.text())));
});

streams("a stream that cannot be read is answered 400 where it can be, and closed", async () => {
  const bob = agent(await both());
  const { socket, text, closed } = await raw(bob.local.port);
  socket.write(options(1));
  await eventually("200", 20_000, () => /SIP\/2\.0 200/.test(text()));
  socket.write(options(2).replace("Content-Length: 0", "Content-Length: many"));
  await eventually(
    "400 and the end",
    20_000,
    () => /SIP\/2\.0 400 Bad Request: bad or repeated Content-Length/.test(text()) && closed(),
  );
  assert.is(bob.counters()["framing-lost"], 1);
});

streams("who does not read is closed before the phone holds much", async () => {
  const bob = agent(await both({ unreadBytes: 20_000 }));
  const { socket, closed } = await raw(bob.local.port);
  socket.pause();
  for (let i = 0; i < 60_000 && !closed(); i++) {
    if (i % 500 === 0) await pause(1);
    if (socket.destroyed || !socket.writable) break;
    socket.write(options(i));
  }
  await eventually("the end of it", 20_000, () => bob.connections === 0);
  assert.is(bob.counters()["connections-unread"], 1);
});

streams("pings are answered (RFC 5626 section 4.4.1)", async () => {
  const bob = agent(await both());
  const { socket, text } = await raw(bob.local.port);
  socket.write(options(1));
  await eventually("200", 20_000, () => /SIP\/2\.0 200/.test(text()));
  const before = text().length;
  socket.write("\r\n\r\n");
  await eventually("a pong", 20_000, () => text().length > before);
  assert.is(text().slice(before), "\r\n");
});

streams("a flow is kept with pings, and its end is told when one is not answered", async () => {
  let answering = true;
  let pings = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      if (`${data}` !== "\r\n\r\n") return;
      pings++;
      if (answering) socket.write("\r\n");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const alice = agent(await both({ pongMs: 1500 }));
  let failure: string | undefined;
  let alive = 0;
  const options = { everyMs: 50, answered: true, alive: () => alive++ };
  alice.keepOpen({ host: "127.0.0.1", port, transport: "tcp" }, options, (error) => {
    failure = error.message;
  });
  await eventually("five pings", 20_000, () => pings >= 5 && alive >= 5);
  assert.is(failure, undefined);
  answering = false;
  await eventually("the end of the flow", 20_000, () => failure !== undefined);
  assert.match(failure ?? "", /keep-alive was not answered/);
  server.close();
});

streams("pings nobody need answer keep a flow; its end is told when the connection breaks", async () => {
  let pings = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", () => pings++);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const alice = agent(await both({ pongMs: 60 }));
  let failure: string | undefined;
  let alive = 0;
  const options = { everyMs: 40, alive: () => alive++ };
  alice.keepOpen({ host: "127.0.0.1", port, transport: "tcp" }, options, (error) => {
    failure = error.message;
  });
  await eventually("five pings", 20_000, () => pings >= 5);
  assert.ok(alive >= 3);
  assert.is(failure, undefined, "no answer is missed");
  for (const socket of sockets.splice(0)) socket.destroy();
  await eventually("the end of the flow", 20_000, () => failure !== undefined);
  server.close();
});

streams("a connection two flows share stays as long as one of them keeps it", async () => {
  let closed = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("close", () => closed++);
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const alice = agent(await both({ idleMs: 100 }));
  const to = { host: "127.0.0.1", port, transport: "tcp" } as const;
  const failures: string[] = [];
  const flows = [1, 2].map(() => alice.keepOpen(to, { everyMs: 60_000 }, (error) => failures.push(error.message))!);
  await eventually("the connection", 20_000, () => sockets.length === 1);
  await pause(50);
  flows[0].close();
  await pause(2300);
  assert.is(closed, 0);
  assert.equal(failures, []);
  flows[1].close();
  await eventually("its end for want of use", 20_000, () => closed === 1);
  assert.equal(failures, []);
  server.close();
});

streams("a ping is not given up while a message is coming in (RFC 5626 section 4.4.1)", async () => {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const alice = agent(await both({ pongMs: 1500 }));
  let failure: string | undefined;
  alice.keepOpen({ host: "127.0.0.1", port, transport: "tcp" }, { everyMs: 60_000, answered: true }, (error) => {
    failure = error.message;
  });
  await eventually("the connection", 20_000, () => sockets.length === 1);
  const [head, tail] = [
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKx\r\n",
    "Content-Length: 0\r\n\r\n",
  ];
  sockets[0].write(head);
  await pause(2000);
  assert.is(failure, undefined, "half a message: the answer may be behind it");
  sockets[0].write(`${tail}\r\n`);
  await pause(100);
  assert.is(failure, undefined, "there it is");
  server.close();
});

streams.run();
