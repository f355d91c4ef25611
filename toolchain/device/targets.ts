// The processors Sotto is built for, and what each is called by Debian, by compilers and by Node.

/** A processor to build for. */
export interface Target {
  /** As `--target` takes it. */
  readonly name: "armv7" | "arm64" | "x64";
  /** Debian's name of the architecture. */
  readonly debian: "armhf" | "arm64" | "amd64";
  /** GNU triplet: prefix of the cross compiler and folder of its libraries. */
  readonly triplet: string;
  /** Node's `process.arch`. */
  readonly node: "arm" | "arm64" | "x64";
  /** ELF class (1: 32 bits, 2: 64) and machine number of its programs. */
  readonly elf: { readonly class: 1 | 2; readonly machine: number };
  /** Options every compiler call gets. */
  readonly flags: readonly string[];
  /** qemu-user that runs its programs. */
  readonly qemu: string;
}

/** Every target. */
export const targets: readonly Target[] = [
  {
    name: "armv7",
    debian: "armhf",
    triplet: "arm-linux-gnueabihf",
    node: "arm",
    elf: { class: 1, machine: 40 },
    flags: ["-march=armv7-a+fp", "-mfloat-abi=hard"],
    qemu: "qemu-arm-static",
  },
  {
    name: "arm64",
    debian: "arm64",
    triplet: "aarch64-linux-gnu",
    node: "arm64",
    elf: { class: 2, machine: 183 },
    flags: [],
    qemu: "qemu-aarch64-static",
  },
  {
    name: "x64",
    debian: "amd64",
    triplet: "x86_64-linux-gnu",
    node: "x64",
    elf: { class: 2, machine: 62 },
    flags: [],
    qemu: "qemu-x86_64-static",
  },
];

/** @throws Error that lists the targets there are. */
export function findTarget(name: string | undefined): Target {
  const found = targets.find((target) => target.name === name);
  if (found) return found;
  const known = targets.map((target) => target.name).join(", ");
  throw new Error(
    name === undefined ? `--target is missing; targets: ${known}` : `there is no target "${name}"; targets: ${known}`,
  );
}
