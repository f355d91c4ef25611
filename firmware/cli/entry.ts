// Entry of the bundle: the `sotto` command.

import { main } from "./sotto.js";

/** Put in by the bundler; a checkout's translated tree has none. */
declare const SOTTO_VERSION: string | undefined;

// Not awaited: a device's bundle is a script.
void main(process.argv, typeof SOTTO_VERSION === "undefined" ? "0.0.0-checkout" : SOTTO_VERSION);
