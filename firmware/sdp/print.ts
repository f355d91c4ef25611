// Writes a session description in the order of RFC 8866 section 9.

import type { SdpAttribute, SdpConnection, SessionDescription } from "./types.js";

const BREAKING = /[\r\n\0]/;

/**
 * Writes `description` with CRLF line ends. An empty session name becomes `-`, missing timing `t=0 0` (RFC 8866 sections 5.3
 * and 5.9 demand both). Everything else is written as it is held, so that `parse(print(d))` gives `d` again.
 *
 * @throws TypeError when a part holds CR, LF or NUL, or a part that must not be empty or hold a space does: nobody can add a
 *   line through a value.
 * @throws RangeError when a port is not 0 to 65535.
 */
export function print(description: SessionDescription): string {
  const { origin } = description;
  const lines = ["v=0"];
  const { username, sessionId, sessionVersion } = origin;
  lines.push(
    `o=${word(username)} ${word(sessionId)} ${word(sessionVersion)} ${word(origin.netType)} ${word(origin.addrType)} ${word(origin.address)}`,
    `s=${description.sessionName || "-"}`,
  );
  // i=, u=, e= and p= come before c=; k= and letters RFC 8866 does not know after the times.
  for (const [letter, value] of description.other)
    if ("iuep".includes(letter)) lines.push(`${letterOf(letter)}=${value}`);
  if (description.connection) lines.push(connectionLine(description.connection));
  for (const bandwidth of description.bandwidth) lines.push(`b=${bandwidth}`);
  if (description.timing.length === 0) lines.push("t=0 0");
  for (const [letter, value] of description.timing) lines.push(`${letterOf(letter)}=${value}`);
  for (const [letter, value] of description.other)
    if (!"iuep".includes(letter)) lines.push(`${letterOf(letter)}=${value}`);
  for (const attribute of description.attributes) lines.push(attributeLine(attribute));
  for (const media of description.media) {
    if (!Number.isInteger(media.port) || media.port < 0 || media.port > 65_535)
      throw new RangeError(`port must be 0 to 65535, got ${media.port}`);
    if (media.formats.length === 0) throw new TypeError("an m= line needs at least one format");
    const ports = media.portCount === undefined ? `${media.port}` : `${media.port}/${media.portCount}`;
    lines.push(`m=${word(media.type)} ${ports} ${word(media.protocol)} ${media.formats.map(word).join(" ")}`);
    if (media.title !== undefined) lines.push(`i=${media.title}`);
    if (media.connection) lines.push(connectionLine(media.connection));
    for (const [letter, value] of media.other ?? []) if (letter === "c") lines.push(`c=${value}`);
    for (const bandwidth of media.bandwidth) lines.push(`b=${bandwidth}`);
    for (const [letter, value] of media.other ?? []) if (letter !== "c") lines.push(`${letterOf(letter)}=${value}`);
    for (const attribute of media.attributes) lines.push(attributeLine(attribute));
  }
  if (BREAKING.test(lines.join(" "))) {
    const broken = lines.find((line) => BREAKING.test(line))!;
    throw new TypeError(`CR, LF or NUL inside the value of a ${broken[0]}= line`);
  }
  return `${lines.join("\r\n")}\r\n`;
}

function connectionLine(connection: SdpConnection): string {
  return `c=${word(connection.netType)} ${word(connection.addrType)} ${word(connection.address)}`;
}

function attributeLine({ name, value }: SdpAttribute): string {
  if (name.includes(":")) throw new TypeError("an attribute's name holds no colon");
  return value === undefined ? `a=${word(name)}` : `a=${word(name)}:${value}`;
}

function word(text: string): string {
  if (text === "" || text.includes(" ")) throw new TypeError("a part of an SDP line is empty or holds a space");
  return text;
}

function letterOf(letter: string): string {
  if (!/^[a-zA-Z]$/.test(letter)) throw new TypeError("the type of an SDP line is one letter");
  return letter;
}
