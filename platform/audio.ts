// Opens sound cards by driver name, in whatever thread the voice runs. Apart from the other devices so that the voice thread loads no more.

import type { AudioOptions, OpenAudio } from "../drivers/contract.js";

/** Sound drivers, each loaded when it is first opened. */
const audioDrivers: Readonly<Record<string, (options: never) => ReturnType<OpenAudio>>> = {
  simulated: async (options) => (await import("../drivers/simulated/sound-card.js")).SimulatedSoundCard.open(options),
  alsa: async (options) => (await import("../drivers/alsa/index.js")).AlsaSoundCard.open(options),
};

/**
 * @param driver name of a sound driver.
 * @param options the driver's own options: plain data. What the voice path wants (rate, period) comes with each opening and wins.
 * @returns what the voice path opens its card with.
 * @throws Error that lists the sound drivers there are.
 */
export function openAudio(driver: string, options: unknown): OpenAudio {
  if (!Object.hasOwn(audioDrivers, driver))
    throw new Error(`there is no sound driver "${driver}"; sound drivers: ${Object.keys(audioDrivers).join(", ")}`);
  const open = audioDrivers[driver] as (options: object) => ReturnType<OpenAudio>;
  return (wanted: AudioOptions) => open({ ...(options as object | undefined), ...wanted });
}

/** The sound cards and names ALSA has here. @throws Error where the add-on is missing. */
export async function listSound() {
  const { listCards, listPcms } = await import("../drivers/node-alsa/index.js");
  return { cards: listCards(), pcms: listPcms() };
}
