// The PCM "bluealsa" of ALSA's configuration, as bluez-alsa's package defines it, for its own plugin or for a stand-in.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The plugin's file, where the package libasound2-plugin-bluez is installed. */
export function bluealsaPlugin(): string | undefined {
  const libraries = "/usr/lib";
  return readdirSync(libraries)
    .map((folder) => join(libraries, folder, "alsa-lib", "libasound_module_pcm_bluealsa.so"))
    .find((file) => existsSync(file));
}

/**
 * The definition that takes `bluealsa:DEV=…,PROFILE=…`.
 * @param body what stands behind it; the plugin's own takes device and profile, a stand-in (`type pulse …`) has no use for them.
 */
export function bluealsaConfig(body: string): string {
  const own = body.startsWith("type bluealsa");
  return `pcm.bluealsa {
  @args [ DEV PROFILE ]
  @args.DEV { type string default "00:00:00:00:00:00" }
  @args.PROFILE { type string default "a2dp" }
  ${body}${own ? "\n  device $DEV\n  profile $PROFILE" : ""}
}`;
}
