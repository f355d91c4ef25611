// Reads a configuration file: JSON (comments allowed), schema, files it names. Every error says field, value and what is allowed.

import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { type ParseError, parse as parseJson, printParseErrorCode } from "jsonc-parser";
import * as v from "valibot";
import { sameSipIdentity } from "../crypto/index.js";
import { type Config, configSchema } from "./schema.js";

/** One thing wrong with a configuration. */
export interface ConfigProblem {
  /** E.g. `accounts[0].security`; empty for the file as a whole. */
  readonly field: string;
  /** What was found and what is allowed. */
  readonly text: string;
}

/** Thrown by {@link loadConfig}; `message` lists every problem, one a line. */
export class ConfigError extends Error {
  constructor(
    readonly file: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    super(problems.map((p) => `${file}: ${p.field ? `${p.field}: ` : ""}${p.text}`).join("\n"));
    this.name = "ConfigError";
  }
}

/** The value as shown in an error: short, on one line. */
function show(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? json.slice(0, 77) + "…" : json;
}

function fieldOf(issue: v.BaseIssue<unknown>): string {
  let field = "";
  for (const item of issue.path ?? []) {
    if (typeof item.key === "number") field += `[${item.key}]`;
    else field += (field ? "." : "") + String(item.key);
  }
  return field;
}

/** The fields an object may have, for the error about one it may not. */
function knownFields(issue: v.BaseIssue<unknown>): string {
  let schema: unknown = configSchema;
  for (const item of (issue.path ?? []).slice(0, -1)) schema = step(unwrap(schema), item.key);
  const entries = (unwrap(schema) as { entries?: Record<string, unknown> }).entries;
  return entries ? Object.keys(entries).join(", ") : "none";
}

/** Looks through optional() and pipe() to the schema inside. */
function unwrap(schema: unknown): unknown {
  let inner = schema as { type?: string; wrapped?: unknown; pipe?: unknown[] };
  while (inner.type === "optional" && inner.wrapped) inner = inner.wrapped as typeof inner;
  return inner;
}

function step(schema: unknown, key: unknown): unknown {
  const holder = schema as { entries?: Record<string, unknown>; item?: unknown };
  return typeof key === "number" ? holder.item : holder.entries?.[String(key)];
}

function describe(issue: v.BaseIssue<unknown>): ConfigProblem {
  const field = fieldOf(issue);
  if (issue.kind === "schema" && issue.type === "strict_object") {
    const missing = issue.received === "undefined";
    if (missing) return { field, text: `is missing` };
    if (issue.expected === "never") return { field, text: `is not known here; allowed: ${knownFields(issue)}` };
    return { field, text: `got ${show(issue.input)}, allowed: an object` };
  }
  return { field, text: `got ${show(issue.input)}, allowed: ${issue.message}` };
}

/** Checks a parsed configuration. Pure: opens no file. */
export function parseConfig(json: unknown): { config: Config } | { problems: ConfigProblem[] } {
  if (Array.isArray(json)) return { problems: [{ field: "", text: "got a list, allowed: an object" }] };
  const outcome = v.safeParse(configSchema, json);
  if (outcome.success) return { config: outcome.output };
  return { problems: outcome.issues.map(describe) };
}

/**
 * Reads and checks a configuration file, and that the files it names exist and secret ones are private.
 * @throws ConfigError listing everything that is wrong.
 */
export function loadConfig(file: string): Config {
  const config = readConfig(file);
  const problems = [...checkFiles(config), ...checkMeaning(config)];
  if (problems.length > 0) throw new ConfigError(file, problems);
  return config;
}

/**
 * Reads a configuration file whose files need not be there yet; its paths are made absolute.
 * @throws ConfigError listing every field that is wrong.
 */
export function readConfig(file: string): Config {
  let raw: string;
  try {
    raw = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(file, [
      { field: "", text: `cannot be read (${(error as NodeJS.ErrnoException).code ?? error})` },
    ]);
  }
  const errors: ParseError[] = [];
  const json: unknown = parseJson(raw, errors, { allowTrailingComma: true });
  if (errors.length > 0)
    throw new ConfigError(file, [{ field: "", text: `is not JSON: ${jsonProblem(raw, errors[0])}` }]);
  const outcome = parseConfig(json);
  if ("problems" in outcome) throw new ConfigError(file, outcome.problems);
  return absolute(outcome.config, dirname(resolve(file)));
}

/** Where the first mistake is. The text around it is not quoted: it may be a secret. */
function jsonProblem(raw: string, error: ParseError): string {
  const before = raw.slice(0, error.offset).split("\n");
  return `${printParseErrorCode(error.error)} at line ${before.length}, column ${before[before.length - 1].length + 1}`;
}

