// Status and events in words.

import type { CallSnapshot } from "../call/types.js";
import type { HandsetEvent, HandsetStatus } from "../control/index.js";
import { peerName, securityLines } from "../handset/view.js";
import type { RegistrationStatus } from "../sip/registration/index.js";

/** One call on one line. */
function callLine(call: CallSnapshot): string {
  const arrow = call.direction === "outgoing" ? "to" : "from";
  const ended = call.end ? `: ${call.end.user}` : "";
  return `call ${call.id} ${arrow} ${peerName(call)}: ${call.state}${ended}`;
}

/** One event on one line. Control characters that came from the network are shown as dots. */
export function eventLine(event: HandsetEvent): string {
  const time = new Date(event.atMs).toISOString().slice(11, 23);
  const words = (() => {
    switch (event.type) {
      case "call":
        return (
          callLine(event.call) +
          (event.call.state === "active" ? `\n             ${securityLines(event.call).join("; ")}` : "")
        );
      case "digit":
        return `call ${event.id}: digit ${event.digit}`;
      case "silent":
        return `call ${event.id}: nothing heard for ${(event.silentMs / 1000).toFixed(1)} s`;
      case "message":
        return `message from ${event.displayName ? `${event.displayName} ` : ""}<${event.from}> (not verified): ${event.text}`;
      case "refused":
        return `refused ${event.from}: ${event.status} ${event.text}`;
      case "registration":
        return registrationLine(event.registration, event.atMs);
      case "device":
        return `${event.device}: ${event.text}`;
    }
  })();
  return printable(`${time} ${words}`);
}

/** The whole status as a few lines of text. */
export function statusText(status: HandsetStatus): string {
  const lines = [
    `sotto ${status.version} on board ${status.board}, up ${duration(status.uptimeS)}, process ${status.pid}`,
    `SIP ${status.sip.transports.map((one) => `${one.transport} ${one.address}:${one.port}`).join(", ")}, ${status.sip.connections} connections`,
    `sound ${status.sound.state}${status.sound.text ? ` (${status.sound.text})` : ""}, ${status.sound.xruns} xruns`,
  ];
  const { registeredMs, readyMs, code } = status.startUp;
  const points = [
    ...(registeredMs === undefined ? [] : [`registered after ${registeredMs.toFixed(0)} ms`]),
    ...(readyMs === undefined ? [] : [`ready after ${readyMs.toFixed(0)} ms`]),
  ];
  if (points.length > 0)
    lines.push(
      `start: ${points.join(", ")}${code === "not kept" ? "" : `, code ${code === "kept" ? "of an earlier start" : "compiled anew"}`}`,
    );
  for (const account of status.accounts)
    lines.push(
      `account ${account.uri}: security ${account.security}, keying ${account.keying.join(", ") || "none"}` +
        (account.keying.length > 0 ? ` (${account.offers.join(", ")}; ${account.suites.join(", ")})` : ""),
    );
  for (const each of status.registrations) lines.push(registrationLine(each, Date.now()));
  const ahead = status.offersAhead;
  if (ahead.hits + ahead.misses + ahead.unused > 0)
    lines.push(
      `calls that found their offer made: ${ahead.hits} of ${ahead.hits + ahead.misses}; offers made and not sent: ${ahead.unused}`,
    );
  const { ready, hits, misses } = status.keyPairs;
  const shelves = Object.entries(ready).map(([group, count]) => `${count} ${group}`);
  if (shelves.length > 0)
    lines.push(
      `key pairs ready: ${shelves.join(", ")}; taken so far: ${hits} ready, ${misses} made while a call waited`,
    );
  const { placed, taken, failed, refused } = status.callsSoFar;
  lines.push(`calls so far: ${placed} placed, ${taken} taken, ${failed} failed, ${refused} refused`);
  for (const call of status.calls) {
    lines.push(callLine(call));
    for (const line of securityLines(call)) lines.push(`  ${line}`);
  }
  for (const [title, table] of [
    ["calls refused", status.refusals],
    ["voice packets dropped", status.voiceDrops],
    ["SIP messages", status.counters],
  ] as const) {
    const counted = Object.entries(table).filter(([, count]) => count > 0);
    if (counted.length > 0) lines.push(`${title}: ${counted.map(([name, count]) => `${name} ${count}`).join(", ")}`);
  }
  const { samples, medianMs, p99Ms, longestMs } = status.loopDelay;
  if (samples > 0)
    lines.push(
      `waits for the event loop in calls: median ${medianMs.toFixed(1)}, p99 ${p99Ms.toFixed(1)}, longest ${longestMs.toFixed(1)} ms`,
    );
  lines.push(
    `memory: ${(status.memory.rssBytes / 1048576).toFixed(1)} MiB resident, ${(status.memory.heapUsedBytes / 1048576).toFixed(1)} MiB heap`,
  );
  return printable(lines.join("\n"));
}

/** One registration on one line, with the flow that is kept and the reason of the last failure. */
export function registrationLine(registration: RegistrationStatus, nowMs: number): string {
  const { account, registrar, via, state, expiresAtMs, retryAtMs, failure, flow, path, agreement } = registration;
  const place = `${account} at ${registrar}${via ? ` by ${via}` : ""}`;
  const seconds = (atMs: number | undefined): string =>
    `${Math.max(0, Math.round(((atMs ?? nowMs) - nowMs) / 1000))} s`;
  const words = {
    registering: "registering",
    registered: `registered for ${seconds(expiresAtMs)}${retryAtMs === undefined ? "" : `, next try in ${seconds(retryAtMs)}`}`,
    waiting: `not registered, next try in ${seconds(retryAtMs)}`,
    off: "not registered",
  }[state];
  const last = failure ? `; last failure ${new Date(failure.atMs).toISOString().slice(11, 19)}: ${failure.text}` : "";
  const way = [
    flow ? `; flow ${flow}` : "",
    path ? `; path ${path.join(", ")}` : "",
    agreement ? `; ${agreement} by agreement` : "",
  ].join("");
  return `${place}: ${words}${way}${last}`;
}

function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

/** What came from the network must not steer a terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, "·");
}
