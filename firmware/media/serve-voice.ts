// The voice thread's side of the line: obeys commands by a Voice that runs in this thread and reports back.

import type { StreamEvents, Voice, VoiceAhead, VoiceEvents, VoiceRouting, VoiceStream } from "./voice.js";
import { type Command, type Notice, type Reply, type WirePort, wipeKeys } from "./wire.js";

/**
 * Answers {@link Command}s that come through `port`.
 * @param make creates the voice; the events it is given go through the port.
 * @param ended called after a shutdown was answered.
 */
export function serveVoice(
  port: WirePort,
  make: (events: VoiceEvents) => Voice & Partial<VoiceRouting & VoiceAhead>,
  ended: () => void,
): void {
  const streams = new Map<number, VoiceStream>();
  const tell = (notice: Notice): void => port.postMessage(notice);
  const done = (request: number, value: Extract<Reply, { type: "done" }>["value"]): void =>
    port.postMessage({ type: "done", request, value } satisfies Reply);
  const voice = make({
    device: ({ type, text }) => tell({ type: "device", event: type, text }),
    failed: (text) => tell({ type: "failed", text }),
  });

  const eventsOf = (stream: number): StreamEvents => ({
    firstPacket: (direction, atMs) => tell({ type: "firstPacket", stream, direction, atMs }),
    digit: (digit, durationMs) => tell({ type: "digit", stream, digit, durationMs }),
    silent: (silentMs) => tell({ type: "silent", stream, silentMs }),
    keyAge: (kind) => tell({ type: "keyAge", stream, kind }),
  });

  async function open({ stream, request, options }: Extract<Command, { type: "open" }>): Promise<void> {
    const opened = await voice.open(options, eventsOf(stream));
    streams.set(stream, opened);
    done(request, { rtpPort: opened.rtpPort, rtcpPort: opened.rtcpPort });
  }

  function openAt({ request, stream, rtpPort, options }: Extract<Command, { type: "openAt" }>): void {
    if (!voice.openAt) throw new Error("no ports were told");
    streams.set(stream, voice.openAt(rtpPort, options, eventsOf(stream)));
    done(request, undefined);
  }

  async function obey(command: Command): Promise<void> {
    switch (command.type) {
      case "open":
        return open(command);
      case "openAt":
        return openAt(command);
      case "keys":
        try {
          streams.get(command.stream)?.keys(command.tx, command.rx);
        } finally {
          wipeKeys(command.tx);
          wipeKeys(command.rx);
        }
        return;
      case "rekey":
        try {
          await streams.get(command.stream)?.rekey(command.tx, command.rx, command.sending);
        } finally {
          wipeKeys(command.tx);
          wipeKeys(command.rx);
        }
        return done(command.request, undefined);
      case "confirmKeys":
        return streams.get(command.stream)?.confirmKeys();
      case "start":
        return streams.get(command.stream)?.start(command.parameters);
      case "digit":
        return streams.get(command.stream)?.digit(command.digit, command.durationMs);
      case "mute":
        return streams.get(command.stream)?.mute(command.on);
      case "statistics":
        return done(command.request, await find(command.stream).statistics());
      case "close": {
        const stream = find(command.stream);
        streams.delete(command.stream);
        return done(command.request, await stream.close());
      }
      case "tone":
        return voice.tone(command.tone);
      case "volume":
        return voice.volume(command.level);
      case "card":
        return voice.useCard?.(command.card);
      case "shutdown":
        await voice.close();
        done(command.request, undefined);
        return ended();
    }
  }

  function find(stream: number): VoiceStream {
    const found = streams.get(stream);
    if (!found) throw new Error("the stream is closed");
    return found;
  }

  function heed(command: Command): void {
    obey(command).catch((error: unknown) => {
      const text = error instanceof Error ? error.message : String(error);
      if ("request" in command) port.postMessage({ type: "error", request: command.request, text } satisfies Reply);
      else tell({ type: "failed", text: `${command.type}: ${text}` });
    });
  }

  port.on("message", (message) => {
    for (const command of message as readonly Command[]) heed(command);
  });
  voice.offerPorts?.(({ rtpPort, rtcpPort }) => tell({ type: "ports", rtpPort, rtcpPort }));
}
