// Where requests within a dialog go: the Contact, the person it is, the connection the peer has opened.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { fail, ok } from "../../../../firmware/runtime/result.js";
import type { SipAddress } from "../../../../firmware/sip/contract.js";
import type { DialogHost } from "../../../../firmware/sip/dialog/host.js";
import { resolveHop } from "../../../../firmware/sip/dialog/next-hop.js";
import { DialogState } from "../../../../firmware/sip/dialog/state.js";
import { makeResponse, parseMessage, readEssentials, type SipRequest } from "../../../../firmware/sip/grammar/index.js";

function state(contact: string, source: Partial<SipAddress>, ...more: string[]): DialogState {
  const text = [
    "INVITE sip:us@192.0.2.1 SIP/2.0",
    "Via: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK1",
    "From: <sip:lin@192.0.2.2:5070;x=1>;tag=a",
    "To: <sip:us@192.0.2.1>",
    "Call-ID: c",
    "CSeq: 1 INVITE",
    `Contact: <${contact}>`,
    ...more,
    "",
    "",
  ];
  const parsed = parseMessage(Buffer.from(text.join("\r\n")));
  if (!parsed.ok) throw new Error(parsed.error.text);
  const essentials = readEssentials(parsed.value);
  if (!essentials.ok) throw new Error(essentials.error.text);
  const from = { host: "192.0.2.2", port: 40_000, transport: "tcp", ...source } as const;
  return DialogState.uas(parsed.value as SipRequest, { ...essentials.value, source: from }, "b", 1);
}

/** Every way, best first, as text. A host that is no number has two addresses. */
function ways(dialog: DialogState, transport: "udp" | "tcp" | "tls" = "tcp"): string[] {
  const host = {
    resolve: (uri, done) => {
      if (uri.host === "nowhere") return done(fail("dns", "nowhere"));
      const to = { host: uri.host, port: uri.port ?? 5060, transport } as const;
      if (/^[\d.]+$/.test(uri.host)) return done(ok(transport === "tls" ? { ...to, person: "sip:device@x" } : to));
      done(ok({ ...to, host: "198.51.100.1", alternatives: [{ ...to, host: "198.51.100.2" }] }));
    },
  } as Partial<DialogHost> as DialogHost;
  const found: string[] = [];
  resolveHop(host, dialog, dialog.nextHop()!, (result) => {
    if (!result.ok) return void found.push(result.error.text);
    for (const { host: at, port, connection, person } of [result.value, ...(result.value.alternatives ?? [])])
      found.push(`${at}:${port}${connection === undefined ? "" : ` #${connection}`}${person ? ` ${person}` : ""}`);
  });
  return found;
}

test("a Contact that is the far end of the peer's connection leads over that connection, then by itself", () => {
  const dialog = state("sip:lin@192.0.2.2:40000;transport=TCP", { connection: 7 });
  assert.equal(ways(dialog), ["192.0.2.2:40000 #7", "192.0.2.2:40000"]);
});

test("a Contact at another port of the same host: first there, then over the connection", () => {
  const dialog = state("sip:lin@192.0.2.2:5060;transport=tcp", { connection: 7 });
  assert.equal(ways(dialog), ["192.0.2.2:5060", "192.0.2.2:40000 #7"]);
});

test("a connection is for requests to its own other end only", () => {
  for (const [contact, more] of [
    ["sip:lin@192.0.2.3:40000;transport=tcp", []],
    ["sip:lin@192.0.2.2:40000", []],
    ["sip:lin@192.0.2.2:40000;transport=tls", []],
    ["sip:lin@192.0.2.2:40000;transport=tcp", ["Record-Route: <sip:192.0.2.9:5060;transport=tcp;lr>"]],
  ] as const)
    assert.is(ways(state(contact, { connection: 7 }, ...more)).length, 1, contact);
  assert.equal(ways(state("sip:lin@192.0.2.2:40000;transport=udp", { transport: "udp" }), "udp"), ["192.0.2.2:40000"]);
});

test("a name that leads nowhere leaves the connection, where there is one at that host", () => {
  assert.equal(ways(state("sip:lin@nowhere;transport=tcp", { connection: 7 })), ["nowhere"]);
  assert.equal(ways(state("sip:lin@phone.test;transport=tcp", { connection: 7 })), [
    "198.51.100.1:5060",
    "198.51.100.2:5060",
  ]);
});

test("over TLS the telephone is that of the person the dialog is with; what its Contact says is the second guess", () => {
  const dialog = state("sip:device@192.0.2.2:5061;transport=tls", { transport: "tls" });
  assert.equal(ways(dialog, "tls"), ["192.0.2.2:5061 sip:lin@192.0.2.2", "192.0.2.2:5061 sip:device@x"]);
  const routed = state(
    "sip:device@192.0.2.2:5061;transport=tls",
    { transport: "tls" },
    "Record-Route: <sip:192.0.2.9:5061;transport=tls;lr>",
  );
  assert.equal(ways(routed, "tls"), ["192.0.2.9:5061 sip:device@x"]);
});

test("a target refresh by response leaves the connection, one by request brings another", () => {
  const dialog = state("sip:lin@192.0.2.2:5060;transport=tcp", { connection: 7 });
  const request = dialog.compose("INVITE", { via: "SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK2" });
  dialog.refreshTarget(
    makeResponse(request, 200, { headers: [["Contact", "<sip:lin@192.0.2.2:40000;transport=tcp>"]] }),
  );
  assert.equal(ways(dialog), ["192.0.2.2:40000 #7", "192.0.2.2:40000"]);
  dialog.refreshTarget(request, { host: "192.0.2.2", port: 40_001, transport: "tcp", connection: 9 });
  assert.equal(ways(dialog), ["192.0.2.2:40000", "192.0.2.2:40001 #9"]);
});

test.run();
