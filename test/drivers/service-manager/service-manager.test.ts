// What a service manager is told: datagrams on systemd's socket, or a file that an init looks at.

import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openServiceManager, readHeartbeat } from "../../../drivers/service-manager/index.js";
import { socketAddress } from "../../../drivers/service-manager/notify-socket.js";
import { eventually } from "../../support/wait.js";

const folder = mkdtempSync(join(tmpdir(), "sotto-notify-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Listens as systemd does. */
function listen(address: string): { receive(): string | undefined; close(): void } {
  const library = koffi.load("libc.so.6");
  const [socket, bind, recv, close] = [
    "int socket(int, int, int)",
    "int bind(int, const void *, uint32_t)",
    "intptr_t recv(int, void *, size_t, int)",
    "int close(int)",
  ].map((prototype) => library.func(prototype));
  const fd = socket(1, 2, 0) as number;
  const where = socketAddress(address);
  assert.is(bind(fd, where, where.length), 0);
  return {
    receive: () => {
      const buffer = Buffer.alloc(200);
      const length = Number(recv(fd, buffer, buffer.length, 0x40));
      return length < 0 ? undefined : buffer.toString("utf8", 0, length);
    },
    close: () => void close(fd),
  };
}

for (const address of [join(folder, "notify"), `@sotto-test-${process.pid}`])
  test(`systemd at ${address[0] === "@" ? "an abstract name" : "a path"} gets READY, WATCHDOG and STOPPING`, async () => {
    const systemd = listen(address);
    const manager = await openServiceManager({ NOTIFY_SOCKET: address, WATCHDOG_USEC: "30000000" });
    assert.ok(manager);
    assert.is(manager.watchdogMs, 15_000);
    manager.ready();
    manager.alive(false);
    manager.alive(true);
    manager.stopping();
    assert.equal(
      Array.from({ length: 5 }, () => systemd.receive()),
      ["READY=1", "WATCHDOG=1\nSTATUS=not registered", "WATCHDOG=1\nSTATUS=registered", "STOPPING=1", undefined],
    );
    systemd.close();
    manager.alive(true);
  });

test("a watchdog meant for another process is not fed; a tiny interval is not believed; a wrong address is an error", async () => {
  const at = { NOTIFY_SOCKET: join(folder, "nobody") };
  assert.is((await openServiceManager(at))?.watchdogMs, undefined);
  assert.is((await openServiceManager({ ...at, WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }))?.watchdogMs, undefined);
  assert.is((await openServiceManager({ ...at, WATCHDOG_USEC: "10" }))?.watchdogMs, 500);
  for (const wrong of ["relative", "/" + "x".repeat(108)]) assert.throws(() => socketAddress(wrong), /NOTIFY_SOCKET/);
});

test("the heartbeat file is there from ready on, gets younger while we are alive, and says when we stop", async () => {
  const file = join(folder, "alive");
  const manager = await openServiceManager({ SOTTO_HEARTBEAT: file });
  assert.ok(manager);
  manager.alive(true);
  assert.is(await readHeartbeat(file), undefined);
  manager.ready();
  await eventually("ready", 20_000, async () => (await readHeartbeat(file))?.state === "ready");
  assert.is((await readHeartbeat(file))?.pid, process.pid);
  utimesSync(file, 1000, 1000);
  manager.alive(false);
  await eventually("a younger file", 20_000, () => statSync(file).mtimeMs > 1e12);
  for (const isRegistered of [true, false]) {
    manager.alive(isRegistered);
    await eventually("the word on registrations", 20_000, async () => {
      return (await readHeartbeat(file))?.isRegistered === isRegistered;
    });
  }
  manager.stopping();
  await eventually("stopping", 20_000, () => readFileSync(file, "utf8").startsWith("stopping"));
});

test("what was said last is what the heartbeat file says, however quickly it was said", async () => {
  const file = (i: number) => join(folder, `quick-${i}`);
  const many = Array.from({ length: 200 }, (_, i) => i);
  await Promise.all(
    many.map(async (i) => {
      const manager = await openServiceManager({ SOTTO_HEARTBEAT: file(i) });
      manager!.ready();
      for (const isRegistered of [true, false, true]) manager!.alive(isRegistered);
      if (i % 2) manager!.stopping();
    }),
  );
  const says = async (i: number) => {
    const found = await readHeartbeat(file(i));
    return found?.state === (i % 2 ? "stopping" : "ready") && found.isRegistered;
  };
  await eventually("all say it", 20_000, async () => (await Promise.all(many.map(says))).every(Boolean));
});

test("without a service manager there is nothing to tell", async () => {
  assert.is(await openServiceManager({}), undefined);
});

test.run();
