// Messages of our own for every case of RFC 4475 (section 3) and RFC 5118 (section 4), with what becomes of each at this telephone.

/**
 * `valid`: taken, an INVITE or OPTIONS would be processed; `valid NNN`: well-formed, and a handset answers NNN; `400`, `505`: malformed,
 * answered so; `drop`: malformed, dropped.
 */
export interface TortureCase {
  /** Section of its RFC. */
  readonly section: string;
  readonly says: string;
  readonly bytes: Buffer;
  readonly verdict: string;
}

/** Fields in place of the usual ones; undefined leaves one out. */
type Fields = Readonly<Record<string, string | undefined>>;

/** A message with the fields it needs, some of them replaced or added; Content-Length is right unless it is given. */
function message(first: string, fields: Fields = {}, body: string | Buffer = ""): Buffer {
  const content = Buffer.from(body as string);
  const method = first.startsWith("SIP/") ? "INVITE" : first.split(" ")[0];
  const usual: Fields = {
    Via: "SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK-t-1",
    "Max-Forwards": "70",
    From: "<sip:eve@example.net>;tag=e1",
    To: "<sip:us@example.com>",
    "Call-ID": "torture-1@example.net",
    CSeq: `7 ${method}`,
    ...(method === "INVITE" || method === "REGISTER" ? { Contact: "<sip:eve@192.0.2.15>" } : {}),
    ...(content.length > 0 ? { "Content-Type": "application/sdp" } : {}),
  };
  const all = { ...usual, ...fields };
  if (!("Content-Length" in all)) all["Content-Length"] = String(content.length);
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return Buffer.concat([Buffer.from([first, ...lines, "", ""].join("\r\n")), content]);
}

const INVITE = "INVITE sip:us@example.com SIP/2.0";
const OPTIONS = "OPTIONS sip:us@example.com SIP/2.0";
const REGISTER = "REGISTER sip:example.com SIP/2.0";
const OK = "SIP/2.0 200 OK";
const sdp = "v=0\r\no=e 1 1 IN IP4 192.0.2.15\r\ns=-\r\nc=IN IP4 192.0.2.15\r\nt=0 0\r\nm=audio 9000 RTP/AVP 0\r\n";
const sdp6 = sdp.replaceAll("IP4 192.0.2.15", "IP6 2001:db8::15");

