// WebAssembly modules with vectors, kept in the source as base64.

/** The part of JavaScript's WebAssembly that is used here; TypeScript has its types in the browser's library only. */
declare const WebAssembly:
  | {
      validate(bytes: Uint8Array): boolean;
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object) => { readonly exports: object };
    }
  | undefined;

/** What a module exports, of an instance of its own; undefined where this processor or program has no WebAssembly with vectors. */
export function instantiate(base64: string): object | undefined {
  if (typeof WebAssembly === "undefined") return undefined;
  const code = Buffer.from(base64, "base64");
  if (!WebAssembly.validate(code)) return undefined;
  return new WebAssembly.Instance(new WebAssembly.Module(code)).exports;
}
