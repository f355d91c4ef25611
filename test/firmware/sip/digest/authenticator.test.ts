// Challenges and answers: which challenge is taken, what is sent ahead, when it stops. Answers are checked as a server would check them.

import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Secret } from "../../../../firmware/runtime/secret.js";
import {
  Authenticator,
  type DigestCredentials,
  digestAlgorithm,
  digestResponse,
  type ExtraHeaders,
  Headers,
  hashA1,
  parseChallenge,
  readPairs,
  type SipResponse,
} from "../../../../firmware/sip/index.js";
import { seededRandom } from "../support.js";

const none = new Uint8Array(0);
const password = (text: string) => ({ password: new Secret(new TextEncoder().encode(text)) });
const alice: DigestCredentials = { user: "alice", secret: password("geheim") };
const made = (credentials: readonly DigestCredentials[] = [alice]) =>
  new Authenticator({ credentials, domain: "a.test", random: seededRandom("auth") });
const request = { method: "REGISTER", uri: "sip:a.test", body: none };

function says(status: number, headers: ExtraHeaders, body = none): SipResponse {
  return { kind: "response", status, reason: "", headers: new Headers(headers), body };
}
const www = (text: string): readonly [string, string] => ["WWW-Authenticate", text];
const proxy = (text: string): readonly [string, string] => ["Proxy-Authenticate", text];

/** Checks a header's digest as the server does; returns its parameters. */
function check(field: readonly [string, string], secret = "geheim", what = request): Map<string, string> {
  const pairs = readPairs(field[1].replace(/^Digest /, ""))!;
  const algorithm = digestAlgorithm(pairs.get("algorithm") ?? "MD5")!;
  const wanted = digestResponse({
    algorithm,
    ha1: hashA1(algorithm.hash, pairs.get("username")!, pairs.get("realm")!, secret),
    nonce: pairs.get("nonce")!,
    cnonce: pairs.get("cnonce") ?? "",
    nonceCount: Number.parseInt(pairs.get("nc") ?? "0", 16),
    qop: (pairs.get("qop") as "auth") ?? "none",
    ...what,
  });
  assert.is(pairs.get("response"), wanted);
  assert.is(pairs.get("uri"), what.uri);
  return pairs;
}

test("the strongest supported challenge is taken, whatever their order (RFC 8760)", () => {
  const attempt = made().begin("a.test");
  const challenge = says(401, [
    www('Digest realm="a.test", nonce="n1", algorithm=MD5, qop="auth"'),
    www('Digest realm="a.test", nonce="n1", algorithm=SHA-256, qop="auth,auth-int"'),
    www('Digest realm="a.test", nonce="n1", algorithm=SHA-999, qop="auth"'),
  ]);
  assert.equal(attempt.challenged(challenge), { retry: true });
  const [field] = attempt.headers(request);
  assert.is(field[0], "Authorization");
  const pairs = check(field);
  assert.is(pairs.get("algorithm"), "SHA-256");
  assert.is(pairs.get("nc"), "00000001");
  assert.is(pairs.get("qop"), "auth");
});

test("HA1 of one hash only: the challenge it can answer is taken", () => {
  const ha1 = hashA1("MD5", "alice", "a.test", "geheim");
  const credentials = { user: "alice", secret: { ha1: new Map([["MD5" as const, new Secret(Buffer.from(ha1))]]) } };
  const attempt = made([credentials]).begin("a.test");
  assert.ok(
    attempt.challenged(
      says(401, [
        www('Digest realm="a.test", nonce="n", algorithm=SHA-256, qop="auth"'),
        www('Digest realm="a.test", nonce="n", qop="auth"'),
      ]),
    ).retry,
  );
  const pairs = check(attempt.headers(request)[0]);
  assert.is(pairs.get("algorithm"), undefined);
});

