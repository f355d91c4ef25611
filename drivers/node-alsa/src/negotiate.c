/* Asking a card for what the caller wants, and saying clearly what it offers instead. */
#include "negotiate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const unsigned USUAL[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 176400, 192000};

const char *direction_name(enum direction which) { return which == CAPTURE ? "capture" : "playback"; }

static snd_pcm_stream_t pcm_stream(enum direction which) {
  return which == CAPTURE ? SND_PCM_STREAM_CAPTURE : SND_PCM_STREAM_PLAYBACK;
}

unsigned usual_rates(snd_pcm_t *pcm, snd_pcm_hw_params_t *params, unsigned *rates, unsigned room) {
  unsigned count = 0;
  for (size_t i = 0; i < sizeof USUAL / sizeof *USUAL && count < room; i++)
    if (snd_pcm_hw_params_test_rate(pcm, params, USUAL[i], 0) == 0) rates[count++] = USUAL[i];
  return count;
}

static int fail(struct failure *failure, int error, enum direction which, const char *step) {
  failure->error = error;
  failure->which = which;
  failure->step = step;
  return error;
}

static void offered_rates(snd_pcm_t *pcm, snd_pcm_hw_params_t *params, char *text, size_t room) {
  unsigned rates[32];
  unsigned count = usual_rates(pcm, params, rates, 32);
  size_t used = 0;
  text[0] = 0;
  for (unsigned i = 0; i < count && used < room; i++)
    used += (size_t)snprintf(text + used, room - used, "%s%u", i ? ", " : "", rates[i]);
  if (count == 0) {
    unsigned least = 0, most = 0;
    snd_pcm_hw_params_get_rate_min(params, &least, NULL);
    snd_pcm_hw_params_get_rate_max(params, &most, NULL);
    snprintf(text, room, "%u to %u", least, most);
  }
}

static void offered_formats(snd_pcm_t *pcm, snd_pcm_hw_params_t *params, char *text, size_t room) {
  size_t used = 0;
  text[0] = 0;
  for (int format = 0; format <= SND_PCM_FORMAT_LAST && used < room; format++)
    if (snd_pcm_hw_params_test_format(pcm, params, (snd_pcm_format_t)format) == 0)
      used += (size_t)snprintf(text + used, room - used, "%s%s", used ? ", " : "", snd_pcm_format_name((snd_pcm_format_t)format));
}

