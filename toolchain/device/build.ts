// Builds what goes onto a device: bundle, native parts, notices, and a report of sizes.

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { top } from "../top.js";
import { bundle, sottoVersion } from "./bundle.js";
import { noticeFile, notices } from "./licences.js";
import { compileNative, findNativePart } from "./natives.js";
import { sizes, sizeTable } from "./size.js";
import { packageVersions, sysroot } from "./sysroot.js";
import type { Target } from "./targets.js";
import { together } from "./turns.js";

/** The bundle may have so many bytes without native parts and Node. */
export const BUNDLE_LIMIT = 1_500_000;

/** How a device's build is made. */
export interface DeviceBuildOptions {
  /** Default: out/device/<target>. */
  readonly out?: string;
  /** Compile native parts anew. */
  readonly fresh?: boolean;
  readonly onStatus?: (text: string) => void;
}

/** A device's build on disk. */
export interface DeviceBuild {
  readonly target: Target;
  readonly version: string;
  /** What is copied onto the device. */
  readonly app: string;
  readonly maps: string;
  readonly natives: readonly string[];
  readonly bytes: number;
  readonly report: string;
}

/** Where a target's build goes. */
export function deviceFolder(target: Target): string {
  return join(top, "out", "device", target.name);
}

/**
 * Builds for `target`. The same commit, compiler and Debian packages give the same bytes.
 * @throws Error that says which part is missing or failed; nothing half-built is left in place.
 */
export async function buildForDevice(target: Target, options: DeviceBuildOptions = {}): Promise<DeviceBuild> {
  const out = options.out ?? deviceFolder(target);
  const status = options.onStatus ?? (() => {});
  const [app, maps] = [join(out, "app"), join(out, "maps")];
  const version = sottoVersion();
  mkdirSync(out, { recursive: true });
  // Whoever finds a report finds a whole build.
  const reportFile = join(out, "report.json");
  rmSync(reportFile, { force: true });
  status(`bundling for ${target.name}`);
  const { meta, natives } = await bundle(app, maps, version);
  const { bytes, modules } = sizes(meta);
  if (bytes > BUNDLE_LIMIT)
    throw new Error(`the bundle has ${bytes} bytes, ${BUNDLE_LIMIT} are allowed:\n${sizeTable("", bytes, modules)}`);

  const parts: { name: string; bytes: number }[] = [];
  let inputs: readonly string[] = [];
  if (natives.length > 0) {
    status(`getting Debian's ${target.debian} libraries`);
    const root = await sysroot(target);
    inputs = packageVersions(root);
    mkdirSync(join(app, "native"));
    const files = natives.map((name) => join(app, "native", `${name}.node`));
    const how = { root, fresh: options.fresh, onStatus: status };
    await together(natives.map((name, i) => compileNative(findNativePart(name), target, files[i], how)));
    for (const [i, name] of natives.entries())
      parts.push({ name: `native/${name}.node`, bytes: statSync(files[i]).size });
  }
  const bundled = Object.values(meta.outputs).flatMap((output) => Object.keys(output.inputs));
  const nativePackages = natives.map((name) => `${findNativePart(name).folder}/package.json`);
  writeFileSync(join(app, "NOTICE"), noticeFile(notices([...bundled, ...nativePackages])));
  writeFileSync(join(app, "LICENSE"), readFileSync(join(top, "LICENSE")));
  const report = [
    sizeTable(`Sotto ${version} for ${target.name}: bytes of JavaScript by module`, bytes, modules),
    ...(parts.length
      ? [
          sizeTable(
            "Native parts",
            parts.reduce((sum, part) => sum + part.bytes, 0),
            parts,
          ),
        ]
      : []),
  ].join("\n");
  writeFileSync(join(out, "size.txt"), report);
  writeFileSync(
    reportFile,
    JSON.stringify({ version, target: target.name, bytes, modules, native: parts, debian: inputs }, null, 2) + "\n",
  );
  return { target, version, app, maps, natives, bytes, report };
}
