// How the bundle finds its native parts: esbuild is told that what packages search for at run time lies in native/ beside the bundle.

import { readFileSync } from "node:fs";
import type { Plugin } from "esbuild";

/**
 * Packages with a native part, the module by which they look for it, and what stands there in a bundle. Each package searches in its own
 * way, through folders a device does not have.
 */
const loaders = [
  { part: "serialport", path: "node-gyp-build", importer: /@serialport\/bindings-cpp\//, contents: "() => NATIVE" },
  { part: "epoll", path: "bindings", importer: /\/epoll\//, contents: "() => NATIVE" },
  // Koffi's own wrapper adds deprecated names to the native module and nothing else.
  { part: "koffi", path: "koffi", importer: /./, contents: "NATIVE" },
] as const;

/**
 * CommonJS packages that our code imports when a device is opened, and what it takes from each. esbuild gives such an import nothing but a
 * default; Node gives it the names.
 */
const namedImports: Readonly<Record<string, readonly string[]>> = {
  onoff: ["Gpio"],
  serialport: ["SerialPort"],
  "@serialport/bindings-cpp/dist/poller.js": ["Poller"],
};

/** The plug-in. `used` gets the name of every native part that the bundle's code loads. */
export function nativeLoading(used: Set<string>): Plugin {
  return {
    name: "native-parts",
    setup(build) {
      for (const { part, path, importer, contents } of loaders) {
        build.onResolve({ filter: new RegExp(`^${path}$`) }, (args) => {
          if (!importer.test(args.importer)) return undefined;
          used.add(part);
          return { path: part, namespace: "native" };
        });
        build.onLoad({ filter: new RegExp(`^${part}$`), namespace: "native" }, () => ({
          contents: `module.exports = ${contents.replace("NATIVE", `require("./native/${part}.node")`)};`,
          loader: "js",
        }));
      }
      build.onResolve({ filter: /^(onoff|serialport|@serialport\/bindings-cpp\/dist\/poller\.js)$/ }, (args) =>
        args.kind === "dynamic-import"
          ? { path: args.path, namespace: "named", pluginData: args.resolveDir }
          : undefined,
      );
      build.onLoad({ filter: /./, namespace: "named" }, (args) => ({
        contents: [
          `import * as whole from ${JSON.stringify(args.path)};`,
          "export default whole.default ?? whole;",
          ...namedImports[args.path].map((name) => `export const ${name} = whole.${name};`),
        ].join("\n"),
        loader: "js",
        resolveDir: args.pluginData as string,
      }));
      // A checkout may lack onoff, so the driver hides its name from bundlers; a device's bundle has it.
      build.onLoad({ filter: /drivers\/gpio\/onoff\.ts$/ }, (args) => ({
        contents: readFileSync(args.path, "utf8").replace("import(name)", 'import("onoff")'),
        loader: "ts",
      }));
      // The sound card's add-on is found by a module of our own.
      build.onLoad({ filter: /drivers\/node-alsa\/load\.ts$/ }, () => {
        used.add("node-alsa");
        return {
          contents: `
            import { createRequire } from "node:module";
            let loaded;
            export const isBuilt = () => true;
            export const binding = () => (loaded ??= createRequire(import.meta.url)("./native/node-alsa.node"));`,
          loader: "js",
        };
      });
      build.onResolve({ filter: /\.node$/ }, (args) =>
        args.path.startsWith("./native/") ? { path: args.path, external: true } : undefined,
      );
    },
  };
}