/** RFC 4475. */
export const rfc4475: readonly TortureCase[] = [
  {
    section: "3.1.1.1",
    says: "white space wherever the grammar has it, folding, compact names, an unknown field, escapes in quotes",
    verdict: "valid",
    bytes: Buffer.from(
      [
        "INVITE sip:us@example.com;unknown SIP/2.0",
        "TO :",
        " <sip:us@example.com> ;   tag2 = x",
        'f: "Eve \\\\\\"E\\"" <sip:eve@example.net>',
        "  ;",
        "  tag = e1",
        "MaX-fOrWaRdS: 0068",
        "i: torture-1@example.net",
        "cseq: 0009",
        "  INVITE",
        "v : SIP  /   2.0",
        " /UDP",
        "    192.0.2.15 : 5060 ;branch=z9hG4bK-t-1 , SIP / 2.0 / TCP h.example.net;branch=z9hG4bK-t-0",
        "s :",
        "NewFangled:   new",
        '  line;param  =  "x',
        '   y\\"z"',
        "UnknownHeaderWithUnusualValue: ;;,,;;,;",
        "Route:",
        " <sip:h.example.net;unknown=no?evil=yes>",
        'm:"Quoted \\"name\\" " <sip:eve@192.0.2.15>;newparam = newvalue;secondparam;q=0.33',
        "c: application/sdp",
        `l: ${sdp.length}`,
        "",
        sdp,
      ].join("\r\n"),
    ),
  },
  {
    section: "3.1.1.2",
    says: "a method of all characters tokens have, a URI of all that users have",
    verdict: "valid 501",
    bytes: message("!odd-Method_*+`.%here'~ sip:1_u.N!(d)'%F1-*~&=+$,;?/:%5Cp+$,@example.com:5060 SIP/2.0"),
  },
  {
    section: "3.1.1.3",
    says: "escapes in URIs are kept: this user is called sips:user@example.com",
    verdict: "valid",
    bytes: message("INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0", {
      To: "sip:%75se%72@example.com",
      From: "<sip:I%20have%20spaces@example.net>;tag=e1",
    }),
  },
  {
    section: "3.1.1.4",
    says: "an escaped null octet is a character of the user",
    verdict: "valid 405",
    bytes: message(REGISTER, {
      To: "sip:null-%00-null@example.com",
      Contact: "<sip:%00@192.0.2.15>, <sip:%00%00@192.0.2.15>",
    }),
  },
  {
    section: "3.1.1.5",
    says: "no escapes in methods: RE%47ISTER is no REGISTER",
    verdict: "valid 501",
    bytes: message("RE%47ISTER sip:us@example.com SIP/2.0"),
  },
  {
    section: "3.1.1.6",
    says: "no white space between display name and <",
    verdict: "valid",
    bytes: message(OPTIONS, { From: "caller<sip:eve@example.net>;tag=e1" }),
  },
  {
    section: "3.1.1.7",
    says: "very long values",
    verdict: "valid",
    bytes: message(INVITE, {
      To: `"I have a user name of ${"extreme ".repeat(30)}proportion" <sip:us@example.com:6000;${"longparamname".repeat(12)}=shortvalue;very${"long".repeat(40)}>`,
      From: `sip:${"amazinglylongcallername".repeat(5)}@example.net;tag=${"1".repeat(120)}`,
      "Call-ID": `longreq.${"really".repeat(40)}longcallid`,
      Via: Array.from(
        { length: 34 },
        (_, i) => `SIP/2.0/TCP sip${i}.example.com;branch=z9hG4bK-${"x".repeat(i)}y`,
      ).join(", "),
    }),
  },
  {
    section: "3.1.1.8",
    says: "octets behind the message are no part of it",
    verdict: "valid 405",
    bytes: Buffer.concat([message(REGISTER), message(INVITE, {}, sdp)]),
  },
  {
    section: "3.1.1.9",
    says: "semicolons in a user are the user's",
    verdict: "valid",
    bytes: message("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"),
  },
  {
    section: "3.1.1.10",
    says: "transports nobody knows in Via",
    verdict: "valid",
    bytes: message(OPTIONS, {
      Via: "SIP/2.0/UDP t1.example.com;branch=z9hG4bK1, SIP/2.0/SCTP t2.example.com;branch=z9hG4bK2, SIP/2.0/TLS t3.example.com;branch=z9hG4bK3, SIP/2.0/NOBODY t4.example.com;branch=z9hG4bK4",
    }),
  },
  {
    section: "3.1.1.11",
    says: "a multipart MESSAGE with octets that are no text, of a type nobody takes",
    verdict: "valid 415",
    bytes: message(
      "MESSAGE sip:us@example.com SIP/2.0",
      { "Content-Type": "multipart/mixed;boundary=7a9cbec02ceef655" },
      Buffer.concat([
        Buffer.from(
          "--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n\r\n",
        ),
        Buffer.from([0x30, 0x82, 0x00, 0xff, 0xfe, 0x0d, 0x0a, 0x00]),
        Buffer.from("\r\n--7a9cbec02ceef655--\r\n"),
      ]),
    ),
  },
  {
    section: "3.1.1.12",
    says: "a reason phrase in UTF-8, with punctuation",
    verdict: "valid",
    bytes: message("SIP/2.0 200 = 2**3 * 5**2 но сто \u2014 простое"),
  },
  { section: "3.1.1.13", says: "an empty reason phrase", verdict: "valid", bytes: message("SIP/2.0 100 ") },
  {
    section: "3.1.2.1",
    says: "separators without anything between them",
    verdict: "400",
    bytes: message(INVITE, { Via: "SIP/2.0/UDP 192.0.2.15;;,;,," }),
  },
  {
    section: "3.1.2.2",
    says: "Content-Length larger than what came",
    verdict: "400",
    bytes: message(INVITE, { "Content-Length": "9999" }, sdp),
  },
  {
    section: "3.1.2.3",
    says: "a negative Content-Length",
    verdict: "400",
    bytes: message(INVITE, { "Content-Length": "-999" }, sdp),
  },
  {
    section: "3.1.2.4",
    says: "numbers too large for their fields, in a request",
    verdict: "400",
    bytes: message(REGISTER, { CSeq: "36893488147419103232 REGISTER", "Max-Forwards": "300", Expires: "10000000000" }),
  },
  {
    section: "3.1.2.5",
    says: "the same in a response",
    verdict: "drop",
    bytes: message("SIP/2.0 503 Service Unavailable", {
      CSeq: "9292394834772304023312 OPTIONS",
      "Retry-After": "949302838503028349304023988",
    }),
  },
  {
    section: "3.1.2.6",
    says: "a quoted string in To that does not end",
    verdict: "400",
    bytes: message(INVITE, { To: '"Mr. J. User <sip:us@example.com>' }),
  },
  {
    section: "3.1.2.7",
    says: "<> around the Request-URI",
    verdict: "400",
    bytes: message("INVITE <sip:us@example.com> SIP/2.0"),
  },
  {
    section: "3.1.2.8",
    says: "white space in the Request-URI",
    verdict: "400",
    bytes: message("INVITE sip:us@example.com; lr SIP/2.0"),
  },
  {
    section: "3.1.2.9",
    says: "more than one space in the request line",
    verdict: "400",
    bytes: message("INVITE  sip:us@example.com  SIP/2.0"),
  },
  {
    section: "3.1.2.10",
    says: "spaces at the end of the request line",
    verdict: "400",
    bytes: message("OPTIONS sip:us@example.com SIP/2.0  "),
  },
  {
    section: "3.1.2.11",
    says: "header fields in the Request-URI",
    verdict: "400",
    bytes: message("INVITE sip:us@example.com?Route=%3Csip:example.com%3E SIP/2.0"),
  },
  {
    section: "3.1.2.12",
    says: "a Date in another zone than GMT: to be ignored by who has no use for it",
    verdict: "valid",
    bytes: message(INVITE, { Date: "Fri, 01 Jan 2010 16:00:00 EST" }),
  },
  {
    section: "3.1.2.13",
    says: "a Contact with header fields and without <>",
    verdict: "400",
    bytes: message(INVITE, { Contact: "sip:user@example.com?Route=%3Csip:sip.example.com%3E" }),
  },
  {
    section: "3.1.2.14",
    says: "spaces inside <>",
    verdict: "400",
    bytes: message(OPTIONS, { To: '"Watson, Thomas" < sip:us@example.com >' }),
  },
  {
    section: "3.1.2.15",
    says: "display names of more than tokens, without quotes",
    verdict: "400",
    bytes: message(OPTIONS, { From: "Bell, Alexander <sip:eve@example.net>;tag=43" }),
  },
  {
    section: "3.1.2.16",
    says: "another version of the protocol",
    verdict: "505",
    bytes: message("OPTIONS sip:us@example.com SIP/7.0", { Via: "SIP/7.0/UDP 192.0.2.15;branch=z9hG4bK-t-1" }),
  },
  {
    section: "3.1.2.17",
    says: "CSeq names another method",
    verdict: "400",
    bytes: message(OPTIONS, { CSeq: "8 INVITE" }),
  },
  {
    section: "3.1.2.18",
    says: "CSeq names another method, the method unknown",
    verdict: "400",
    bytes: message("NEWMETHOD sip:us@example.com SIP/2.0", { CSeq: "8 INVITE" }),
  },
  {
    section: "3.1.2.19",
    says: "a status code too large for it",
    verdict: "drop",
    bytes: message("SIP/2.0 4294967301 better not break the receiver"),
  },
  {
    section: "3.2.1",
    says: "a branch of the magic cookie alone: matched as RFC 2543 did",
    verdict: "valid",
    bytes: message(OPTIONS, { Via: "SIP/2.0/UDP 192.0.2.15;branch=z9hG4bK" }),
  },
  {
    section: "3.3.1",
    says: "From, To and Call-ID are missing",
    verdict: "400",
    bytes: message(INVITE, { From: undefined, To: undefined, "Call-ID": undefined }),
  },
  {
    section: "3.3.2",
    says: "a URI scheme nobody knows in the Request-URI",
    verdict: "valid 416",
    bytes: message("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"),
  },
  {
    section: "3.3.3",
    says: "a scheme that is known, but not to SIP",
    verdict: "valid 416",
    bytes: message("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),
  },
  {
    section: "3.3.4",
    says: "schemes nobody knows in To and From",
    verdict: "valid 405",
    bytes: message(REGISTER, {
      To: "isbn:2983792873",
      From: "<http://www.example.com>;tag=e1",
      Contact: "<name:John_Smith>",
    }),
  },
  {
    section: "3.3.5",
    says: "extensions nobody knows in Require and Proxy-Require",
    verdict: "valid 420",
    bytes: message(OPTIONS, {
      Require: "nothingSupportsThis, nothingSupportsThisEither",
      "Proxy-Require": "noProxiesSupportThis, norDoAnyProxiesSupportThis",
    }),
  },
  {
    section: "3.3.6",
    says: "a body of a type nobody takes",
    verdict: "valid 415",
    bytes: message(INVITE, { "Content-Type": "application/unknownformat" }, "<audio>\r\n"),
  },
  {
    section: "3.3.7",
    says: "an authorization scheme nobody knows",
    verdict: "valid 405",
    bytes: message(REGISTER, { Authorization: "NoOneKnowsThisScheme opaque-data=here" }),
  },
  {
    section: "3.3.8",
    says: "fields that may come once, twice",
    verdict: "400",
    bytes: Buffer.from(
      message(INVITE)
        .toString()
        .replace("\r\nTo:", "\r\nCSeq: 8 INVITE\r\nMax-Forwards: 5\r\nTo: <sip:other@example.com>\r\nTo:"),
    ),
  },
  {
    section: "3.3.9",
    says: "two different Content-Lengths",
    verdict: "400",
    bytes: Buffer.from(
      message(OPTIONS, {}, "hello").toString().replace("Content-Length: 5", "Content-Length: 5\r\nContent-Length: 137"),
    ),
  },
  {
    section: "3.3.10",
    says: "a response whose Via names a broadcast address: well-formed, and none of ours",
    verdict: "valid",
    bytes: message(OK, { Via: "SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1, SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2" }),
  },
  {
    section: "3.3.11",
    says: "Max-Forwards 0 at the end of the way",
    verdict: "valid",
    bytes: message(OPTIONS, { "Max-Forwards": "0" }),
  },
  {
    section: "3.3.12",
    says: "a Contact with parameters of the field and none of the URI",
    verdict: "valid 405",
    bytes: message(REGISTER, { Contact: "sip:+19725552222@192.0.2.15;unknownparam" }),
  },
  {
    section: "3.3.13",
    says: "a Contact with parameters of the URI and none of the field",
    verdict: "valid 405",
    bytes: message(REGISTER, { Contact: "<sip:+19725552222@192.0.2.15;unknownparam>" }),
  },
  {
    section: "3.3.14",
    says: "a Contact URI with an escaped Route",
    verdict: "valid 405",
    bytes: message(REGISTER, { Contact: "<sip:us@example.com?Route=%3Csip:sip.example.com%3E>" }),
  },
  {
    section: "3.3.15",
    says: "an Accept that no answer fits",
    verdict: "valid 406",
    bytes: message(INVITE, { Accept: "text/nobodyKnowsThis" }),
  },
  {
    section: "3.4.1",
    says: "an INVITE of RFC 2543: no branch, no tag, no Max-Forwards, no Contact",
    verdict: "valid",
    bytes: message(
      "INVITE sip:UserB@example.com SIP/2.0",
      {
        Via: "SIP/2.0/UDP iftgw.example.com",
        "Max-Forwards": undefined,
        From: "<sip:+13035551111@ift.example.net;user=phone>",
        Contact: undefined,
        "Record-Route": "<sip:UserB@example.com;maddr=ss1.example.com>",
      },
      sdp,
    ),
  },
];

/** RFC 5118. */
export const rfc5118: readonly TortureCase[] = [
  {
    section: "4.1",
    says: "an IPv6 reference in brackets",
    verdict: "valid 405",
    bytes: message("REGISTER sip:[2001:db8::10] SIP/2.0", {
      Via: "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bK-6",
      Contact: "<sip:eve@[2001:db8::1]>",
    }),
  },
  {
    section: "4.2",
    says: "an IPv6 address without brackets",
    verdict: "400",
    bytes: message("REGISTER sip:2001:db8::10 SIP/2.0"),
  },
  {
    section: "4.3",
    says: "is 5070 a port? Inside the brackets it is not",
    verdict: "valid 405",
    bytes: message("REGISTER sip:[2001:db8::10:5070] SIP/2.0"),
  },
  {
    section: "4.4",
    says: "outside it is",
    verdict: "valid 405",
    bytes: message("REGISTER sip:[2001:db8::10]:5070 SIP/2.0"),
  },
  {
    section: "4.5",
    says: "received with brackets",
    verdict: "valid",
    bytes: message(OPTIONS, { Via: "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bK-6" }),
  },
  {
    section: "4.5",
    says: "received without brackets",
    verdict: "valid",
    bytes: message(OPTIONS, { Via: "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bK-6" }),
  },
  {
    section: "4.6",
    says: "IPv6 in a session description",
    verdict: "valid",
    bytes: message("INVITE sip:us@[2001:db8::10] SIP/2.0", { Contact: "<sip:eve@[2001:db8::20]>" }, sdp6),
  },
  {
    section: "4.7",
    says: "addresses of both versions in the header",
    verdict: "valid",
    bytes: message(OPTIONS, {
      Via: "SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bK-6, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-4;received=2001:db8::9:255",
    }),
  },
  {
    section: "4.8",
    says: "addresses of both versions in a session description",
    verdict: "valid",
    bytes: message(INVITE, { Contact: "<sip:eve@[2001:db8::20]>" }, `${sdp}c=IN IP6 2001:db8::1\r\n`),
  },
  {
    section: "4.9",
    says: "an IPv4-mapped IPv6 address",
    verdict: "valid",
    bytes: message(
      INVITE,
      { Contact: "<sip:eve@[::ffff:192.0.2.10]:19823>", Via: "SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bK-6" },
      sdp6,
    ),
  },
  {
    section: "4.10",
    says: "three colons, as RFC 3261's grammar wants them",
    verdict: "valid",
    bytes: message("OPTIONS sip:us@[2001:db8:::192.0.2.1] SIP/2.0"),
  },
  {
    section: "4.10",
    says: "two colons, as they should be",
    verdict: "valid",
    bytes: message("OPTIONS sip:us@[2001:db8::192.0.2.1] SIP/2.0"),
  },
];