/** Paths in the file are relative to the file's folder. */
function absolute(config: Config, folder: string): Config {
  const at = (path: string | undefined) => (path === undefined || isAbsolute(path) ? path : join(folder, path));
  return {
    ...config,
    control: at(config.control) ?? join(folder, "control.sock"),
    traceFile: at(config.traceFile),
    replayFile: at(config.replayFile),
    latencyFile: at(config.latencyFile),
    log: { ...config.log, file: at(config.log.file) },
    sip: {
      ...config.sip,
      tapFile: at(config.sip.tapFile),
      tls: {
        ...config.sip.tls,
        certificate: at(config.sip.tls.certificate),
        privateKey: at(config.sip.tls.privateKey),
        trustAnchors: config.sip.tls.trustAnchors.map((anchor) => at(anchor)!),
        keyLogFile: at(config.sip.tls.keyLogFile),
      },
      instanceFile: at(config.sip.instanceFile) ?? join(folder, "instance-id"),
    },
    devices: devicePaths(config.devices, at) as Config["devices"],
    accounts: config.accounts.map((account) => ({
      ...account,
      auth: authOf(account).map((one) => ({ ...one, passwordFile: at(one.passwordFile), ha1File: at(one.ha1File) })),
      keying: {
        ...account.keying,
        certificate: at(account.keying.certificate),
        privateKey: at(account.keying.privateKey),
        trustAnchors: account.keying.trustAnchors.map((anchor) => at(anchor)!),
        revocationLists: account.keying.revocationLists.map((list) => at(list)!),
        peerCertificates: account.keying.peerCertificates.map((one) => at(one)!),
        domainKeys: account.keying.domainKeys && {
          ...account.keying.domainKeys,
          folder: at(account.keying.domainKeys.folder),
        },
        sharedKeys: account.keying.sharedKeys.map((key) => ({ ...key, file: at(key.file)! })),
      },
    })),
  };
}

/** Files in the options of devices, at any depth: fields that end in `Wav` or `File`, and everything in `callerWavs`. */
function devicePaths(value: unknown, at: (path: string) => string | undefined, name = ""): unknown {
  if (typeof value === "string") return /(?:Wav|File)$/.test(name) ? at(value) : value;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const inside = name === "callerWavs" ? "Wav" : undefined;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, devicePaths(one, at, inside ?? key)]));
}

/** An account's credentials as a list. */
export function authOf({ auth }: Pick<Config["accounts"][number], "auth">) {
  return auth === undefined ? [] : Array.isArray(auth) ? auth : [auth];
}

function checkFiles(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const readable = (field: string, path: string | undefined, secret = false) => {
    if (path === undefined) return;
    try {
      accessSync(path, constants.R_OK);
      const mode = statSync(path).mode & 0o777;
      if (secret && (mode & 0o077) !== 0)
        problems.push({ field, text: `${path} can be read by others (mode ${mode.toString(8)}); allowed: mode 600` });
    } catch (error) {
      problems.push({
        field,
        text: `got ${show(path)}, which cannot be read (${(error as NodeJS.ErrnoException).code})`,
      });
    }
  };
  const { tls } = config.sip;
  readable("sip.tls.certificate", tls.certificate);
  readable("sip.tls.privateKey", tls.privateKey, true);
  tls.trustAnchors.forEach((path, j) => readable(`sip.tls.trustAnchors[${j}]`, path));
  config.accounts.forEach((account, i) => {
    const at = `accounts[${i}].keying`;
    authOf(account).forEach((one, j) => {
      readable(`accounts[${i}].auth[${j}].passwordFile`, one.passwordFile, true);
      readable(`accounts[${i}].auth[${j}].ha1File`, one.ha1File, true);
    });
    readable(`${at}.certificate`, account.keying.certificate);
    readable(`${at}.privateKey`, account.keying.privateKey, true);
    account.keying.trustAnchors.forEach((path, j) => readable(`${at}.trustAnchors[${j}]`, path));
    account.keying.revocationLists.forEach((path, j) => readable(`${at}.revocationLists[${j}]`, path));
    account.keying.peerCertificates.forEach((path, j) => readable(`${at}.peerCertificates[${j}]`, path));
    account.keying.sharedKeys.forEach((key, j) => readable(`${at}.sharedKeys[${j}].file`, key.file, true));
  });
  return problems;
}

/** What no single field of `sip` can say. */
function checkReach({ transports, tls, port, outboundProxy }: Config["sip"]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if ((tls.certificate === undefined) !== (tls.privateKey === undefined))
    problems.push({ field: "sip.tls", text: "certificate and privateKey go together: one of them is missing" });
  if (transports.includes("tls")) {
    if (tls.trustAnchors.length === 0 && tls.insecureHosts.length === 0)
      problems.push({
        field: "sip.tls.trustAnchors",
        text: "is empty: no server could be believed; allowed: at least one CA file (or names in sip.tls.insecureHosts)",
      });
    if (port !== 0 && tls.port === port)
      problems.push({ field: "sip.tls.port", text: `got ${port}, which is sip.port; allowed: another port` });
  }
  const wanted = outboundProxy?.transport;
  if (wanted !== undefined && !transports.includes(wanted))
    problems.push({
      field: "sip.outboundProxy.transport",
      text: `got ${show(wanted)}, allowed: one of sip.transports (${transports.join(", ")})`,
    });
  return problems;
}