test("Basic is refused, and a challenge that cannot be read too", () => {
  for (const text of [
    'Basic realm="a.test"',
    'Digest realm="a.test"',
    'Digest realm="a.test", nonce="n", realm="x"',
    'Digest realm="a.test", nonce="n", qop="auth-conf"',
    "Digest",
    'Digest realm="a.test, nonce="n"',
  ])
    assert.equal(
      made()
        .begin("a.test")
        .challenged(says(401, [www(text)])),
      { retry: false, why: "unsupported" },
      text,
    );
});

test("a realm that is not the account's gets nothing; the registrar's realm is learned; a named realm only itself", () => {
  const foreign = says(401, [www('Digest realm="evil.test", nonce="n"')]);
  assert.equal(made().begin("b.test").challenged(foreign), { retry: false, why: "no-credentials" });
  const auth = made();
  assert.equal(auth.begin("a.test", true).challenged(says(401, [www('Digest realm="asterisk", nonce="n"')])), {
    retry: true,
  });
  assert.equal(auth.begin("b.test").challenged(says(407, [proxy('Digest realm="asterisk", nonce="n"')])), {
    retry: true,
  });
  const named = made([{ ...alice, realm: "one" }]);
  assert.equal(named.begin("a.test").challenged(says(401, [www('Digest realm="a.test", nonce="n"')])).retry, false);
  assert.equal(named.begin("a.test").challenged(says(401, [www('Digest realm="one", nonce="n"')])).retry, true);
});

test("the same realm asks again: wrong password; with stale: another nonce, but not the same one for ever", () => {
  const attempt = made().begin("a.test");
  assert.ok(attempt.challenged(says(401, [www('Digest realm="a.test", nonce="n1"')])).retry);
  assert.ok(attempt.challenged(says(401, [www('Digest realm="a.test", nonce="n2", stale=TRUE')])).retry);
  assert.is(check(attempt.headers(request)[0]).get("nonce"), "n2");
  assert.equal(attempt.challenged(says(401, [www('Digest realm="a.test", nonce="n2", stale=true')])), {
    retry: false,
    why: "wrong-credentials",
  });
  const other = made().begin("a.test");
  other.challenged(says(401, [www('Digest realm="a.test", nonce="n1"')]));
  assert.equal(other.challenged(says(401, [www('Digest realm="a.test", nonce="n2"')])), {
    retry: false,
    why: "wrong-credentials",
  });
});

test("a server that is always stale is given up after a few rounds", () => {
  const attempt = made().begin("a.test");
  let rounds = 0;
  while (attempt.challenged(says(401, [www(`Digest realm="a.test", nonce="n${rounds}", stale=true`)])).retry) rounds++;
  assert.is(rounds, 8);
});

test("407, 407 of another proxy, 401: every one is answered, in one request in the end (RFC 3261 22.3)", () => {
  const auth = made([
    { ...alice, realm: "p1" },
    { ...alice, realm: "p2", secret: password("zwei") },
    { ...alice, realm: "uas", secret: password("drei") },
  ]);
  const attempt = auth.begin("b.test");
  const invite = { method: "INVITE", uri: "sip:bob@b.test", body: Buffer.from("sdp") };
  assert.ok(attempt.challenged(says(407, [proxy('Digest realm="p1", nonce="a", qop="auth"')])).retry);
  check(attempt.headers(invite)[0], "geheim", invite);
  assert.ok(attempt.challenged(says(407, [proxy('Digest realm="p2", nonce="b", qop="auth-int"')])).retry);
  assert.ok(attempt.challenged(says(401, [www('Digest realm="uas", nonce="c"')])).retry);
  const fields = attempt.headers(invite);
  assert.equal(
    fields.map(([name]) => name),
    ["Proxy-Authorization", "Proxy-Authorization", "Authorization"],
  );
  assert.is(check(fields[0], "geheim", invite).get("nc"), "00000002");
  assert.is(check(fields[1], "zwei", invite).get("qop"), "auth-int");
  check(fields[2], "drei", invite);
});

