// Entry of both loaders of a device's bundle, sotto.js and voice-thread.js; the toolchain says which program each starts.

import { join } from "node:path";
import { load } from "./load.js";

/** Put in by the bundler. */
declare const SOTTO_PROGRAM: { readonly name: string; readonly digest: string };
/** This file's folder: a loader is CommonJS. */
declare const __dirname: string;

load({ ...SOTTO_PROGRAM, file: join(__dirname, `${SOTTO_PROGRAM.name}.cjs`) }, process.env["SOTTO_CODE_CACHE"]);
