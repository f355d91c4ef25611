// The licence notices of everything that went into a bundle.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { top } from "../top.js";

/** A package in a bundle. */
export interface PackageNotice {
  readonly name: string;
  readonly version: string;
  /** SPDX expression of its package.json. */
  readonly licence: string;
  /** Its licence file. */
  readonly text: string;
}

/** Folder of the package a bundled file belongs to, relative to the checkout; undefined for our own files. */
export function packageFolder(input: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

/**
 * The notices of the packages that `inputs` (paths relative to the checkout) come from, sorted by name.
 * @throws Error that names a package without a licence or without its text: such a package cannot be given to others.
 */
export function notices(inputs: readonly string[]): PackageNotice[] {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined));
  return [...folders].sort().map((folder) => {
    const about = JSON.parse(readFileSync(join(top, folder, "package.json"), "utf8")) as Record<string, unknown>;
    const files = readdirSync(join(top, folder)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
    const name = String(about["name"]);
    const licence = typeof about["license"] === "string" ? about["license"] : undefined;
    let text = files
      .sort()
      .map((file) => readFileSync(join(top, folder, file), "utf8").trim())
      .join("\n\n");
    if (!text) text = fromReadme(join(top, folder));
    if (licence === undefined || !text)
      throw new Error(`the package ${name} has no ${licence ? "licence text" : "licence"}`);
    return { name, version: String(about["version"]), licence, text };
  });
}

/** Some packages print their licence in the README. */
function fromReadme(folder: string): string {
  const file = readdirSync(folder).find((name) => /^readme/i.test(name));
  if (!file || !existsSync(join(folder, file))) return "";
  const text = readFileSync(join(folder, file), "utf8");
  return /^#+ *licen[cs]e\b[^\n]*\n([\s\S]*?)(?=^#|$(?![\s\S]))/im.exec(text)?.[1]?.trim() ?? "";
}

/** The file that goes with the bundle. */
export function noticeFile(packages: readonly PackageNotice[]): string {
  const rule = "-".repeat(100);
  return [
    "Sotto is under the Apache License, version 2.0 (LICENSE). It contains these packages:",
    "",
    ...packages.map(({ name, version, licence }) => `  ${name} ${version}: ${licence}`),
    "",
    ...packages.flatMap(({ name, version, text }) => [
      rule,
      `${name} ${version}`,
      rule,
      "",
      text.replace(/\r/g, ""),
      "",
    ]),
  ].join("\n");
}
