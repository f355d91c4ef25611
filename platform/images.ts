// Boards that have a bootable image: processor, kernel modules, settings. Data for the toolchain; the firmware never loads it.

/** What an image of a board is made of. */
export interface BoardImage {
  /** Name of the board in `boards/`. */
  readonly board: string;
  /** Target of the userland, as toolchain/build names it. */
  readonly target: "armv7" | "arm64";
  /** Debian's architecture of the kernel: a 64-bit kernel runs a 32-bit userland. */
  readonly kernel: "arm64";
  /** Modules the first program loads to reach the disk. */
  readonly diskModules: readonly string[];
  /** Further modules the image has; the kernel asks for what fits the hardware. */
  readonly modules: readonly string[];
  /** Folders of modules taken whole, below kernel/. */
  readonly moduleFolders: readonly string[];
  /** Modules loaded at boot though no hardware asks for them. */
  readonly load: readonly string[];
  /** Further Debian packages. */
  readonly packages: readonly string[];
  /** Added to the kernel's command line. */
  readonly commandLine: string;
  /** A root shell on this console: for boards nobody carries about. */
  readonly shell?: string;
  /** /etc/asound.conf. */
  readonly asound?: string;
}

/** Sampling rate of the recording that may speak in the emulated microphone's place, Hz; S16_LE, stereo. */
export const recordingRate = 16_000;

const disks = ["ext4", "squashfs", "vfat", "nls_cp437", "nls_ascii", "nls_utf8", "crc32c_generic"];

/** Every image there is. */
export const images: readonly BoardImage[] = [
  {
    board: "qemu-virt",
    target: "armv7",
    kernel: "arm64",
    diskModules: ["virtio_mmio", "virtio_pci", "virtio_blk", ...disks],
    modules: [
      "virtio_net",
      "virtio_console",
      "snd-hda-intel",
      "snd-hda-codec-generic",
      "gpio_keys",
      "gpio-vibra",
      "leds-gpio",
      "evdev",
      "virtio_input",
      "virtio-rng",
      // Only for tests: a sound card whose microphone hears its own loudspeaker.
      "snd-aloop",
    ],
    moduleFolders: [],
    load: ["virtio_net", "snd-hda-codec-generic", "snd-hda-intel", "gpio_keys", "gpio-vibra", "leds-gpio", "evdev"],
    packages: [],
    commandLine: "console=ttyAMA0 quiet",
    shell: "hvc0",
    // Two cards with one clock, the emulator's: earpiece and microphone. A recording on the data partition (S16_LE, 16 kHz, stereo: the least
    // the card can do, for every sample is converted by an emulated processor) can speak in the microphone's place, at the microphone's pace.
    asound: `pcm.earpiece { type plug slave.pcm "hw:0,0" }
pcm.microphone { type plug slave.pcm "hw:1,0" }
pcm.recording {
  type plug
  slave {
    pcm { type file slave.pcm "hw:1,0" file "/dev/null" infile "/data/recording.raw" format "raw" }
    rate ${recordingRate}
    channels 2
    format S16_LE
  }
}
`,
  },
  {
    board: "generic-efi-arm64",
    target: "arm64",
    kernel: "arm64",
    diskModules: [
      "virtio_mmio",
      "virtio_pci",
      "virtio_blk",
      "nvme",
      "sd_mod",
      "ahci",
      "usb-storage",
      "uas",
      "xhci-pci",
      "xhci-plat-hcd",
      "mmc_block",
      "sdhci-pci",
      "sdhci-iproc",
      "sdhci-of-arasan",
      "dw_mmc-rockchip",
      "sunxi-mmc",
      "bcm2835",
      ...disks,
    ],
    modules: [
      "virtio_net",
      "virtio-rng",
      "gpio_keys",
      "leds-gpio",
      "gpio-vibra",
      "evdev",
      "usbhid",
      "hid-generic",
      "snd-usb-audio",
      "snd-hda-intel",
      "snd-hda-codec-generic",
      "e1000e",
      "r8169",
      "igb",
      "usbnet",
      "cdc_ether",
      "ax88179_178a",
      "r8152",
      "smsc95xx",
      "lan78xx",
      "genet",
      "stmmac-platform",
      "dwmac-rk",
      "dwmac-sun8i",
      "rfcomm",
      "btusb",
      "brcmfmac",
      "ath9k_htc",
      "rt2800usb",
      "mt7601u",
      // What WPA's keys need: asked for by name when a network is joined, so that nothing above depends on them.
      "ccm",
      "cmac",
      "gcm",
      "ghash-generic",
      "aes-ce-ccm",
      "aes-ce-blk",
    ],
    moduleFolders: ["drivers/phy", "drivers/pinctrl", "drivers/clk", "drivers/gpio"],
    load: ["evdev"],
    // Wi-Fi, with the one chip's firmware that is free; other chips need files that Debian's main section has not (toolchain/image --firmware).
    packages: ["wpasupplicant", "wireless-regdb", "firmware-ath9k-htc"],
    commandLine: "quiet",
  },
];

/** @throws Error that lists the boards with an image. */
export function findImage(name: string): BoardImage {
  const found = images.find(({ board }) => board === name);
  if (found) return found;
  throw new Error(
    `there is no image for "${name}"; boards with an image: ${images.map(({ board }) => board).join(", ")}`,
  );
}
