/* What sound there is: the kernel's cards with their PCMs, the names of ALSA's configuration, and what a PCM offers. */
#include <alsa/asoundlib.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "negotiate.h"

static napi_value list_pcms(napi_env env, snd_ctl_t *control, int card) {
  napi_value pcms = make_array(env);
  snd_pcm_info_t *info;
  snd_pcm_info_alloca(&info);
  for (int device = -1; snd_ctl_pcm_next_device(control, &device) == 0 && device >= 0;) {
    napi_value pcm = make_object(env);
    char name[40];
    snprintf(name, sizeof name, "hw:%d,%d", card, device);
    set_text(env, pcm, "device", name);
    set_flag(env, pcm, "capture", false);
    set_flag(env, pcm, "playback", false);
    for (int which = 0; which < DIRECTIONS; which++) {
      snd_pcm_info_set_device(info, (unsigned)device);
      snd_pcm_info_set_subdevice(info, 0);
      snd_pcm_info_set_stream(info, which == CAPTURE ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK);
      if (snd_ctl_pcm_info(control, info) < 0) continue;
      set_flag(env, pcm, direction_name((enum direction)which), true);
      set_text(env, pcm, "id", snd_pcm_info_get_id(info));
      set_text(env, pcm, "name", snd_pcm_info_get_name(info));
    }
    push(env, pcms, pcm);
  }
  return pcms;
}

/* cards(): every card of the kernel. */
static napi_value cards(napi_env env, napi_callback_info call) {
  (void)call;
  napi_value list = make_array(env);
  snd_ctl_card_info_t *info;
  snd_ctl_card_info_alloca(&info);
  for (int card = -1; snd_card_next(&card) == 0 && card >= 0;) {
    char name[32];
    snd_ctl_t *control;
    snprintf(name, sizeof name, "hw:%d", card);
    if (snd_ctl_open(&control, name, SND_CTL_NONBLOCK) < 0) continue;
    if (snd_ctl_card_info(control, info) == 0) {
      napi_value entry = make_object(env);
      set_number(env, entry, "card", card);
      set_text(env, entry, "id", snd_ctl_card_info_get_id(info));
      set_text(env, entry, "name", snd_ctl_card_info_get_name(info));
      set_text(env, entry, "longName", snd_ctl_card_info_get_longname(info));
      set_text(env, entry, "driver", snd_ctl_card_info_get_driver(info));
      set_value(env, entry, "pcms", list_pcms(env, control, card));
      push(env, list, entry);
    }
    snd_ctl_close(control);
  }
  return list;
}

/* pcms(): the names of ALSA's configuration, with what they are in words. */
static napi_value pcms(napi_env env, napi_callback_info call) {
  (void)call;
  napi_value list = make_array(env);
  void **hints;
  if (snd_device_name_hint(-1, "pcm", &hints) < 0) return list;
  for (void **hint = hints; *hint; hint++) {
    char *name = snd_device_name_get_hint(*hint, "NAME");
    char *description = snd_device_name_get_hint(*hint, "DESC");
    char *direction = snd_device_name_get_hint(*hint, "IOID");
    if (name) {
      napi_value entry = make_object(env);
      set_text(env, entry, "device", name);
      set_text(env, entry, "description", description);
      set_flag(env, entry, "capture", !direction || strcmp(direction, "Input") == 0);
      set_flag(env, entry, "playback", !direction || strcmp(direction, "Output") == 0);
      push(env, list, entry);
    }
    free(name);
    free(description);
    free(direction);
  }
  snd_device_name_free_hint(hints);
  return list;
}

static void set_range(napi_env env, napi_value object, const char *name, double least, double most) {
  napi_value range = make_array(env), value;
  napi_create_double(env, least, &value);
  push(env, range, value);
  napi_create_double(env, most, &value);
  push(env, range, value);
  set_value(env, object, name, range);
}

/* probe(device, isCapture): what it offers without conversion. */
static napi_value probe(napi_env env, napi_callback_info call) {
  napi_value value[2], list, number;
  char device[256];
  bool is_capture = false;
  arguments(env, call, value, 2);
  if (napi_get_value_string_utf8(env, value[0], device, sizeof device, NULL) != napi_ok) {
    napi_throw_type_error(env, NULL, "probe takes the name of a device");
    return NULL;
  }
  napi_get_value_bool(env, value[1], &is_capture);
  snd_pcm_t *pcm;
  snd_pcm_hw_params_t *params;
  snd_pcm_hw_params_alloca(&params);
  int error = snd_pcm_open(&pcm, device, is_capture ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
  if (error == 0 && (error = snd_pcm_hw_params_any(pcm, params)) < 0) snd_pcm_close(pcm);
  if (error < 0) {
    char text[320];
    snprintf(text, sizeof text, "%s device \"%.200s\": %s", is_capture ? "capture" : "playback", device, snd_strerror(error));
    napi_value thrown = make_error(env, error, text);
    set_text(env, thrown, "step", "open");
    set_text(env, thrown, "direction", is_capture ? "capture" : "playback");
    set_text(env, thrown, "device", device);
    napi_throw(env, thrown);
    return NULL;
  }
  napi_value offer = make_object(env);
  unsigned rates[32], least = 0, most = 0;
  snd_pcm_uframes_t least_frames = 0, most_frames = 0;
  snd_pcm_hw_params_set_rate_resample(pcm, params, 0);
  list = make_array(env);
  unsigned count = usual_rates(pcm, params, rates, 32);
  for (unsigned i = 0; i < count; i++)
    if (napi_create_uint32(env, rates[i], &number) == napi_ok) push(env, list, number);
  set_value(env, offer, "rates", list);
  list = make_array(env);
  for (int format = 0; format <= SND_PCM_FORMAT_LAST; format++) {
    if (snd_pcm_hw_params_test_format(pcm, params, (snd_pcm_format_t)format) != 0) continue;
    if (napi_create_string_utf8(env, snd_pcm_format_name((snd_pcm_format_t)format), NAPI_AUTO_LENGTH, &number) == napi_ok)
      push(env, list, number);
  }
  set_value(env, offer, "formats", list);
  snd_pcm_hw_params_get_channels_min(params, &least);
  snd_pcm_hw_params_get_channels_max(params, &most);
  set_range(env, offer, "channels", least, most);
  snd_pcm_hw_params_get_period_size_min(params, &least_frames, NULL);
  snd_pcm_hw_params_get_period_size_max(params, &most_frames, NULL);
  set_range(env, offer, "periodFrames", (double)least_frames, (double)most_frames);
  snd_pcm_hw_params_get_buffer_size_min(params, &least_frames);
  snd_pcm_hw_params_get_buffer_size_max(params, &most_frames);
  set_range(env, offer, "bufferFrames", (double)least_frames, (double)most_frames);
  snd_pcm_close(pcm);
  return offer;
}

void export_cards(napi_env env, napi_value exports) {
  export_function(env, exports, "cards", cards);
  export_function(env, exports, "pcms", pcms);
  export_function(env, exports, "probe", probe);
}
