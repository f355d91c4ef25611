// A WebAssembly module as a TypeScript file.

/** The file's text. @param what the module is, @param program writes it, @param name of the constant */
export function codeFile(what, program, name, bytes) {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .match(/.{1,116}/g);
  return [
    `// ${what}, a WebAssembly module. Written by toolchain/${program}; change that instead.`,
    "// biome-ignore-all format: lines of equal length",
    "",
    "/** The module, in base64. */",
    `export const ${name} =`,
    ...lines.map((line, i) => `  "${line}"${i === lines.length - 1 ? ";" : " +"}`),
    "",
  ].join("\n");
}
