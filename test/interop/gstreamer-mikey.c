// GStreamer's MIKEY (gstmikey.h) on the command line, for gstreamer-mikey.test.ts: makes a PSK message without protection, or reads one.
// Usage: gstreamer-mikey make tek|tgk KEY SALT SSRC | gstreamer-mikey read HEX

#include <gst/gst.h>
#include <gst/sdp/gstmikey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gsize from_hex(const char *text, guint8 *out, gsize room)
{
  gsize n = strlen(text) / 2;
  if (n > room) exit(2);
  for (gsize i = 0; i < n; i++) {
    unsigned byte;
    if (sscanf(text + 2 * i, "%2x", &byte) != 1) exit(2);
    out[i] = (guint8)byte;
  }
  return n;
}

static void print_hex(const char *name, const guint8 *bytes, gsize n)
{
  printf("%s ", name);
  for (gsize i = 0; i < n; i++) printf("%02x", bytes[i]);
  puts("");
}

static int make(const char *kind, const char *key_text, const char *salt_text, const char *ssrc)
{
  guint8 key[256], salt[64];
  gsize key_bytes = from_hex(key_text, key, sizeof key);
  gsize salt_bytes = from_hex(salt_text, salt, sizeof salt);
  GstMIKEYMessage *message = gst_mikey_message_new();
  gst_mikey_message_set_info(message, GST_MIKEY_VERSION, GST_MIKEY_TYPE_PSK_INIT, FALSE, GST_MIKEY_PRF_MIKEY_1,
                             0x11223344, GST_MIKEY_MAP_TYPE_SRTP);
  gst_mikey_message_add_cs_srtp(message, 0, (guint32)strtoul(ssrc, NULL, 16), 0);
  gst_mikey_message_add_t_now_ntp_utc(message);
  gst_mikey_message_add_rand_len(message, 16);
  GstMIKEYPayload *policy = gst_mikey_payload_new(GST_MIKEY_PT_SP);
  gst_mikey_payload_sp_set(policy, 0, GST_MIKEY_SEC_PROTO_SRTP);
  static const guint8 parameters[][2] = {{0, 1}, {1, 16}, {2, 1}, {3, 20}, {4, 14}, {5, 0}, {7, 1}, {8, 1}, {10, 1}, {11, 10}};
  for (gsize i = 0; i < G_N_ELEMENTS(parameters); i++)
    gst_mikey_payload_sp_add_param(policy, parameters[i][0], 1, &parameters[i][1]);
  gst_mikey_message_add_payload(message, policy);
  GstMIKEYPayload *kemac = gst_mikey_payload_new(GST_MIKEY_PT_KEMAC);
  gst_mikey_payload_kemac_set(kemac, GST_MIKEY_ENC_NULL, GST_MIKEY_MAC_NULL);
  GstMIKEYPayload *data = gst_mikey_payload_new(GST_MIKEY_PT_KEY_DATA);
  gst_mikey_payload_key_data_set_key(data, strcmp(kind, "tgk") == 0 ? GST_MIKEY_KD_TGK : GST_MIKEY_KD_TEK,
                                     (guint16)key_bytes, key);
  if (salt_bytes > 0) gst_mikey_payload_key_data_set_salt(data, (guint16)salt_bytes, salt);
  gst_mikey_payload_kemac_add_sub(kemac, data);
  gst_mikey_message_add_payload(message, kemac);
  GBytes *bytes = gst_mikey_message_to_bytes(message, NULL, NULL);
  if (!bytes) return 1;
  gsize n;
  const guint8 *raw = g_bytes_get_data(bytes, &n);
  print_hex("message", raw, n);
  return 0;
}

static int read_back(const char *text)
{
  static guint8 raw[8192];
  gsize n = from_hex(text, raw, sizeof raw);
  GError *error = NULL;
  GstMIKEYMessage *message = gst_mikey_message_new_from_data(raw, n, NULL, &error);
  if (!message) {
    printf("refused %s\n", error ? error->message : "");
    return 1;
  }
  printf("csb %08x\n", message->CSB_id);
  for (guint i = 0; i < gst_mikey_message_get_n_cs(message); i++) {
    const GstMIKEYMapSRTP *session = gst_mikey_message_get_cs_srtp(message, i);
    printf("session %u %08x %u\n", session->policy, session->ssrc, session->roc);
  }
  for (guint i = 0; i < gst_mikey_message_get_n_payloads(message); i++) {
    const GstMIKEYPayload *payload = gst_mikey_message_get_payload(message, i);
    if (payload->type == GST_MIKEY_PT_SP)
      for (guint j = 0; j < gst_mikey_payload_sp_get_n_params(payload); j++) {
        const GstMIKEYPayloadSPParam *one = gst_mikey_payload_sp_get_param(payload, j);
        printf("parameter %u %u\n", one->type, one->val[0]);
      }
    if (payload->type != GST_MIKEY_PT_KEMAC) continue;
    for (guint j = 0; j < gst_mikey_payload_kemac_get_n_sub(payload); j++) {
      const GstMIKEYPayloadKeyData *data = (const GstMIKEYPayloadKeyData *)gst_mikey_payload_kemac_get_sub(payload, j);
      printf("type %d\n", data->key_type);
      print_hex("key", data->key_data, data->key_len);
      print_hex("salt", data->salt_data, data->salt_len);
    }
  }
  GBytes *bytes = gst_mikey_message_to_bytes(message, NULL, NULL);
  if (bytes) {
    gsize length;
    const guint8 *again = g_bytes_get_data(bytes, &length);
    printf("same %d\n", length == n && memcmp(again, raw, n) == 0);
  }
  return 0;
}

int main(int argc, char **argv)
{
  gst_init(NULL, NULL);
  if (argc == 6 && strcmp(argv[1], "make") == 0) return make(argv[2], argv[3], argv[4], argv[5]);
  if (argc == 3 && strcmp(argv[1], "read") == 0) return read_back(argv[2]);
  fprintf(stderr, "usage: gstreamer-mikey make tek|tgk KEY SALT SSRC | gstreamer-mikey read HEX\n");
  return 2;
}
