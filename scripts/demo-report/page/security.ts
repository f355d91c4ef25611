// Who talked to whom, how that is known, and what protected the voice.

import type { Proof, VerifiedPeer } from "../../../firmware/keying/keying.js";
import type { Side } from "../ladder.js";
import type { DemoRecord } from "../record.js";
import { sideName, type Verdict } from "../verdict.js";
import { html, type Markup } from "./markup.js";

const methods: Readonly<Record<string, string>> = {
  dh: "signed Diffie-Hellman with certificates",
  psk: "pre-shared key",
  none: "none",
};

function proofWords(proof: Proof): Markup {
  if (proof.kind === "shared-key")
    return html`by the shared key named <b>${proof.keyName}</b>, which only the two phones hold`;
  if (proof.kind === "carrier") return html`by nothing but the signalling that carried the keys`;
  const groups = proof.fingerprint.match(/.{1,4}/g) ?? [];
  if (proof.kind === "domain-key")
    return html`by the key published at <b>${proof.record}</b>${proof.isAuthenticated ? " (DNSSEC)" : ""}
<details><summary>Fingerprint (SHA-256)</summary><code>${groups.join(" ")}</code></details>`;
  return html`by the certificate of <b>${proof.subject}</b>, issued by <b>${proof.ca}</b>, valid until <span class="nowrap">${proof.notAfter.slice(0, 10)}</span>
<details><summary>Fingerprint (SHA-256)</summary><code>${groups.join(" ")}</code></details>`;
}

function peerCard(side: Side, peer: VerifiedPeer | null, policy: string): Markup {
  return html`<div class="peer"><h3 class="who ${side}">${sideName(side)} talked to</h3>
${
  peer
    ? html`<p class="identity">${peer.identity}</p><p>Verified ${proofWords(peer.proof)}</p>`
    : html`<p class="identity bad">somebody who was not verified</p>`
}<p class="muted small">Policy of ${sideName(side)}'s account: ${policy}</p></div>`;
}

/** The section. An open call says so first, in red. */
export function securitySection(record: DemoRecord, verdict: Verdict): Markup {
  const { call } = record;
  const method =
    call.peerIdentity.alice?.method ?? call.peerIdentity.bob?.method ?? methods[call.keying] ?? call.keying;
  return html`${
    !verdict.secured &&
    !call.error &&
    html`<p class="warning"><b>This call was open.</b> Anyone on the way could listen and change what was said, and neither side knows who the other was.</p>`
  }<dl class="facts">
<div><dt>Protection</dt><dd>${call.suite === null ? html`<span class="bad">none, plain RTP</span>` : html`SRTP, <code>${call.suite}</code>`}</dd></div>
<div><dt>Keys agreed by</dt><dd>${call.suite === null ? "nothing" : method}</dd></div>
<div><dt>Codec</dt><dd>${call.codec ?? "—"}</dd></div></dl>
<div class="peers">${(["alice", "bob"] as const).map((side) => peerCard(side, call.peerIdentity[side], call.policy[side]))}</div>`;
}
