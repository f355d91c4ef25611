// What Node has no words for: waiting until a device file can be read, and ioctl. Both come from packages that bring their own binaries.

/** Waits for a file descriptor on the event loop, without a thread. */
export interface Watch {
  /** Stops waiting. Must come before the descriptor is closed. */
  close(): void;
}

/** Native functions; tests put in doubles. */
export interface InputNative {
  /** Calls `readable` whenever `fd` can be read, or has failed (reading tells). */
  watch(fd: number, readable: () => void): Watch;
  /**
   * ioctl(2). `argument`: a number, or memory the kernel reads or fills.
   * @throws Error with `code` (`"ENOTTY"`, `"EBUSY"`, …).
   */
  ioctl(fd: number, request: number, argument: number | Uint8Array): number;
}

interface Poller {
  once(event: "readable", listener: (error: (Error & { canceled?: boolean }) | null) => void): unknown;
  stop(): void;
  destroy(): void;
}

/** ioctl numbers: direction, size, `'E'`, number (asm-generic/ioctl.h; the same on x86, ARM and RISC-V). */
const ioc = (direction: 1 | 2, number: number, size: number) =>
  ((direction << 30) | (size << 16) | (0x45 << 8) | number) >>> 0;
export const EVIOCGRAB = ioc(1, 0x90, 4);
export const EVIOCRMFF = ioc(1, 0x81, 4);
export const eviocsff = (bytes: number): number => ioc(1, 0x80, bytes);
/** State of all switches as bits. */
export const eviocgsw = (bytes: number): number => ioc(2, 0x1b, bytes);
/** State of all keys as bits. */
export const eviocgkey = (bytes: number): number => ioc(2, 0x18, bytes);

let loading: Promise<InputNative> | undefined;

/** Loads both packages when a device first needs them. @throws Error that says what is missing. */
export function loadNative(): Promise<InputNative> {
  loading ??= load();
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}

async function load(): Promise<InputNative> {
  // serialport's own poller: uv_poll on the main thread's loop.
  const { Poller } = (await need("@serialport/bindings-cpp", () => {
    return import("@serialport/bindings-cpp/dist/poller.js");
  })) as { Poller: new (fd: number) => Poller };
  return {
    watch: (fd, readable) => {
      const poller = new Poller(fd);
      let open = true;
      const again = (): void => {
        poller.once("readable", () => {
          if (!open) return;
          readable();
          if (open) again();
        });
      };
      again();
      return {
        close: () => {
          if (!open) return;
          open = false;
          // destroy() alone leaves the descriptor's number taken on the loop until the object is collected.
          poller.stop();
          poller.destroy();
        },
      };
    },
    ioctl: (fd, request, argument) => callIoctl(fd, request, argument),
  };
}

/** koffi costs 2 MB and 20 ms: only what grabs, rumbles or asks for switches pays. */
type Koffi = typeof import("koffi");
let koffi: Koffi["default"] | undefined;
let byNumber: ((fd: number, request: number, argument: number) => number) | undefined;
let byMemory: ((fd: number, request: number, argument: Uint8Array) => number) | undefined;

/** Loads what {@link InputNative.ioctl} needs. @throws Error that says what is missing. */
export async function loadIoctl(): Promise<void> {
  if (koffi) return;
  const loaded = (await need("koffi", () => import("koffi"))) as Koffi;
  const lib = loaded.default.load(null);
  byNumber = lib.func("int ioctl(int fd, unsigned long request, long argument)");
  byMemory = lib.func("int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)");
  koffi = loaded.default;
}

function callIoctl(fd: number, request: number, argument: number | Uint8Array): number {
  if (!koffi) throw new Error("loadIoctl() comes first");
  const result = typeof argument === "number" ? byNumber!(fd, request, argument) : byMemory!(fd, request, argument);
  if (result >= 0) return result;
  const number = koffi.errno();
  const code = Object.keys(koffi.os.errno).find((name) => koffi!.os.errno[name] === number) ?? `errno ${number}`;
  throw Object.assign(new Error(`ioctl 0x${request.toString(16)} failed: ${code}`), { code });
}

async function need(name: string, load: () => Promise<unknown>): Promise<unknown> {
  try {
    return await load();
  } catch (error) {
    throw new Error(
      `input devices need the npm package ${name}, which could not be loaded here: ${(error as Error).message.split("\n")[0]}`,
    );
  }
}
