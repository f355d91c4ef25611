// Two user agents call each other over loopback UDP, in real time.

import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemClock } from "../../../firmware/runtime/clock.js";
import { systemTimers } from "../../../firmware/runtime/timers.js";
import { type IncomingInvite, type InviteDialog, UdpTransport, UserAgent } from "../../../firmware/sip/index.js";
import { sdp } from "./support.js";

async function open(host: string, user: string): Promise<UserAgent> {
  return new UserAgent({
    transport: await UdpTransport.open({ host, port: 0 }),
    clock: systemClock,
    timers: systemTimers,
    random: randomBytes,
    contact: { user },
    product: "Test",
  });
}

for (const host of ["127.0.0.1", "::1"]) {
  test(`INVITE, 180, 200, ACK, BYE over ${host}`, async () => {
    const alice = await open(host, "alice");
    const bob = await open(host, "bob");
    const seen: string[] = [];
    let bobs: InviteDialog | undefined;
    bob.events = {
      invite(call: IncomingInvite) {
        seen.push("incoming");
        assert.is(call.source.port, alice.local.port);
        assert.ok(systemClock.now() - call.receivedAtMs < 1000);
        call.provisional(180);
        bobs = call.accept({ body: sdp("answer") });
        bobs.events = {
          acked: (request) => seen.push(`acked ${Buffer.from(request.body).toString()}`),
          reinvite: () => {},
          ended: (why) => seen.push(`bob ended by ${why.by}`),
        };
      },
    };
    await new Promise<void>((resolve, reject) => {
      const startedAt = systemClock.now();
      alice.invite(
        {
          target: bob.contactUri,
          from: { uri: "sip:alice@example.com", displayName: 'Alice "A" Ä' },
          body: sdp("offer"),
        },
        {
          sent: (atMs) => {
            assert.ok(atMs >= startedAt);
            seen.push("sent");
          },
          provisional: (response) => seen.push(`${response.status}`),
          accepted: (response, dialog) => {
            seen.push(`${response.status} ${Buffer.from(response.body).toString()}`);
            dialog.events = {
              acked: () => {},
              reinvite: () => {},
              ended: (why) => {
                seen.push(`alice ended by ${why.by}`);
                resolve();
              },
            };
            dialog.ack(sdp("late"));
            setTimeout(() => dialog.bye(), 20);
          },
          failed: (failure) => reject(new Error(failure.reason)),
        },
      );
    });
    assert.equal(seen, [
      "sent",
      "incoming",
      "180",
      "200 answer",
      "acked late",
      "bob ended by peer",
      "alice ended by us",
    ]);
    await Promise.all([alice.close(), bob.close()]);
  });
}

test("a port in use is said in words", async () => {
  const first = await UdpTransport.open({ host: "127.0.0.1", port: 0 });
  const { port } = first.local;
  try {
    await UdpTransport.open({ host: "127.0.0.1", port });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, `SIP port ${port}/udp on 127.0.0.1 is in use`);
  }
  await first.close();
});

test("an address this machine does not have, and a bad port, are refused in words", async () => {
  for (const [options, text] of [
    [{ host: "192.0.2.1", port: 0 }, /this machine does not have that address/],
    [{ host: "127.0.0.1", port: 70000 }, /port must be 0 to 65535/],
  ] as const) {
    try {
      await UdpTransport.open(options);
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, text);
    }
  }
});

test("a wildcard socket advertises an address others can send to", async () => {
  const transport = await UdpTransport.open({ host: "0.0.0.0", port: 0 });
  assert.is.not(transport.local.host, "0.0.0.0");
  await transport.close();
  const named = await UdpTransport.open({ host: "0.0.0.0", port: 0, advertise: "198.51.100.7" });
  assert.is(named.local.host, "198.51.100.7");
  await named.close();
});

test.run();
