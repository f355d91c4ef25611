// A handset process with a Bluetooth headset on a pty: the wearer answers, holds, dials and hangs up; the line is pulled out in the middle of a call.

import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openSerial, type Port } from "../../drivers/headset/index.js";
import { HandsFree } from "../../drivers/headset-simulator/index.js";
import { phoneFiles } from "../../scripts/demo-call/phone.js";
import { needTool } from "../interop/tools.js";
import { HandsetProcess, suiteFolder, writeSharedKey } from "../support/handset-process.js";
import { PtyPair } from "../support/pty-pair.js";
import { Started } from "../support/started.js";
import { toneInFile, writeTone } from "../support/tones.js";
import { eventually } from "../support/wait.js";

const test = suite("headset");
const folder = suiteFolder("headset");
const started = new Started();
const line = new PtyPair();
const tones = { alice: 700, bob: 500, headset: 900 };
for (const [who, hz] of Object.entries(tones)) writeTone(join(folder, `${who}.wav`), hz, 3);
const headsetHeard = join(folder, "headset-heard.wav");

let alice: HandsetProcess;
let bob: HandsetProcess;
let wearer: HandsFree;
let port: Port;

/** The headset comes near: the line is there, the service level connection is made. */
async function wear(): Promise<void> {
  const from = bob.now;
  await line.plug();
  port = await openSerial(line.headset);
  wearer = new HandsFree({ send: (text) => port.write(text, "latin1"), answerMs: 30_000 });
  port.on("data", (bytes) => wearer.receive(bytes.toString("latin1")));
  port.on("close", () => wearer.lost());
  port.on("error", () => {});
  await bob.events.until(
    "the line is open",
    (event) => event.type === "device" && /is open/.test(event.text),
    20_000,
    from,
  );
  await wearer.connect();
}

const sound = (where: string, from: number) =>
  bob.events.until(
    `sound moves to the ${where}`,
    (event) => event.type === "device" && event.text === `moves to the ${where}`,
    undefined,
    from,
  );

/** Length of a tone in the earpiece of a recording grows. */
const grows = (what: string, length: () => number) => {
  const before = length();
  return eventually(`${what} (${before} ms so far)`, 20_000, () => length() > before + 300);
};

if (needTool("socat")) {
  test.before(async () => {
    const key = (name: string) =>
      writeSharedKey(join(folder, `${name}.hex`), "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    const keying = (peer: string) => ({
      offer: "psk",
      sharedKeys: [{ peer: `sip:${peer}@127.0.0.1`, file: key(peer) }],
    });
    alice = await started.keep(
      HandsetProcess.start({
        ...{ folder: join(folder, "a"), user: "4711", security: "required", keying: keying("bob") },
        says: join(folder, "alice.wav"),
      }),
    );
    const files = phoneFiles(join(folder, "b"), join(folder, "b"), "bob");
    bob = await started.keep(
      HandsetProcess.start({
        ...{ folder: join(folder, "b"), user: "bob", security: "required", keying: keying("4711") },
        sip: { outboundProxy: { host: "127.0.0.1", port: alice.sipPort, transport: "udp" } },
        more: {
          contacts: [{ name: "Alice", uri: "sip:4711@127.0.0.1", key: "1" }],
          devices: {
            audio: { captureWav: join(folder, "bob.wav"), captureLoop: true, playbackWav: files.heard },
            headset: {
              ...{ driver: "bluetooth", tty: line.phone, name: "Ear" },
              sound: {
                driver: "simulated",
                captureWav: join(folder, "headset.wav"),
                captureLoop: true,
                playbackWav: headsetHeard,
              },
            },
          },
        },
      }),
    );
  });
  test.after(async () => {
    await started.stop();
    // The far end hangs up: the port closes by itself.
    await line.unplug();
    // On a busy machine serialport now and then keeps this process after its port has vanished, with nothing open: it need not wait.
    setTimeout(() => process.exit(), 10_000).unref();
  });

  test("a call rings in the headset, its button answers, the voice is the headset's", async () => {
    const from = bob.now;
    await wear();
    await sound("headset", from);
    await alice.dial(bob.uri);
    await eventually("it rings", 20_000, () => wearer.rings > 0 && wearer.caller === "4711");
    await wearer.answer();
    await alice.state(1, "active");
    await bob.state(1, "active");
    assert.is((await wearer.listCalls())[0].status, "active");
    await grows("Alice hears the headset", () => alice.heard(tones.headset).toneMs);
    await grows("the headset hears Alice", () => toneInFile(headsetHeard, tones.alice).toneMs);
    assert.is(bob.heard(tones.alice).toneMs, 0, "the phone's own earpiece is silent");
  });

  test("the wearer holds the call and takes it back", async () => {
    const from = bob.now;
    await wearer.hold("2");
    await bob.call("held", (call) => call.state === "held", { from });
    await eventually("the headset knows", 20_000, () => wearer.indicators.get("callheld") === 2);
    const again = bob.now;
    await wearer.hold("2");
    await bob.call("taken back", (call) => call.state === "active", { from: again });
    await eventually("the headset knows", 20_000, () => wearer.indicators.get("callheld") === 0);
  });

  test("the line is pulled out in the middle: the call goes on over the phone's own microphone and earpiece", async () => {
    const from = bob.now;
    await line.unplug();
    await sound("handset", from);
    await grows("Alice hears Bob's own microphone", () => alice.heard(tones.bob).toneMs);
    await grows("Bob's own earpiece has Alice", () => bob.heard(tones.alice).toneMs);
    assert.is((await bob.status()).calls[0].state, "active");
  });

  test("it comes back into the running call: told of it at once, the voice is the headset's again, its button hangs up", async () => {
    const from = bob.now;
    await wear();
    await sound("headset", from);
    assert.is(wearer.indicators.get("call"), 1);
    await grows("Alice hears the headset", () => alice.heard(tones.headset).toneMs);
    await wearer.hangUp();
    await bob.ended(1);
    await alice.ended(1);
    await eventually("the headset knows", 20_000, () => wearer.indicators.get("call") === 0);
  });

  test("the wearer dials a number, then a remembered one, then redials; each is answered and hung up", async () => {
    let id = 1;
    for (const dial of [() => wearer.dial("4711"), () => wearer.dialMemory(1), () => wearer.redial()]) {
      const from = alice.now;
      await dial();
      id++;
      await eventually("the headset sees it alert", 20_000, () => wearer.indicators.get("callsetup") === 3);
      await alice.call("rings", (call) => call.state === "ringing", { from });
      await alice.ask("answer", {});
      await bob.state(id, "active");
      await eventually("the headset knows", 20_000, () => wearer.indicators.get("call") === 1);
      await wearer.hangUp();
      await Promise.all([alice, bob].map((phone) => phone.ended(id)));
      await eventually("the headset knows", 20_000, () => wearer.indicators.get("call") === 0);
    }
  });

  test("the wearer declines; what cannot be done is refused; nothing was against the profile's text", async () => {
    const rings = wearer.rings;
    const from = alice.now;
    await alice.dial(bob.uri);
    await eventually("it rings", 20_000, () => wearer.rings > rings);
    await wearer.hangUp();
    await alice.call("declined", (call) => call.state === "ended", { from });
    assert.match(String(await wearer.digit("5").catch((error: Error) => error.message)), /answered \+CME ERROR/);
    assert.match(String(await wearer.dialMemory(9).catch((error: Error) => error.message)), /answered \+CME ERROR/);
    assert.equal(wearer.violations, []);
  });
}

test.run();
