// The owner's key: who has it may update the devices that know its public half.

import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { writeFileAtomic } from "../../firmware/runtime/index.js";

/** Where the private key lies unless one says otherwise; the public one beside it, ending in `.pub`. */
export function defaultKeyFile(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return join(environment["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "sotto", "update.key");
}

/** Makes a key pair. @returns the public key's file. @throws Error when there is one already: devices know it. */
export async function makeOwnerKey(file: string): Promise<string> {
  if (existsSync(file)) throw new Error(`${file} is there already; devices may know it`);
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  await writeFileAtomic(file, privateKey.export({ type: "pkcs8", format: "pem" }) as string);
  await writeFileAtomic(`${file}.pub`, publicKey.export({ type: "spki", format: "pem" }) as string, { mode: 0o644 });
  return `${file}.pub`;
}

/** @throws Error that says what to do when there is none, or it is not Ed25519. */
export function readOwnerKey(file: string): KeyObject {
  if (!existsSync(file)) throw new Error(`there is no key at ${file}: --key names one, --make-key makes one`);
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file, "utf8"));
  } catch {
    throw new Error(`${file} is no private key in PEM`);
  }
  if (key.asymmetricKeyType !== "ed25519") throw new Error(`${file} is ${key.asymmetricKeyType}, not Ed25519`);
  return key;
}
