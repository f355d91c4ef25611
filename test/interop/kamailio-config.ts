// Configuration files of the trapezoid: Kamailio as registrar and record-routing proxy, its TLS, dnsmasq's zones.

/** What one domain's proxy is told. */
export interface ProxySettings {
  readonly domain: string;
  readonly address: string;
  readonly algorithm: "MD5" | "SHA-256";
  readonly users: Readonly<Record<string, string>>;
  readonly tlsFile: string;
  /** The registrar works with flows (RFC 5626), and answers STUN on its SIP port. */
  readonly outbound: boolean;
  /** Who speaks in clear is shown a list of security mechanisms (RFC 3329), TLS the best of them. */
  readonly agreement: boolean;
}

/** The list of a proxy that agrees on security. */
export const securityServer = "ipsec-ike;q=0.1, tls;q=0.2";

/** RFC 3329 section 2.3.1, the server's side: the list to who has not verified it over TLS, and gone with the fields once it is. */
const agree = `
  if (is_present_hf("Security-Client") || is_present_hf("Security-Verify")) {
    if ($proto != "tls" || $hdr(Security-Verify) != "${securityServer}") {
      append_to_reply("Security-Server: ${securityServer}\\r\\n");
      sl_send_reply("494", "Security Agreement Required"); exit;
    }
    xlog("L_NOTICE", "AGREED $rm $proto\\n");
    remove_hf("Security-Verify"); remove_hf("Require"); remove_hf("Proxy-Require");
  } else if (!sanity_check("1511", "7")) { exit; }`;

/**
 * A registrar that challenges REGISTER (401) and its own users' requests (407), record-routes, and finds other domains by NAPTR and SRV.
 * A user who registered over TCP or TLS is reached over that connection.
 */
export function proxyConfig({
  domain,
  address,
  algorithm,
  users,
  tlsFile,
  outbound,
  agreement,
}: ProxySettings): string {
  const flows = outbound ? 'modparam("registrar", "outbound_mode", 1)\nmodparam("registrar", "flow_timer", 5)\n' : "";
  const modules = "tm sl rr pv maxfwd usrloc registrar textops siputils xlog sanity htable auth nathelper path tls";
  return `#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=2
auto_aliases=no
alias="${domain}"
listen=udp:${address}:5060
listen=tcp:${address}:5060
listen=tls:${address}:5061
enable_tls=yes
tcp_connection_lifetime=600
tcp_accept_aliases=yes
dns_try_naptr=yes
dns_try_ipv6=no
dns_srv_lb=off
dns_use_search_list=no
server_signature=yes
${modules
  .split(" ")
  .concat(outbound ? ["stun"] : [])
  .map((name) => `loadmodule "${name}.so"`)
  .join("\n")}
modparam("tls", "config", "${tlsFile}")
modparam("rr", "enable_full_lr", 1)
modparam("rr", "append_fromtag", 1)
modparam("registrar", "max_expires", 3600)
modparam("registrar", "method_filtering", 0)
modparam("registrar", "received_avp", "$avp(received)")
modparam("registrar", "use_path", 1)
${flows}modparam("nathelper", "received_avp", "$avp(received)")
modparam("usrloc", "db_mode", 0)
modparam("auth", "nonce_count", 1)
modparam("auth", "qop", "auth")
modparam("auth", "nonce_expire", 300)
modparam("auth", "algorithm", "${algorithm}")
modparam("htable", "htable", "pw=>size=8;")
event_route[htable:mod-init] {
${Object.entries(users)
  .map(([user, password]) => `  $sht(pw=>${user}) = "${password}";`)
  .join("\n")}
}
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  ${agreement ? agree : 'if (!sanity_check("1511", "7")) { exit; }'}
  xlog("L_NOTICE", "REQUEST $rm $ru from $si:$sp/$proto\\n");
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) {
      if ($du == $null) {
        handle_ruri_alias();
        # A globally routable address of a user here (RFC 5627): to the phone that registered it.
        if (uri == myself && $(ru{uri.param,gr}) != "") lookup("location");
      }
      route(RELAY);
    }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here"); exit;
  }
  if (is_method("ACK")) exit;
  t_check_trans();
  if (is_method("REGISTER")) {
    if ($au == $null || !pv_www_authenticate("$td", "$sht(pw=>$au)", "0")) { auth_challenge("$td", "1"); exit; }
    if ($au != $tU) { sl_send_reply("403", "Forbidden"); exit; }
    consume_credentials();
    if ($proto != "udp") fix_nated_register();
    if (!save("location")) sl_reply_error();
    exit;
  }
  if ($fd == "${domain}") {
    if ($au == $null || !pv_proxy_authenticate("$fd", "$sht(pw=>$au)", "0")) { auth_challenge("$fd", "17"); exit; }
    consume_credentials();
    if ($proto != "udp") set_contact_alias();
  }
  record_route();
  if (uri == myself) {
    if (is_method("OPTIONS") && $rU == $null) { sl_send_reply("200", "OK"); exit; }
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
  }
  route(RELAY);
}
route[RELAY] { if (!t_relay()) sl_reply_error(); exit; }
`;
}

/** Clients need not show a certificate; servers of other domains must. */
export function tlsConfig(certificate: string, key: string, authority: string): string {
  const files = `private_key = ${key}\ncertificate = ${certificate}\nca_list = ${authority}\n`;
  return `[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
${files}[client:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
${files}`;
}

const services = {
  tls: { naptr: "SIPS+D2T", srv: "_sips._tcp", port: 5061 },
  tcp: { naptr: "SIP+D2T", srv: "_sip._tcp", port: 5060 },
  udp: { naptr: "SIP+D2U", srv: "_sip._udp", port: 5060 },
} as const;

/** NAPTR, SRV and A records of the domains (RFC 3263). */
export function zoneConfig(
  dns: string,
  domains: readonly { readonly name: string; readonly address: string }[],
  transports: readonly ("tls" | "tcp" | "udp")[],
  extra: readonly string[],
): string {
  const lines = domains.flatMap(({ name, address }) => [
    `host-record=proxy.${name},${address}`,
    ...transports.flatMap((transport, i) => {
      const { naptr, srv, port } = services[transport];
      return [
        `naptr-record=${name},${10 * (i + 1)},50,s,${naptr},,${srv}.${name}`,
        `srv-host=${srv}.${name},proxy.${name},${port},10,100`,
      ];
    }),
  ]);
  return [
    "port=53",
    `listen-address=${dns}`,
    "bind-interfaces",
    "no-resolv",
    "no-hosts",
    "local=/test/",
    "local-ttl=60",
    "log-queries",
    "log-facility=-",
    "user=root",
    "pid-file=",
    ...lines,
    ...extra,
    "",
  ].join("\n");
}
