// Datagrams to systemd's notification socket (sd_notify(3)). Node has no Unix datagram sockets: two calls of the C library do it.

import { closeSync } from "node:fs";
import koffi from "koffi";

const AF_UNIX = 1;
/** SOCK_DGRAM | SOCK_CLOEXEC */
const TYPE = 2 | 0o2000000;
/** MSG_DONTWAIT | MSG_NOSIGNAL: a service manager that does not read must not stop a telephone. */
const FLAGS = 0x40 | 0x4000;
/** Offset and size of sockaddr_un's path. */
const PATH = 2;
const PATH_BYTES = 108;

/** The bytes of sockaddr_un for a path, or for an abstract name (`@name`). @throws RangeError when it does not fit. */
export function socketAddress(address: string): Uint8Array {
  if (!/^[/@]./.test(address)) throw new RangeError(`NOTIFY_SOCKET is no path and no abstract name: ${address}`);
  const path = Buffer.from(address);
  if (path.length >= PATH_BYTES) throw new RangeError(`NOTIFY_SOCKET has ${path.length} bytes, 107 are allowed`);
  const isAbstract = path[0] === 0x40;
  if (isAbstract) path[0] = 0;
  // An abstract name ends with the address, a path with a zero.
  const bytes = Buffer.alloc(PATH + path.length + (isAbstract ? 0 : 1));
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = AF_UNIX;
  path.copy(bytes, PATH);
  return bytes;
}

/**
 * Opens a socket to the service manager. `send` sends one message; one that cannot be sent now is lost, the next may get through.
 * @throws Error when there is no C library to call or no socket to be had.
 */
export function notifySocket(address: string): { send(message: string): void; close(): void } {
  const to = socketAddress(address);
  const { socket, sendto } = (library ??= load());
  let fd = socket(AF_UNIX, TYPE, 0) as number;
  if (fd < 0) throw new Error("no socket for the service manager");
  return {
    send: (message) => {
      if (fd < 0) return;
      const data = Buffer.from(message);
      sendto(fd, data, data.length, FLAGS, to, to.length);
    },
    close: () => {
      if (fd >= 0) closeSync(fd);
      fd = -1;
    },
  };
}

/** Once a process: what koffi has looked up it keeps. */
let library: ReturnType<typeof load> | undefined;

function load() {
  const libc = koffi.load("libc.so.6");
  return {
    socket: libc.func("int socket(int domain, int type, int protocol)"),
    sendto: libc.func(
      "intptr_t sendto(int fd, const void *data, size_t size, int flags, const void *to, uint32_t length)",
    ),
  };
}
