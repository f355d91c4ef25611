// Debian packages a device runs on, beside the firmware.

/** Node, ALSA, and what starts and mends the system; no more. */
export const runtimePackages = [
  "nodejs",
  "libasound2t64",
  "libasound2-data",
  "busybox-static",
  "e2fsprogs",
  "util-linux",
  "tzdata",
  "ca-certificates",
] as const;
