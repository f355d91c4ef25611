// The control socket: private, bounded, and never confused by what it is sent.

import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ControlClient, ControlServer, MAX_LINE } from "../../../firmware/control/index.js";
import { silentLog } from "../../../firmware/runtime/log.js";

const test = suite("control", { folder: "" });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "sotto-control-"));
});
test.after.each((context) => rmSync(context.folder, { recursive: true }));

const echo = (method: string, params: Record<string, unknown>) => {
  if (method === "fail") throw new Error("not today");
  return { method, params };
};

/** Sends raw text, returns what comes back: one line, or everything until the other end closes. */
function raw(path: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (data) => {
      answer += data;
      if (answer.includes("\n")) socket.end();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
    socket.write(text);
  });
}

test("asks and answers, errors in words, file mode 0600, gone at close", async ({ folder }) => {
  const path = join(folder, "c.sock");
  const server = await ControlServer.open(path, echo, silentLog);
  assert.is(statSync(path).mode & 0o777, 0o600);
  const client = await ControlClient.open(path);
  assert.equal(await client.ask("dial", { uri: "sip:x@y" }), { method: "dial", params: { uri: "sip:x@y" } } as never);
  try {
    await client.ask("fail" as "answer", {});
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, "not today");
  }
  client.close();
  await server.close();
  assert.throws(() => statSync(path));
});

test("events reach those who asked for them, others not", async ({ folder }) => {
  const path = join(folder, "c.sock");
  const server = await ControlServer.open(path, echo, silentLog);
  const [listener, other] = [await ControlClient.open(path), await ControlClient.open(path)];
  const seen: string[] = [];
  listener.onEvent = (event) => seen.push(event.type);
  other.onEvent = () => assert.unreachable();
  await listener.ask("events", {});
  server.publish({ type: "device", device: "ringer", text: "on", atMs: 0, monotonicMs: 0 });
  await listener.ask("status", {});
  await other.ask("status", {});
  assert.equal(seen, ["device"]);
  await server.close();
});

test("a second handset is refused; a dead one's socket is replaced", async ({ folder }) => {
  const path = join(folder, "c.sock");
  const server = await ControlServer.open(path, echo, silentLog);
  try {
    await ControlServer.open(path, echo, silentLog);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /another handset already listens/);
  }
  await server.close();
  writeFileSync(path, "");
  rmSync(path);
  await (await ControlServer.open(path, echo, silentLog)).close();
});

test("no handset: says where it looked and what to do", async ({ folder }) => {
  try {
    await ControlClient.open(join(folder, "none.sock"));
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /none\.sock.*sotto run/);
  }
});

test("garbage is answered with an error and harms nobody", async ({ folder }) => {
  const path = join(folder, "c.sock");
  const server = await ControlServer.open(path, echo, silentLog);
  const client = await ControlClient.open(path);
  for (const text of [
    "nonsense\n",
    "[]\n",
    "null\n",
    '{"id":1}\n',
    '{"id":1,"method":5}\n',
    '{"method":"x","params":7}\n',
    "\u0000\n",
    "{".repeat(5000) + "\n",
  ])
    assert.match(await raw(path, text), /^\{"id":(0|1),("error"|"result")/, text.slice(0, 20));
  assert.match(await raw(path, "x".repeat(MAX_LINE + 10)), /too long/);
  assert.ok(await client.ask("status", {}));
  await server.close();
});

test("a bounded number of clients", async ({ folder }) => {
  const path = join(folder, "c.sock");
  const server = await ControlServer.open(path, echo, silentLog);
  const clients = await Promise.all(Array.from({ length: 16 }, () => ControlClient.open(path)));
  await Promise.all(clients.map((client) => client.ask("status", {})));
  const extra = await ControlClient.open(path);
  try {
    await extra.ask("status", {});
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /closed/);
  }
  await server.close();
});

test.run();
