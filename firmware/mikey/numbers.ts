// The numbers of RFC 3830 section 6 and of its later registrations, by their table; our private-use numbers among them.

/** Version of the protocol this room speaks (section 6.1). */
export const MIKEY_VERSION = 1;

/** Data types, table 6.1.a and later registrations. */
export const DataType = {
  psk: 0,
  pskVerification: 1,
  publicKey: 2,
  publicKeyVerification: 3,
  dhInit: 4,
  dhResponse: 5,
  error: 6,
  /** RFC 4650. */
  dhHmacInit: 7,
  dhHmacResponse: 8,
  /** RFC 4738. */
  rsaRInit: 9,
  rsaRResponse: 10,
} as const;

/** Payload types, table 6.1.b. */
export const PayloadType = {
  last: 0,
  kemac: 1,
  pke: 2,
  dh: 3,
  sign: 4,
  timestamp: 5,
  id: 6,
  certificate: 7,
  certificateHash: 8,
  verification: 9,
  policy: 10,
  rand: 11,
  error: 12,
  keyData: 20,
  extension: 21,
} as const;

/** PRF functions, table 6.1.c. */
export const PrfFunction = { mikey1: 0 } as const;

/** CS ID map types, table 6.1.d and RFC 4563 section 5. */
export const MapType = { srtpId: 0, empty: 1 } as const;

/** Encryption of key data, table 6.2.a. */
export const EncryptionAlgorithm = { null: 0, aesCm128: 1, aesKeyWrap128: 2 } as const;

/** MAC algorithms, table 6.2.b. */
export const MacAlgorithm = { null: 0, hmacSha1: 1 } as const;

/** Bytes of a MAC by its algorithm, table 6.2.b. */
export const macLengths: ReadonlyMap<number, number> = new Map([
  [MacAlgorithm.null, 0],
  [MacAlgorithm.hmacSha1, 20],
]);

/** Diffie-Hellman groups, table 6.4; 241 to 255 are for private use (section 10): the last three are ours. */
export const DhGroup = {
  oakley5: 0,
  oakley1: 1,
  oakley2: 2,
  /** RFC 3526 group 14. */
  modp2048: 241,
  /** RFC 3526 group 15. */
  modp3072: 242,
  /** RFC 7748; the value is the 32 bytes of the u coordinate. */
  x25519: 243,
} as const;

/** Bytes of a Diffie-Hellman value by its group, table 6.4. */
export const dhLengths: ReadonlyMap<number, number> = new Map([
  [DhGroup.oakley5, 192],
  [DhGroup.oakley1, 96],
  [DhGroup.oakley2, 128],
  [DhGroup.modp2048, 256],
  [DhGroup.modp3072, 384],
  [DhGroup.x25519, 32],
]);

/**
 * Signature types, table 6.5. The field has four bits and no range for private use: ours are its highest numbers, and go only
 * to peers that said they know them.
 */
export const SignatureType = {
  /** With SHA-1. */
  rsaPkcs1: 0,
  /** With SHA-1. */
  rsaPss: 1,
  /** RSA PKCS#1 v1.5 with SHA-256. */
  rsaPkcs1Sha256: 13,
  /** ECDSA on P-256 with SHA-256, the two numbers of 32 bytes each one after the other. */
  ecdsaP256Sha256: 14,
  /** RFC 8032. */
  ed25519: 15,
} as const;

/** Timestamp types, table 6.6. */
export const TimestampType = { ntpUtc: 0, ntp: 1, counter: 2 } as const;

/** Bytes of a timestamp by its type, table 6.6. */
export const timestampLengths: ReadonlyMap<number, number> = new Map([
  [TimestampType.ntpUtc, 8],
  [TimestampType.ntp, 8],
  [TimestampType.counter, 4],
]);

/** Identity types, table 6.7.a. */
export const IdType = { nai: 0, uri: 1 } as const;

/** Certificate types, table 6.7.b; `named`, of the numbers for private use, is a fingerprint in place of certificates the receiver has. */
export const CertificateType = { x509: 0, x509Url: 1, x509Sign: 2, x509Encrypt: 3, named: 241 } as const;

/** Hash functions of the certificate hash payload, table 6.8, with their lengths in bytes. */
export const HashFunction = { sha1: 0, md5: 1 } as const;
export const hashLengths: ReadonlyMap<number, number> = new Map([
  [HashFunction.sha1, 20],
  [HashFunction.md5, 16],
]);

/** Security protocols, table 6.10. */
export const SecurityProtocol = { srtp: 0 } as const;

/** Parameters of an SRTP policy, table 6.10.1.a. */
export const SrtpParameter = {
  encryption: 0,
  encryptionKeyLength: 1,
  authentication: 2,
  authenticationKeyLength: 3,
  saltLength: 4,
  prf: 5,
  keyDerivationRate: 6,
  srtpEncryption: 7,
  srtcpEncryption: 8,
  fecOrder: 9,
  srtpAuthentication: 10,
  tagLength: 11,
  prefixLength: 12,
  /** RFC 7714 section 14.3. */
  aeadTagLength: 20,
} as const;

/** SRTP ciphers, table 6.10.1.b and RFC 7714 section 14.3. */
export const SrtpCipher = { null: 0, aesCm: 1, aesF8: 2, aesGcm: 6 } as const;

/** SRTP authentication, table 6.10.1.c. */
export const SrtpAuthentication = { null: 0, hmacSha1: 1 } as const;

/** Envelope key cache indicator, table 6.3. */
export const CacheIndicator = { none: 0, cache: 1, forBundle: 2 } as const;

/** Error numbers, table 6.12. */
export const ErrorNumber = {
  authFailure: 0,
  invalidTimestamp: 1,
  invalidPrf: 2,
  invalidMac: 3,
  invalidEncryption: 4,
  invalidHash: 5,
  invalidDh: 6,
  invalidId: 7,
  invalidCertificate: 8,
  invalidPolicy: 9,
  invalidPolicyParameter: 10,
  invalidDataType: 11,
  unspecified: 12,
  /** RFC 4738: an RSA-R message that cannot be read. */
  unparseable: 13,
} as const;

/** Comments of table 6.12 in its order. */
export const errorNames: readonly string[] = [
  "authentication failure",
  "invalid timestamp",
  "PRF function not supported",
  "MAC algorithm not supported",
  "encryption algorithm not supported",
  "hash function not supported",
  "DH group not supported",
  "ID not supported",
  "certificate not supported",
  "SP type not supported",
  "SP parameters not supported",
  "data type not supported",
  "unspecified error",
  "unparseable message",
];

/** Types of key data, table 6.13.a. */
export const KeyType = { tgk: 0, tgkSalt: 1, tek: 2, tekSalt: 3 } as const;

/** Types of key validity, table 6.13.b. */
export const ValidityType = { none: 0, spi: 1, interval: 2 } as const;

/** General extensions, table 6.15, RFC 4563 section 4, RFC 4738 section 3.9.3. */
export const ExtensionType = { vendorId: 0, sdpIds: 1, keyId: 3, csbId: 4 } as const;

/** Types of key IDs, RFC 4563 table 2. */
export const KeyIdType = { domain: 0, service: 1, traffic: 2 } as const;