test("credentials go ahead with the next request of the same place, nc counts on; nothing is sent to others", () => {
  const auth = made();
  const first = auth.begin("a.test");
  assert.equal(first.headers(request), []);
  first.challenged(says(401, [www('Digest realm="a.test", nonce="n", qop="auth"')]));
  first.headers(request);
  first.accepted(says(200, []));
  assert.is(check(auth.begin("a.test").headers(request)[0]).get("nc"), "00000002");
  assert.is(check(auth.begin("a.test").headers(request)[0]).get("nc"), "00000003");
  assert.equal(auth.begin("b.test").headers(request), []);
});

test("a nonce sent ahead that is refused without stale is no wrong password", () => {
  const auth = made();
  const first = auth.begin("a.test");
  first.challenged(says(401, [www('Digest realm="a.test", nonce="old", qop="auth"')]));
  first.headers(request);
  first.accepted(says(200, []));
  const second = auth.begin("a.test");
  second.headers(request);
  assert.ok(second.challenged(says(401, [www('Digest realm="a.test", nonce="new", qop="auth"')])).retry);
  const pairs = check(second.headers(request)[0]);
  assert.is(pairs.get("nonce"), "new");
  assert.is(pairs.get("nc"), "00000001");
});

test("Authentication-Info: nextnonce is used next; the server's proof is checked", () => {
  const auth = made();
  const first = auth.begin("a.test");
  first.challenged(says(401, [www('Digest realm="a.test", nonce="n", qop="auth", algorithm=SHA-256')]));
  const sent = check(first.headers(request)[0]);
  const rspauth = digestResponse({
    algorithm: { hash: "SHA-256", session: false },
    ha1: hashA1("SHA-256", "alice", "a.test", "geheim"),
    nonce: "n",
    cnonce: sent.get("cnonce")!,
    nonceCount: 1,
    qop: "auth",
    method: "",
    uri: "sip:a.test",
    body: none,
  });
  const info = `nextnonce="m", qop=auth, rspauth="${rspauth}", cnonce="${sent.get("cnonce")}", nc=00000001`;
  assert.is(first.accepted(says(200, [["Authentication-Info", info]])), true);
  const pairs = check(auth.begin("a.test").headers(request)[0]);
  assert.is(pairs.get("nonce"), "m");
  assert.is(pairs.get("nc"), "00000001");
  const false_ = auth.begin("a.test");
  false_.headers(request);
  assert.is(
    false_.accepted(says(200, [["Authentication-Info", `qop=auth, rspauth="${"0".repeat(64)}", nc=00000002`]])),
    false,
  );
});

test("userhash, opaque, quoting and the session variant", () => {
  const odd = { user: 'al"ice', realm: "a.test", secret: password("geheim") };
  const attempt = made([odd]).begin("a.test");
  attempt.challenged(
    says(401, [www('Digest realm="a.test", nonce="n\\"1", opaque="o\\\\p", qop=auth, algorithm=MD5-sess')]),
  );
  const one = check(attempt.headers(request)[0]);
  assert.is(one.get("username"), 'al"ice');
  assert.is(one.get("nonce"), 'n"1');
  assert.is(one.get("opaque"), "o\\p");
  const two = check(attempt.headers(request)[0]);
  assert.is(two.get("cnonce"), one.get("cnonce"));
  const hashed = made([odd]).begin("a.test");
  hashed.challenged(says(401, [www('Digest realm="a.test", nonce="n", qop="auth", algorithm=SHA-256, userhash=true')]));
  const pairs = readPairs(hashed.headers(request)[0][1].replace(/^Digest /, ""))!;
  assert.match(pairs.get("username")!, /^[0-9a-f]{64}$/);
  assert.is(pairs.get("userhash"), "true");
});

test("whatever a server writes into a challenge, nothing throws and no line break goes out", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary", maxLength: 200 }),
      fc.constantFrom("Digest ", 'Digest realm="a.test", nonce='),
      (text, front) => {
        parseChallenge(front + text);
        const attempt = made().begin("a.test", true);
        attempt.challenged(says(401, [www(front + text), proxy(front + text)]));
        for (const [, value] of attempt.headers(request)) assert.not.match(value, /[\r\n]/);
      },
    ),
    { numRuns: 5000 },
  );
});

test.run();
