/* libsrtp2 as a contestant of scripts/bench srtp.
 *
 * stdin:  lines "protect SUITE COUNT" or "unprotect SUITE COUNT"
 * stdout: for each a line with the nanoseconds one 172-byte RTP packet took, or "unknown"
 */
#define _POSIX_C_SOURCE 199309L
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PACKET = 172, STRIDE = 256, SUITES = 5 };

static const struct {
    const char *name;
    void (*set)(srtp_crypto_policy_t *);
} suites[SUITES] = {
    { "AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default },
    { "AES_CM_128_HMAC_SHA1_32", srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32 },
    { "AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80 },
    { "AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth },
    { "AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth },
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static srtp_t session(int suite, int inbound) {
    static unsigned char key[64];
    for (int i = 0; i < 64; i++) key[i] = (unsigned char)(i * 7 + 1);
    srtp_policy_t policy;
    memset(&policy, 0, sizeof policy);
    suites[suite].set(&policy.rtp);
    suites[suite].set(&policy.rtcp);
    policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
    policy.key = key;
    policy.window_size = 128;
    srtp_t made;
    if (srtp_create(&made, &policy)) exit(2);
    return made;
}

int main(void) {
    static srtp_t senders[SUITES], receivers[SUITES];
    static unsigned sequences[SUITES];
    char what[16], name[64];
    int count;
    if (srtp_init()) return 2;
    while (scanf("%15s %63s %d", what, name, &count) == 3) {
        int suite = 0;
        while (suite < SUITES && strcmp(suites[suite].name, name) != 0) suite++;
        if (suite == SUITES || count < 1 || count > 1000000) {
            puts("unknown");
            fflush(stdout);
            continue;
        }
        if (senders[suite] == NULL) {
            senders[suite] = session(suite, 0);
            receivers[suite] = session(suite, 1);
        }
        unsigned char *packets = aligned_alloc(64, (size_t)STRIDE * (size_t)count);
        int *lengths = malloc(sizeof *lengths * (size_t)count);
        if (packets == NULL || lengths == NULL) return 2;
        for (int i = 0; i < count; i++) {
            unsigned char *p = packets + (size_t)STRIDE * (size_t)i;
            unsigned sequence = sequences[suite]++;
            memset(p, 0x55, PACKET);
            p[0] = 0x80;
            p[1] = 0;
            p[2] = (unsigned char)(sequence >> 8);
            p[3] = (unsigned char)sequence;
            memcpy(p + 8, "\xde\xad\xbe\xef", 4);
            lengths[i] = PACKET;
        }
        double start = now();
        for (int i = 0; i < count; i++)
            if (srtp_protect(senders[suite], packets + (size_t)STRIDE * (size_t)i, &lengths[i])) return 3;
        double middle = now();
        for (int i = 0; i < count; i++)
            if (srtp_unprotect(receivers[suite], packets + (size_t)STRIDE * (size_t)i, &lengths[i])) return 4;
        double end = now();
        printf("%.1f\n", (what[0] == 'p' ? middle - start : end - middle) / count);
        fflush(stdout);
        free(packets);
        free(lengths);
    }
    return 0;
}
