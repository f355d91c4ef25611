/* Puts packets through libsrtp2: what test/interop/libsrtp.test.ts talks to.
 *
 * usage: libsrtp-peer send|receive SUITE KEY MKI RTCP ROC SSRC...
 *   SUITE name of the protection profile, as firmware/srtp/keys.ts has it; with "/clear" RTP is not encrypted,
 *         with "/unauthenticated" it has no tag
 *   KEY   master key and salt in hexadecimal
 *   MKI   master key identifier in hexadecimal, or -
 *   RTCP  "encrypt" or "authenticate" (E flag 0)
 *   ROC   roll-over counter every stream starts with
 *   SSRC  decimal, one stream each
 *
 * stdin:  frames of one octet 'r' (RTP) or 'c' (RTCP), two octets length (big-endian), packet
 * stdout: per frame one octet srtp_err_status_t, two octets length, resulting packet (none when the status is not 0)
 */
#include <srtp2/srtp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, int status) {
    fprintf(stderr, "libsrtp-peer: %s (%d)\n", what, status);
    exit(2);
}

static size_t from_hex(const char *text, unsigned char *out, size_t room) {
    size_t digits = strlen(text);
    if (digits % 2 != 0 || digits / 2 > room) die("bad hexadecimal", 0);
    for (size_t i = 0; i < digits / 2; i++) {
        char pair[3] = { text[2 * i], text[2 * i + 1], 0 };
        char *end;
        out[i] = (unsigned char)strtoul(pair, &end, 16);
        if (*end != 0) die("bad hexadecimal", 0);
    }
    return digits / 2;
}

typedef void (*profile)(srtp_crypto_policy_t *);

static const struct {
    const char *name;
    profile rtp, rtcp;
    size_t key;
} suites[] = {
    { "AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default, 30 },
    { "AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32, srtp_crypto_policy_set_rtp_default, 30 },
    { "AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46 },
    { "AES_256_CM_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 46 },
    { "AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth, srtp_crypto_policy_set_aes_gcm_128_16_auth, 28 },
    { "AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth, srtp_crypto_policy_set_aes_gcm_256_16_auth, 44 },
    { "NULL_HMAC_SHA1_80", srtp_crypto_policy_set_null_cipher_hmac_sha1_80, srtp_crypto_policy_set_null_cipher_hmac_sha1_80, 30 },
    { "NULL_HMAC_SHA1_32", srtp_crypto_policy_set_null_cipher_hmac_sha1_80, srtp_crypto_policy_set_null_cipher_hmac_sha1_80, 30 },
    { "AES_CM_128_HMAC_SHA1_80/clear", srtp_crypto_policy_set_rtp_default, srtp_crypto_policy_set_rtp_default, 30 },
    { "AES_CM_128_HMAC_SHA1_80/unauthenticated", srtp_crypto_policy_set_aes_cm_128_null_auth, srtp_crypto_policy_set_rtp_default, 30 },
};

int main(int argc, char **argv) {
    if (argc < 8) die("see the usage in the source", argc);
    int sending = strcmp(argv[1], "send") == 0;
    unsigned char key[64], mki[SRTP_MAX_MKI_LEN];
    size_t suite = 0, count = sizeof suites / sizeof *suites;
    while (suite < count && strcmp(suites[suite].name, argv[2]) != 0) suite++;
    if (suite == count) die("unknown SUITE", 0);
    if (from_hex(argv[3], key, sizeof key) != suites[suite].key) die("KEY has another length", (int)suites[suite].key);
    size_t mki_length = strcmp(argv[4], "-") == 0 ? 0 : from_hex(argv[4], mki, sizeof mki);
    int clear_rtcp = strcmp(argv[5], "authenticate") == 0;
    uint32_t roc = (uint32_t)strtoul(argv[6], NULL, 10);

    srtp_err_status_t status = srtp_init();
    if (status) die("srtp_init", status);
    srtp_t session;
    status = srtp_create(&session, NULL);
    if (status) die("srtp_create", status);

    for (int i = 7; i < argc; i++) {
        srtp_policy_t policy;
        srtp_master_key_t master = { key, mki, (unsigned)mki_length };
        srtp_master_key_t *masters[1] = { &master };
        memset(&policy, 0, sizeof policy);
        suites[suite].rtp(&policy.rtp);
        suites[suite].rtcp(&policy.rtcp);
        if (strcmp(argv[2], "NULL_HMAC_SHA1_32") == 0) policy.rtp.auth_tag_len = 4;
        if (strstr(argv[2], "/clear")) policy.rtp.sec_serv = sec_serv_auth;
        if (clear_rtcp) policy.rtcp.sec_serv = sec_serv_auth;
        policy.ssrc.type = ssrc_specific;
        policy.ssrc.value = (uint32_t)strtoul(argv[i], NULL, 10);
        policy.window_size = 128;
        if (mki_length > 0) {
            policy.keys = masters;
            policy.num_master_keys = 1;
        } else {
            policy.key = key;
        }
        status = srtp_add_stream(session, &policy);
        if (status) die("srtp_add_stream", status);
        if (roc > 0 && (status = srtp_set_stream_roc(session, policy.ssrc.value, roc))) die("srtp_set_stream_roc", status);
    }

    static uint32_t aligned[(65536 + SRTP_MAX_TRAILER_LEN + 64) / 4];
    unsigned char *packet = (unsigned char *)aligned;
    unsigned char head[3];
    while (fread(head, 1, 3, stdin) == 3) {
        int length = head[1] << 8 | head[2];
        if (fread(packet, 1, (size_t)length, stdin) != (size_t)length) die("truncated frame", length);
        unsigned use_mki = mki_length > 0;
        int rtcp = head[0] == 'c';
        if (sending)
            status = rtcp ? srtp_protect_rtcp_mki(session, packet, &length, use_mki, 0)
                          : srtp_protect_mki(session, packet, &length, use_mki, 0);
        else
            status = rtcp ? srtp_unprotect_rtcp_mki(session, packet, &length, use_mki)
                          : srtp_unprotect_mki(session, packet, &length, use_mki);
        if (status) length = 0;
        unsigned char answer[3] = { (unsigned char)status, (unsigned char)(length >> 8), (unsigned char)length };
        fwrite(answer, 1, 3, stdout);
        fwrite(packet, 1, (size_t)length, stdout);
    }
    if (fflush(stdout)) die("stdout", 0);
    srtp_dealloc(session);
    srtp_shutdown();
    return 0;
}