/** Environment variable without which nothing that decrypts TLS is ever written: a configuration that slipped from a bench onto a device does nothing. */
const KEY_LOG = "SOTTO_TLS_KEY_LOG";

/** Whether this process was started for a test bench. */
export function mayLogKeys(environment: NodeJS.ProcessEnv = process.env): boolean {
  return environment[KEY_LOG] === "allow";
}

function checkKeyLog({ tls }: Config["sip"]): ConfigProblem[] {
  if (tls.keyLogFile === undefined || mayLogKeys()) return [];
  return [
    {
      field: "sip.tls.keyLogFile",
      text: `undoes TLS: it is for a test bench, where the phone is started with ${KEY_LOG}=allow; allowed: nothing`,
    },
  ];
}

/** What an account asks of TLS. */
function checkSecurity(config: Config): ConfigProblem[] {
  const tls = config.sip.transports.includes("tls");
  return config.accounts.flatMap((account, i) => {
    const problems: ConfigProblem[] = [];
    for (const [field, uri] of [
      ["uri", account.uri],
      ["registrar", account.registrar],
    ] as const)
      if (uri !== undefined && /^sips:/i.test(uri) && !tls)
        problems.push({
          field: `accounts[${i}].${field}`,
          text: `got ${show(uri)}, which is reached over TLS only; allowed: "tls" in sip.transports`,
        });
    if (account.securityAgreement !== "off" && !tls && authOf(account).length === 0)
      problems.push({
        field: `accounts[${i}].securityAgreement`,
        text: 'has nothing to agree on; allowed: "tls" in sip.transports, or auth for a digest',
      });
    return problems;
  });
}

/** One place for the secret of each user name. */
function checkAuth(config: Config): ConfigProblem[] {
  return config.accounts.flatMap((account, i) =>
    authOf(account).flatMap((one, j) =>
      (one.passwordFile === undefined) === (one.ha1File === undefined)
        ? [
            {
              field: `accounts[${i}].auth[${j}]`,
              text: "has both or neither of passwordFile and ha1File; allowed: one of them",
            },
          ]
        : [],
    ),
  );
}

/** What no single field can say. */
function checkMeaning(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [
    ...checkReach(config.sip),
    ...checkKeyLog(config.sip),
    ...checkAuth(config),
    ...checkSecurity(config),
  ];
  config.accounts.forEach((account, i) => {
    const at = `accounts[${i}].keying`;
    const { offer, certificate, privateKey, trustAnchors, sharedKeys, domainKeys } = account.keying;
    const isPublished = certificate === undefined && domainKeys !== undefined;
    if ((certificate === undefined) !== (privateKey === undefined) && !isPublished)
      problems.push({ field: at, text: "certificate and privateKey go together: one of them is missing" });
    if (certificate !== undefined && trustAnchors.length === 0)
      problems.push({
        field: `${at}.trustAnchors`,
        text: "is empty: no peer's certificate could be believed; allowed: at least one CA file",
      });
    if (account.security === "off") return;
    const needs = (method: string) => offer.some((one) => one === method);
    const signed = (["dh", "pke", "rsa-r"] as const).find(needs);
    if (signed && certificate === undefined && !isPublished)
      problems.push({ field: at, text: `offer has "${signed}", which needs certificate, privateKey and trustAnchors` });
    if (isPublished && privateKey === undefined)
      problems.push({ field: `${at}.privateKey`, text: "is missing: its public half is what the DNS publishes" });
    const shared = (["psk", "dhhmac"] as const).find(needs);
    if (shared && sharedKeys.length === 0)
      problems.push({
        field: `${at}.sharedKeys`,
        text: `is empty, but offer has "${shared}"; allowed: at least one { peer, file }`,
      });
    account.keying.peers.forEach(({ peer, offer: own }, j) => {
      const lacks = own?.find((method) =>
        method === "psk" || method === "dhhmac"
          ? !sharedKeys.some((key) => sameSipIdentity(key.peer, peer))
          : certificate === undefined && !isPublished,
      );
      if (lacks) problems.push({ field: `${at}.peers[${j}].offer`, text: `has "${lacks}", for which there is no key` });
    });
  });
  const seen = new Set<string>();
  config.accounts.forEach((account, i) => {
    if (seen.has(account.uri))
      problems.push({
        field: `accounts[${i}].uri`,
        text: `${show(account.uri)} is there twice; allowed: each account once`,
      });
    seen.add(account.uri);
  });
  return problems;
}
