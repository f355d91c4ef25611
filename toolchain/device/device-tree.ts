// The emulated machine's device tree with a telephone's hands added: keys, light and vibrator on lines of its GPIO chip.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { needTool, runTool } from "./tools.js";

/** Lines of the GPIO chip (PL061). QEMU's power button has line 3; `free` is for whoever uses the chip from user space. */
export const lines = { call: 0, hangup: 1, jack: 2, light: 4, vibrator: 5, free: 6, button: 7 } as const;

/** Nodes for the root of the tree; `chip` is the phandle of the GPIO chip, as the source has it. */
function hands(chip: string): string {
  const key = (name: string, line: number, code: number) =>
    `${name} { label = "${name}"; linux,code = <${code}>; gpios = <${chip} ${line} 0>; debounce-interval = <5>; };`;
  return `
    sotto-keys { compatible = "gpio-keys"; label = "sotto-keys"; ${key("call", lines.call, 169)} ${key("hang-up", lines.hangup, 223)} };
    sotto-jack { compatible = "gpio-keys"; label = "sotto-jack";
      jack { label = "jack"; linux,input-type = <5>; linux,code = <2>; gpios = <${chip} ${lines.jack} 0>; debounce-interval = <5>; };
      ${key("button", lines.button, 226)} };
    sotto-lights { compatible = "gpio-leds"; sotto { label = "sotto"; gpios = <${chip} ${lines.light} 0>; }; };
    sotto-vibrator { compatible = "gpio-vibrator"; enable-gpios = <${chip} ${lines.vibrator} 0>; };
`;
}

/**
 * Writes `folder`/machine.dtb for a machine started with `qemu` and `args`.
 * @throws Error when QEMU's tree has no PL061, or a tool is missing.
 */
export async function deviceTree(qemu: string, args: readonly string[], folder: string): Promise<string> {
  const dtc = needTool("dtc", "device-tree-compiler");
  const [plain, out] = [join(folder, "plain.dtb"), join(folder, "machine.dtb")];
  const machine = args.map((arg, i) => (args[i - 1] === "-M" ? `${arg},dumpdtb=${plain}` : arg));
  await runTool(qemu, machine);
  const source = (await runTool(dtc, ["-q", "-I", "dtb", "-O", "dts", plain])).toString();
  const chip = /pl061@[0-9a-f]+ \{[^}]*?phandle = <(0x[0-9a-f]+)>/.exec(source)?.[1];
  if (chip === undefined) throw new Error("QEMU's machine has no PL061 GPIO chip");
  const end = source.lastIndexOf("};");
  const changed = join(folder, "machine.dts");
  writeFileSync(changed, source.slice(0, end) + hands(chip) + source.slice(end));
  await runTool(dtc, ["-q", "-I", "dts", "-O", "dtb", "-o", out, changed]);
  return out;
}
