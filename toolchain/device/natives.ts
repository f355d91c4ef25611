// The native parts of the bundle: which packages have one, how each is compiled for a target, and a check of what came out.

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { top } from "../top.js";
import { cacheFolder, packageVersions } from "./sysroot.js";
import type { Target } from "./targets.js";
import { findTool, runTool } from "./tools.js";
import { Turns, together } from "./turns.js";

/** A native part: one shared object that the bundle loads as `native/<name>.node`. */
export interface NativePart {
  readonly name: string;
  /** Folder of its sources, relative to the checkout. */
  readonly folder: string;
  readonly language: "c" | "c++";
  /** Sources, relative to the folder. */
  sources(target: Target): readonly string[];
  /** Compiler options; paths are relative to the folder. `sysroot` is absolute. */
  flags(target: Target, sysroot: string): readonly string[];
  /** Libraries it is linked with. */
  readonly libraries: readonly string[];
  /** Makes sources that are themselves made, into `work`; returns include folders. */
  generate?(work: string): Promise<readonly string[]>;
}

const nodeHeaders = (sysroot: string) => [
  `-I${sysroot}/usr/include/nodejs/src`,
  `-I${sysroot}/usr/include/nodejs/deps/v8/include`,
  `-I${sysroot}/usr/include/nodejs/deps/uv/include`,
];
const koffiMachine = { armv7: "arm32", arm64: "arm64", x64: "x64sysv" } as const;

/** Every native part there is; a bundle takes those that its code loads. */
export const nativeParts: readonly NativePart[] = [
  {
    name: "node-alsa",
    folder: "drivers/node-alsa",
    language: "c",
    sources: () =>
      readdirSync(join(top, "drivers", "node-alsa", "src"))
        .filter((name) => name.endsWith(".c"))
        .sort()
        .map((name) => `src/${name}`),
    flags: () => ["-std=gnu11", "-DNAPI_VERSION=8", "-I../../node_modules/node-api-headers/include"],
    libraries: ["asound", "pthread"],
  },
  {
    name: "serialport",
    folder: "node_modules/@serialport/bindings-cpp",
    language: "c++",
    sources: () => ["serialport", "serialport_unix", "poller", "serialport_linux"].map((name) => `src/${name}.cpp`),
    flags: (_target, sysroot) => [
      "-std=c++17",
      "-DNAPI_CPP_EXCEPTIONS",
      "-I../../node-addon-api",
      ...nodeHeaders(sysroot),
    ],
    libraries: [],
  },
  {
    // The one part that uses V8 itself: it serves the major version of Node whose headers it was compiled with.
    name: "epoll",
    folder: "node_modules/epoll",
    language: "c++",
    sources: () => ["src/epoll.cc"],
    flags: (_target, sysroot) => [
      "-std=c++17",
      "-DNODE_GYP_MODULE_NAME=epoll",
      "-Wno-cast-function-type",
      "-Wno-deprecated-declarations",
      "-I../nan",
      ...nodeHeaders(sysroot),
    ],
    libraries: [],
  },
  {
    name: "koffi",
    folder: "node_modules/koffi",
    language: "c++",
    sources: (target) => [
      ...["ffi", "call", "interp", "parser", "type", "util", "uv", "win32"].map((name) => `src/koffi/src/${name}.cc`),
      "lib/native/base/base.cc",
      `src/koffi/src/abi/${koffiMachine[target.name]}.cc`,
      `src/koffi/src/abi/${koffiMachine[target.name]}_asm.S`,
    ],
    flags: (target) => [
      "-std=c++20",
      // Its assembler symbols do not say that they are functions: Thumb code would call them in the wrong mode.
      ...(target.name === "armv7" ? ["-marm"] : []),
      "-D_FILE_OFFSET_BITS=64",
      `-DVERSION=${JSON.parse(readFileSync(join(top, "node_modules/koffi/package.json"), "utf8")).version}`,
      "-DFELIX_TARGET=koffi",
      "-DNAPI_VERSION=NAPI_VERSION_EXPERIMENTAL",
      "-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
      "-DNODE_ADDON_API_REQUIRE_BASIC_FINALIZERS",
      ..."-fno-strict-aliasing -fno-delete-null-pointer-checks -fwrapv -fno-exceptions -fno-rtti -fno-finite-loops".split(
        " ",
      ),
      "-fno-reorder-blocks-and-partition",
      "-Isrc/koffi",
      "-I.",
      "-Ivendor/node-addon-api",
      "-Ivendor/node-api-headers/include",
    ],
    libraries: [],
    generate: async (work) => {
      await runTool(process.execPath, [
        join(top, "node_modules/koffi/src/koffi/src/trampolines.cjs"),
        join(work, "trampolines"),
        "8192",
      ]);
      return [join(work, "trampolines")];
    },
  },
];

/** @throws Error that lists the native parts there are. */
export function findNativePart(name: string): NativePart {
  const found = nativeParts.find((part) => part.name === name);
  if (found) return found;
  throw new Error(
    `there is no native part "${name}"; native parts: ${nativeParts.map((part) => part.name).join(", ")}`,
  );
}

