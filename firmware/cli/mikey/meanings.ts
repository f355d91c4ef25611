// What the numbers of MIKEY's tables are called, for people.

/** Names by number. */
type Names = Readonly<Record<number, string>>;

const onOff: Names = { 0: "off", 1: "on" };

/** Tables of RFC 3830 section 6 and later ones, by field name. */
const tables: Readonly<Record<string, Names>> = {
  "data type": {
    0: "pre-shared key, offer",
    1: "pre-shared key, verification",
    2: "public-key encryption, offer",
    3: "public-key encryption, verification",
    4: "signed Diffie-Hellman, offer",
    5: "signed Diffie-Hellman, answer",
    6: "error",
    7: "DHHMAC, offer (RFC 4650)",
    8: "DHHMAC, answer (RFC 4650)",
    9: "RSA-R, offer (RFC 4738)",
    10: "RSA-R, answer (RFC 4738)",
  },
  "next payload": {
    0: "none, this is the last",
    1: "KEMAC",
    2: "PKE",
    3: "DH",
    4: "SIGN",
    5: "T",
    6: "ID",
    7: "CERT",
    8: "CHASH",
    9: "V",
    10: "SP",
    11: "RAND",
    12: "ERR",
    20: "key data",
    21: "general extension",
  },
  "CS ID map type": { 0: "SRTP-ID", 1: "empty (RFC 4563)" },
  "timestamp type": { 0: "NTP-UTC", 1: "NTP", 2: "counter" },
  "encryption algorithm": { 0: "NULL", 1: "AES-CM-128", 2: "AES key wrap, 128 bits" },
  "MAC algorithm": { 0: "NULL", 1: "HMAC-SHA-1-160" },
  "DH group": {
    0: "OAKLEY 5, 1536 bits",
    1: "OAKLEY 1, 768 bits",
    2: "OAKLEY 2, 1024 bits",
    241: "2048-bit MODP (Sotto's number)",
    242: "3072-bit MODP (Sotto's number)",
    243: "X25519 (Sotto's number)",
  },
  "ID type": { 0: "NAI", 1: "URI" },
  "certificate type": { 0: "X.509v3", 1: "X.509v3 by URL", 2: "X.509v3 for signing", 3: "X.509v3 for encryption" },
  "hash function": { 0: "SHA-1", 1: "MD5" },
  "policy protocol": { 0: "SRTP" },
  "policy parameter type": {
    0: "encryption algorithm",
    1: "session encryption key length",
    2: "authentication algorithm",
    3: "session authentication key length",
    4: "session salt length",
    5: "SRTP PRF",
    6: "key derivation rate",
    7: "SRTP encryption",
    8: "SRTCP encryption",
    9: "order of FEC",
    10: "SRTP authentication",
    11: "authentication tag length",
    12: "SRTP prefix length",
    20: "AEAD tag length (RFC 7714)",
  },
  "extension type": {
    0: "vendor ID",
    1: "list of SDP key management protocols (RFC 4567)",
    3: "key IDs (RFC 4563)",
    4: "CSB ID of a group (RFC 4738)",
  },
  "key validity type": { 0: "none", 1: "SPI/MKI", 2: "interval" },
};

/** Values of SRTP's parameters that are numbers of a table (6.10.1.b to d, RFC 7714). */
const parameters: Readonly<Record<number, Names>> = {
  0: { 0: "NULL", 1: "AES-CM", 2: "AES-f8", 6: "AES-GCM" },
  2: { 0: "NULL", 1: "HMAC-SHA-1" },
  5: { 0: "AES-CM" },
  7: onOff,
  8: onOff,
  9: { 0: "FEC, then SRTP" },
  10: onOff,
};
/** Those that count bytes. */
const lengths = new Set([1, 3, 4, 11, 12, 20]);

/** Name of a value of a field whose values have names; undefined: the field's have none. */
export function nameOf(field: string, value: number): string | undefined {
  const table = tables[field];
  return table && (table[value] ?? "unknown");
}

/** What an SRTP policy's parameter says. @param type of the parameter. */
export function parameterMeaning(type: number, value: number): string {
  const table = parameters[type];
  if (table) return table[value] ?? `unknown (${value})`;
  return lengths.has(type) ? `${value} bytes` : String(value);
}

/** Name of an S type (table 6.5). */
export function signatureName(type: number): string {
  const names: Names = {
    0: "RSA PKCS#1 v1.5 with SHA-1",
    1: "RSA PSS with SHA-1",
    13: "RSA PKCS#1 v1.5 with SHA-256 (Sotto's number)",
    14: "ECDSA P-256 with SHA-256 (Sotto's number)",
    15: "Ed25519 (Sotto's number)",
  };
  return names[type] ?? `unknown type ${type}`;
}
