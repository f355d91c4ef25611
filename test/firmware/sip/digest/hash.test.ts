// Digest responses against the numbers of the RFCs, and against openssl's digests by another path.

import { execFileSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type DigestHash,
  digestAlgorithm,
  digestOf,
  digestResponse,
  hashA1,
  parseHa1File,
} from "../../../../firmware/sip/digest/index.js";
import { which } from "../../../interop/tools.js";
import { vectors } from "../../../vectors.js";

interface Vector {
  readonly source: string;
  readonly algorithm: DigestHash;
  readonly qop: "auth";
  readonly user: string;
  readonly realm: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly nonceCount: number;
  readonly cnonce: string;
  readonly response: string;
  readonly userhash?: string;
}
const none = new Uint8Array(0);

for (const each of vectors<{ vectors: Vector[] }>("digest").vectors)
  test(each.source, () => {
    const { algorithm, user, realm, password } = each;
    const response = digestResponse({
      ...each,
      algorithm: digestAlgorithm(algorithm)!,
      ha1: hashA1(algorithm, user, realm, password),
      body: none,
    });
    assert.is(response, each.response);
    if (each.userhash) assert.is(digestOf(algorithm, `${user}:${realm}`), each.userhash);
  });

const openssl = which("openssl");
if (openssl) {
  const names = { MD5: "-md5", "SHA-256": "-sha256", "SHA-512-256": "-sha512-256" };
  for (const hash of ["MD5", "SHA-256", "SHA-512-256"] as const)
    for (const session of [false, true])
      for (const qop of ["none", "auth", "auth-int"] as const) {
        if (session && qop === "none") continue;
        test(`openssl computes the same: ${hash}${session ? "-sess" : ""}, qop ${qop}`, () => {
          const h = (text: string): string =>
            execFileSync(openssl, ["dgst", names[hash], "-r"], { input: text }).toString().split(" ")[0];
          const body = "v=0\r\n";
          const ha1 = h("alice:a.test:geheim");
          const a1 = session ? h(`${ha1}:n0:c0`) : ha1;
          const a2 = qop === "auth-int" ? h(`INVITE:sip:b@b.test:${h(body)}`) : h("INVITE:sip:b@b.test");
          const wanted = qop === "none" ? h(`${a1}:n0:${a2}`) : h(`${a1}:n0:0000000a:c0:${qop}:${a2}`);
          const got = digestResponse({
            algorithm: { hash, session },
            ha1: hashA1(hash, "alice", "a.test", "geheim"),
            nonce: "n0",
            cnonce: "c0",
            nonceCount: 10,
            qop,
            method: "INVITE",
            uri: "sip:b@b.test",
            body: Buffer.from(body),
          });
          assert.is(got, wanted);
        });
      }
} else console.log("skipped: openssl is not here");

test("an HA1 file: hashes by name, MD5 alone, comments; anything else is refused", () => {
  const md5 = "a".repeat(32);
  const sha = "B".repeat(64);
  assert.equal([...parseHa1File(`# a.test\n${md5}\n`)!], [["MD5", md5]]);
  assert.equal(
    [...parseHa1File(`MD5:${md5}\r\nSHA-256: ${sha}\nsha-512-256=${sha}`)!],
    [
      ["MD5", md5],
      ["SHA-256", sha.toLowerCase()],
      ["SHA-512-256", sha.toLowerCase()],
    ],
  );
  for (const bad of ["", "#", sha, `SHA-256:${md5}`, "secret", `MD5:${md5}\nMD5:${md5}`, `SHA-1:${"a".repeat(40)}`])
    assert.is(parseHa1File(bad), undefined, bad);
});

test.run();