/* Everything but the rate and what depends on it. */
static int open_one(struct stream *stream, const struct wish *wish, enum direction which, snd_pcm_hw_params_t *params,
                    struct failure *failure) {
  const char *device = wish->device[which];
  char offers[200];
  int error = snd_pcm_open(&stream->pcm, device, pcm_stream(which), SND_PCM_NONBLOCK);
  if (error < 0) {
    stream->pcm = NULL;
    snprintf(failure->text, sizeof failure->text, "%s device \"%.100s\": %s", direction_name(which), device, snd_strerror(error));
    return fail(failure, error, which, "open");
  }
  snd_pcm_t *pcm = stream->pcm;
  if ((error = snd_pcm_hw_params_any(pcm, params)) < 0 ||
      (error = snd_pcm_hw_params_set_rate_resample(pcm, params, wish->resample)) < 0 ||
      (error = snd_pcm_hw_params_set_access(pcm, params, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0) {
    snprintf(failure->text, sizeof failure->text, "%s device \"%.100s\" has no configuration: %s", direction_name(which), device,
             snd_strerror(error));
    return fail(failure, error, which, "parameters");
  }
  if ((error = snd_pcm_hw_params_set_format(pcm, params, SND_PCM_FORMAT_S16)) < 0) {
    offered_formats(pcm, params, offers, sizeof offers);
    snprintf(failure->text, sizeof failure->text, "16-bit samples not supported by %s device \"%.60s\"; card offers %.140s (\"plughw:\" converts)",
             direction_name(which), device, offers);
    return fail(failure, error, which, "format");
  }
  unsigned wanted = wish->channels[which];
  if (snd_pcm_hw_params_set_channels(pcm, params, wanted) < 0 && snd_pcm_hw_params_set_channels(pcm, params, 3 - wanted) < 0) {
    unsigned least = 0, most = 0;
    snd_pcm_hw_params_get_channels_min(params, &least);
    snd_pcm_hw_params_get_channels_max(params, &most);
    snprintf(failure->text, sizeof failure->text, "%u channels not supported by %s device \"%.100s\"; card offers %u to %u", wanted,
             direction_name(which), device, least, most);
    return fail(failure, -EINVAL, which, "channels");
  }
  snd_pcm_hw_params_get_channels(params, &stream->channels);

  snd_pcm_info_t *info;
  snd_pcm_info_alloca(&info);
  stream->card = snd_pcm_info(pcm, info) == 0 ? snd_pcm_info_get_card(info) : -1;
  return 0;
}

/* The first wanted rate that every open direction can do; else, 0. */
static unsigned common_rate(struct stream stream[DIRECTIONS], snd_pcm_hw_params_t *params[DIRECTIONS], const struct wish *wish) {
  for (unsigned i = 0; i < wish->rate_count; i++) {
    bool all = true;
    for (int which = 0; which < DIRECTIONS; which++)
      if (stream[which].pcm && snd_pcm_hw_params_test_rate(stream[which].pcm, params[which], wish->rates[i], 0) != 0) all = false;
    if (all) return wish->rates[i];
  }
  return 0;
}

/* The first wanted rate this direction can do by itself; else, 0. */
static unsigned own_rate(struct stream *stream, snd_pcm_hw_params_t *params, const struct wish *wish) {
  for (unsigned i = 0; i < wish->rate_count; i++)
    if (snd_pcm_hw_params_test_rate(stream->pcm, params, wish->rates[i], 0) == 0) return wish->rates[i];
  return 0;
}

/* Rate, period and buffer; then the software side. */
static int finish_one(struct stream *stream, const struct wish *wish, enum direction which, unsigned rate, snd_pcm_hw_params_t *params,
                      struct failure *failure) {
  snd_pcm_t *pcm = stream->pcm;
  const char *step = "rate";
  int error;
  snd_pcm_uframes_t period = (snd_pcm_uframes_t)(((uint64_t)wish->period * rate + wish->rates[0] / 2) / wish->rates[0]);
  /* Playback has room for a period more than it is ever given: clocks that differ by a sample do not make a write short. */
  snd_pcm_uframes_t buffer = period * (wish->periods + (which == PLAYBACK ? 1 : 0));
  if ((error = snd_pcm_hw_params_set_rate(pcm, params, rate, 0)) < 0) goto failed;
  step = "parameters";
  if ((error = snd_pcm_hw_params_set_period_size_near(pcm, params, &period, NULL)) < 0) goto failed;
  if (buffer < 2 * period) buffer = 2 * period;
  if ((error = snd_pcm_hw_params_set_buffer_size_near(pcm, params, &buffer)) < 0) goto failed;
  if ((error = snd_pcm_hw_params(pcm, params)) < 0) goto failed;
  stream->rate = rate;
  if ((error = snd_pcm_hw_params_get_period_size(params, &stream->period, NULL)) < 0) goto failed;
  if ((error = snd_pcm_hw_params_get_buffer_size(params, &stream->buffer)) < 0) goto failed;

  snd_pcm_sw_params_t *software;
  snd_pcm_sw_params_alloca(&software);
  snd_pcm_uframes_t ahead = wish->periods * stream->period;
  if ((error = snd_pcm_sw_params_current(pcm, software)) < 0) goto failed;
  if ((error = snd_pcm_sw_params_set_avail_min(pcm, software, stream->period)) < 0) goto failed;
  if (which == PLAYBACK &&
      (error = snd_pcm_sw_params_set_start_threshold(pcm, software, ahead < stream->buffer ? ahead : stream->buffer)) < 0)
    goto failed;
  /* Plugins that cannot stamp time say so; then there are no time stamps. */
  snd_pcm_sw_params_set_tstamp_mode(pcm, software, SND_PCM_TSTAMP_ENABLE);
  snd_pcm_sw_params_set_tstamp_type(pcm, software, SND_PCM_TSTAMP_TYPE_MONOTONIC);
  if ((error = snd_pcm_sw_params(pcm, software)) < 0) goto failed;
  return 0;

failed:
  snprintf(failure->text, sizeof failure->text, "%s device \"%.100s\" does not take %u Hz with periods of %u frames: %s", direction_name(which),
           wish->device[which], rate, (unsigned)period, snd_strerror(error));
  return fail(failure, error, which, step);
}

int negotiate(struct stream stream[DIRECTIONS], const struct wish *wish, struct failure *failure) {
  snd_pcm_hw_params_t *params[DIRECTIONS];
  snd_pcm_hw_params_alloca(&params[CAPTURE]);
  snd_pcm_hw_params_alloca(&params[PLAYBACK]);
  int error;
  for (int which = 0; which < DIRECTIONS; which++)
    if (wish->device[which] && (error = open_one(&stream[which], wish, (enum direction)which, params[which], failure)) < 0) return error;

  unsigned common = common_rate(stream, params, wish);
  for (int which = 0; which < DIRECTIONS; which++) {
    if (!stream[which].pcm) continue;
    unsigned rate = common ? common : own_rate(&stream[which], params[which], wish);
    if (!rate) {
      char offers[160];
      offered_rates(stream[which].pcm, params[which], offers, sizeof offers);
      snprintf(failure->text, sizeof failure->text, "rate %u not supported by %s device \"%.80s\"; card offers %s", wish->rates[0],
               direction_name((enum direction)which), wish->device[which], offers);
      return fail(failure, -EINVAL, (enum direction)which, "rate");
    }
    if ((error = finish_one(&stream[which], wish, (enum direction)which, rate, params[which], failure)) < 0) return error;
  }
  return 0;
}