/** What every part is compiled with: small, nothing of this machine or day in it. */
const commonFlags = [
  "-shared",
  "-fPIC",
  "-Os",
  "-g0",
  "-DNDEBUG",
  "-DBUILDING_NODE_EXTENSION",
  "-fvisibility=hidden",
  "-ffunction-sections",
  "-fdata-sections",
  "-fstack-protector-strong",
  "-D_FORTIFY_SOURCE=2",
  "-w",
  "-s",
  "-Wl,--gc-sections",
  "-Wl,--build-id=none",
  "-Wl,-z,noexecstack,-z,relro,-z,now",
];

/** So many compilers run at once as there are processors. */
const turns = new Turns(availableParallelism());

/** Debian packages of the target's compilers. */
export function compilerPackages(target: Target): string[] {
  const suffix = target.triplet.replace("_", "-");
  return [`gcc-${suffix}`, `g++-${suffix}`];
}

/** How natives are compiled. */
export interface CompileOptions {
  /** Of {@link sysroot}. */
  readonly root: string;
  /** Compile anew even where the same inputs were compiled before. */
  readonly fresh?: boolean;
  readonly onStatus?: (text: string) => void;
}

/**
 * Compiles one native part into `file`. A part that was compiled from the same sources, options, compiler and libraries before is copied.
 * @throws Error that names the part and what is missing: compiler, sources, libraries.
 */
export async function compileNative(
  part: NativePart,
  target: Target,
  file: string,
  options: CompileOptions,
): Promise<void> {
  const folder = join(top, part.folder);
  const sources = part.sources(target);
  for (const source of sources)
    if (!existsSync(join(folder, source)))
      throw new Error(
        `the native part ${part.name} cannot be built: ${part.folder}/${source} is missing (npm install puts it there)`,
      );
  const program = `${target.triplet}-${part.language === "c" ? "gcc" : "g++"}`;
  const compiler = findTool(program);
  if (compiler === undefined)
    throw new Error(
      `the native part ${part.name} cannot be built: ${program} is not installed; on Debian, as root: apt-get install ${compilerPackages(target).join(" ")}`,
    );
  const args = [
    `--sysroot=${options.root}`,
    ...target.flags,
    ...commonFlags,
    ...part.flags(target, options.root),
    // Neither where the checkout nor where the sysroot is may show.
    `-ffile-prefix-map=${folder}=.`,
    `-ffile-prefix-map=${options.root}=`,
  ];
  const key = createHash("sha256");
  key.update(JSON.stringify([args.map((arg) => arg.replace(top, "")), part.libraries, sources]));
  key.update(await runTool(compiler, ["--version"]));
  key.update(packageVersions(options.root).join("\n"));
  for (const source of inputs(folder)) key.update(source).update(readFileSync(join(folder, source)));
  const digest = key.digest("hex").slice(0, 16);
  const cached = join(cacheFolder, "natives", `${part.name}-${target.name}-${digest}.node`);
  if (options.fresh || !existsSync(cached)) {
    options.onStatus?.(`compiling ${part.name} for ${target.name}`);
    mkdirSync(join(cacheFolder, "natives"), { recursive: true });
    const work = `${cached}.${process.pid}.work`;
    mkdirSync(work, { recursive: true });
    try {
      const made = (await part.generate?.(work)) ?? [];
      const out = join(work, "out.node");
      const all = [...args, ...made.map((path) => `-I${path}`), `-ffile-prefix-map=${work}=.`];
      const compile = async (source: string, i: number) => {
        const object = join(work, `${i}.o`);
        await turns.take(() => runTool(compiler, [...all, "-c", "-o", object, source], { cwd: folder }));
        return object;
      };
      try {
        const objects = await together(sources.map(compile));
        await runTool(compiler, [...all, "-o", out, ...objects, ...part.libraries.map((name) => `-l${name}`)]);
      } catch (error) {
        const words = (error as Error).message;
        throw new Error(`the native part ${part.name} does not compile for ${target.name}: ${words}`);
      }
      checkElf(readFileSync(out), target, part.name);
      renameSync(out, cached);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  copyFileSync(cached, file);
}

/** Files below a folder that may go into a compilation, relative, sorted. */
function inputs(folder: string): string[] {
  const found: string[] = [];
  const walk = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if (entry.isDirectory() && !["node_modules", "prebuilds", "build", "doc", "example", "test"].includes(entry.name))
        walk(inner);
      else if (/\.(c|cc|cpp|h|hh|hpp|inc|S|cjs)$/.test(entry.name)) found.push(relative(folder, inner));
    }
  };
  walk(folder);
  return found.sort();
}

/** @throws Error when the file is not a shared object for the target's processor. */
export function checkElf(file: Uint8Array, target: Target, name: string): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < 64 || view.getUint32(0) !== 0x7f454c46) throw new Error(`${name} is not an ELF file`);
  if (view.getUint8(4) !== target.elf.class || view.getUint16(18, true) !== target.elf.machine)
    throw new Error(`${name} is for another processor than ${target.name}`);
  if (view.getUint16(16, true) !== 3) throw new Error(`${name} is no shared object`);
}
