/* The duplex as JavaScript sees it: one listener, called once a period from the thread's event loop. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "duplex.h"
#include "loop.h"
#include "negotiate.h"

/* What the listener's first argument says; index.ts has the same numbers. */
enum event { EVENT_PERIOD, EVENT_XRUN, EVENT_SUSPENDED, EVENT_GONE };

/* Periods delivered in one wake-up: more than any buffer holds, so that a card that lies cannot keep the loop for itself. */
enum { MAX_BURST = 64, MAX_NAME = 256 };

/* Wake-ups for nothing that are put up with before the descriptors get a rest. */
enum { SPINS = 4 };

/* Errors of the descriptors in a row, a millisecond apart, behind which the card says nothing is wrong: then it is gone. */
enum { MOST_BROKEN = 500 };

struct context {
  napi_env env;
  struct duplex duplex;
  struct watch *watch;
  struct pollfd fds[MAX_POLL];
  unsigned fd_count;
  napi_ref self; /* strong while running: what runs is not collected */
  napi_ref listener;
  napi_ref array[DIRECTIONS];
  bool running;
  bool suspended;
  enum direction suspended_which;
  uint64_t run; /* counts starts, so that a period notices that it was stopped or restarted under its listener */
  uint64_t wakeups;
  uint64_t idle_wakeups;
  uint64_t periods;
  unsigned spins; /* wake-ups in a row that meant nothing */
  unsigned broken; /* wake-ups in a row by an error that the card knows nothing of */
};

static const napi_type_tag TAG = {0x6e6f64652d616c73, 0x612d6475706c6578};

static void release(napi_env env, napi_ref *ref) {
  if (*ref) napi_delete_reference(env, *ref);
  *ref = NULL;
}

static void halt(struct context *context) {
  if (context->watch) watch_close(context->watch);
  context->watch = NULL;
  if (!context->running) return;
  context->running = context->suspended = false;
  duplex_stop(&context->duplex);
  release(context->env, &context->listener);
  release(context->env, &context->array[CAPTURE]);
  release(context->env, &context->array[PLAYBACK]);
  release(context->env, &context->self);
}

static void finalize(napi_env env, void *data, void *hint) {
  struct context *context = data;
  (void)env, (void)hint;
  halt(context);
  duplex_close(&context->duplex);
  free(context);
}

static struct context *context_of(napi_env env, napi_value value) {
  bool ours = false;
  void *data = NULL;
  if (napi_check_object_type_tag(env, value, &TAG, &ours) == napi_ok && ours && napi_get_value_external(env, value, &data) == napi_ok)
    return data;
  napi_throw_type_error(env, NULL, "not an open PCM");
  return NULL;
}

/* Where an array's samples are now. NULL when it was detached or is too short. */
static int16_t *samples_of(struct context *context, enum direction which, size_t *length) {
  napi_value array;
  napi_typedarray_type type;
  void *data = NULL;
  *length = 0;
  if (!context->array[which] || napi_get_reference_value(context->env, context->array[which], &array) != napi_ok || !array ||
      napi_get_typedarray_info(context->env, array, &type, length, &data, NULL, NULL) != napi_ok)
    return NULL;
  return data;
}

static void tell(struct context *context, enum event event, int value, napi_value *result) {
  napi_value values[2];
  napi_create_int32(context->env, event, &values[0]);
  napi_create_int32(context->env, value, &values[1]);
  call_listener(context->env, context->listener, 2, values, result);
}

static void gone(struct context *context, int error) {
  /* The listener outlives halt(), to be told. */
  napi_ref listener = context->listener;
  napi_value values[2];
  context->listener = NULL;
  halt(context);
  napi_create_int32(context->env, EVENT_GONE, &values[0]);
  napi_create_int32(context->env, error, &values[1]);
  call_listener(context->env, listener, 2, values, NULL);
  release(context->env, &listener);
}

/* Returns whether the streams run (anew). */
static bool recover(struct context *context, int error, enum direction which) {
  int recovered = duplex_recover(&context->duplex, error, which);
  if (recovered == -EAGAIN) {
    if (context->watch) watch_stop(context->watch);
    context->suspended = true;
    context->suspended_which = which;
    tell(context, EVENT_SUSPENDED, which, NULL);
    return false;
  }
  if (recovered == 0) {
    if (context->watch) recovered = watch_start(context->watch);
    if (recovered != 0) recovered = -EIO;
  }
  if (recovered < 0) {
    gone(context, recovered);
    return false;
  }
  if (error != -EINTR) tell(context, EVENT_XRUN, which, NULL);
  return true;
}

/* One period, both ways. Returns whether to look for another. */
static bool deliver(struct context *context) {
  struct duplex *duplex = &context->duplex;
  uint64_t run = context->run;
  napi_value result = NULL;
  context->periods++;
  tell(context, EVENT_PERIOD, 0, &result);
  if (!context->running || context->run != run) return false;
  struct stream *playback = &duplex->stream[PLAYBACK];
  if (!playback->pcm) return true;
  size_t length;
  const int16_t *play = samples_of(context, PLAYBACK, &length);
  if (!play) {
    gone(context, -EINVAL);
    return false;
  }
  double most = (double)(length / playback->channels);
  double frames = result ? number_of(context->env, result, most) : most;
  if (frames > most) frames = most;
  if (frames < 0) frames = 0;
  int error = duplex_write(duplex, play, (snd_pcm_uframes_t)frames);
  if (error < 0) {
    recover(context, error, PLAYBACK);
    return false;
  }
  return true;
}

static void on_ready(void *user, bool broken) {
  struct context *context = user;
  struct duplex *duplex = &context->duplex;
  napi_env env = context->env;
  napi_handle_scope scope;
  napi_value self;
  if (!context->running || context->suspended) return;
  napi_open_handle_scope(env, &scope);
  /* The listener may close the PCM and forget it: it is not to be collected before we are through. */
  napi_get_reference_value(env, context->self, &self);
  context->wakeups++;
  uint64_t run = context->run, before = context->periods;
  poll(context->fds, context->fd_count, 0);
  bool meant = duplex_polled(duplex, context->fds, context->fd_count) != 0;
  for (int burst = 0; burst < MAX_BURST && context->running && context->run == run; burst++) {
    napi_handle_scope inner;
    enum direction which;
    int error = 0;
    size_t length = 0;
    bool more = false;
    napi_open_handle_scope(env, &inner);
    duplex->captured = samples_of(context, CAPTURE, &length);
    struct stream *capture = &duplex->stream[CAPTURE];
    if (capture->pcm && (!duplex->captured || length < capture->period * capture->channels)) gone(context, -EINVAL);
    else {
      enum step step = duplex_step(duplex, &error, &which);
      if (step == STEP_PERIOD) more = deliver(context);
      else if (step == STEP_FAILED) {
        broken = false;
        recover(context, error, which);
      }
    }
    napi_close_handle_scope(env, inner);
    if (!more) break;
  }
  if (context->periods == before) context->idle_wakeups++;
  bool goes_on = context->running && context->run == run && context->watch;
  if (context->periods != before) context->broken = 0;
  if (context->periods != before || meant) context->spins = 0;
  if (goes_on && broken) {
    /* Watched no longer since the error: looked at again a little later, or it would be looked at without end. */
    if (duplex_unplugged(duplex)) gone(context, -ENODEV);
    else if (++context->broken < MOST_BROKEN) watch_pause(context->watch, 1);
    else gone(context, -EIO);
  } else if (goes_on && context->periods == before && !meant && ++context->spins >= SPINS) {
    /* Some plugins' descriptors are readable without end until the first samples come. */
    context->spins = 0;
    watch_pause(context->watch, 1);
  }
  napi_close_handle_scope(env, scope);
}

/* ------------------------------------------------------------------------------------------------------------- calls */

static bool read_wish(napi_env env, napi_value options, struct wish *wish, char names[DIRECTIONS][MAX_NAME]) {
  double number;
  napi_value rates, value;
  uint32_t count = 0;
  for (int which = 0; which < DIRECTIONS; which++) {
    bool capture = which == CAPTURE;
    wish->device[which] = get_text(env, options, capture ? "capture" : "playback", names[which], MAX_NAME) ? names[which] : NULL;
    wish->channels[which] = 1;
    if (get_number(env, options, capture ? "captureChannels" : "playbackChannels", &number)) wish->channels[which] = (unsigned)number;
  }
  if (napi_get_named_property(env, options, "rates", &rates) == napi_ok) napi_get_array_length(env, rates, &count);
  for (uint32_t i = 0; i < count && i < MAX_RATES; i++)
    if (napi_get_element(env, rates, i, &value) == napi_ok) wish->rates[wish->rate_count++] = (unsigned)number_of(env, value, 0);
  if (get_number(env, options, "periodFrames", &number)) wish->period = (unsigned)number;
  if (get_number(env, options, "periods", &number)) wish->periods = (unsigned)number;
  get_flag(env, options, "resample", &wish->resample);
  return (wish->device[CAPTURE] || wish->device[PLAYBACK]) && wish->rate_count > 0 && wish->rates[0] > 0 && wish->period > 0 &&
         wish->periods > 0;
}

/* open({ capture, playback, captureChannels, playbackChannels, rates, periodFrames, periods, resample }): a handle. */
static napi_value open_pcm(napi_env env, napi_callback_info info) {
  napi_value options, handle;
  arguments(env, info, &options, 1);
  struct wish wish = {0};
  char names[DIRECTIONS][MAX_NAME];
  if (!read_wish(env, options, &wish, names)) {
    napi_throw_type_error(env, NULL, "open takes a device, rates, a period and periods");
    return NULL;
  }
  struct context *context = calloc(1, sizeof *context);
  struct failure failure = {0};
  if (!context) {
    throw_errno(env, -ENOMEM, "not enough memory");
    return NULL;
  }
  context->env = env;
  int error = duplex_open(&context->duplex, &wish, &failure);
  if (error < 0) {
    napi_value thrown = make_error(env, error, failure.text);
    set_text(env, thrown, "step", failure.step);
    set_text(env, thrown, "direction", direction_name(failure.which));
    set_text(env, thrown, "device", wish.device[failure.which]);
    free(context);
    napi_throw(env, thrown);
    return NULL;
  }
  if (napi_create_external(env, context, finalize, NULL, &handle) != napi_ok) {
    finalize(env, context, NULL);
    return NULL;
  }
  napi_type_tag_object(env, handle, &TAG);
  return handle;
}

static void set_stream(napi_env env, napi_value object, const char *name, const struct stream *stream) {
  if (!stream->pcm) return;
  napi_value value = make_object(env);
  set_number(env, value, "channels", stream->channels);
  set_number(env, value, "rate", stream->rate);
  set_number(env, value, "periodFrames", (double)stream->period);
  set_number(env, value, "bufferFrames", (double)stream->buffer);
  set_number(env, value, "card", stream->card);
  set_value(env, object, name, value);
}

/* info(handle): what the card gave. */
static napi_value pcm_info(napi_env env, napi_callback_info info) {
  napi_value handle;
  arguments(env, info, &handle, 1);
  struct context *context = context_of(env, handle);
  if (!context) return NULL;
  napi_value value = make_object(env);
  set_stream(env, value, "capture", &context->duplex.stream[CAPTURE]);
  set_stream(env, value, "playback", &context->duplex.stream[PLAYBACK]);
  set_flag(env, value, "linked", context->duplex.linked);
  set_number(env, value, "aheadFrames", (double)context->duplex.target);
  return value;
}

static int watch_descriptors(struct context *context) {
  int count = duplex_descriptors(&context->duplex, context->fds, MAX_POLL);
  if (count <= 0) return count < 0 ? count : -ENODEV;
  context->fd_count = (unsigned)count;
  context->watch = watch_open(context->env, context->fds, context->fd_count, on_ready, context, &context->watch);
  return context->watch && watch_start(context->watch) == 0 ? 0 : -EPERM;
}

/* start(handle, captured, play, listener): both directions, together. */
static napi_value start_pcm(napi_env env, napi_callback_info info) {
  napi_value value[4];
  arguments(env, info, value, 4);
  struct context *context = context_of(env, value[0]);
  if (!context) return NULL;
  struct duplex *duplex = &context->duplex;
  if (!duplex->stream[duplex_clock(duplex)].pcm || context->running) {
    napi_throw_error(env, NULL, context->running ? "the PCM is started already" : "the PCM is closed");
    return NULL;
  }
  for (int which = 0; which < DIRECTIONS; which++) {
    napi_typedarray_type type;
    size_t length;
    struct stream *stream = &duplex->stream[which];
    if (!stream->pcm) continue;
    if (napi_get_typedarray_info(env, value[1 + which], &type, &length, NULL, NULL, NULL) != napi_ok || type != napi_int16_array ||
        length < stream->period * stream->channels) {
      napi_throw_type_error(env, NULL, "captured and play must be Int16Arrays that hold a period");
      return NULL;
    }
  }
  for (int which = 0; which < DIRECTIONS; which++)
    if (duplex->stream[which].pcm) napi_create_reference(env, value[1 + which], 1, &context->array[which]);
  napi_create_reference(env, value[3], 1, &context->listener);
  napi_create_reference(env, value[0], 1, &context->self);
  context->running = true;
  context->spins = context->broken = 0;
  context->run++;
  const char *problem = "the PCM does not start";
  int error = duplex_start(duplex);
  if (error == 0 && (error = watch_descriptors(context)) < 0) problem = "the PCM has no clock that could be waited for";
  if (error < 0) {
    char text[200];
    halt(context);
    snprintf(text, sizeof text, "%s: %s", problem, snd_strerror(error));
    throw_errno(env, error, text);
  }
  return NULL;
}

/* resume(handle): after EVENT_SUSPENDED; whether it runs again. Where it is gone instead, the listener is told. */
static napi_value resume_pcm(napi_env env, napi_callback_info info) {
  napi_value handle, value;
  arguments(env, info, &handle, 1);
  struct context *context = context_of(env, handle);
  if (!context) return NULL;
  bool again = false;
  if (context->running && context->suspended) {
    int error = duplex_recover(&context->duplex, -ESTRPIPE, context->suspended_which);
    if (error == 0) {
      context->suspended = false;
      again = !context->watch || watch_start(context->watch) == 0;
      if (!again) gone(context, -EIO);
    } else if (error != -EAGAIN)
      gone(context, error);
  }
  napi_get_boolean(env, again, &value);
  return value;
}

static napi_value stop_pcm(napi_env env, napi_callback_info info) {
  napi_value handle;
  arguments(env, info, &handle, 1);
  struct context *context = context_of(env, handle);
  if (context) halt(context);
  return NULL;
}

static napi_value close_pcm(napi_env env, napi_callback_info info) {
  napi_value handle;
  arguments(env, info, &handle, 1);
  struct context *context = context_of(env, handle);
  if (!context) return NULL;
  halt(context);
  duplex_close(&context->duplex);
  return NULL;
}

/* delay(handle, Int32Array(2)): frames waiting in capture and in playback. */
static napi_value delay_pcm(napi_env env, napi_callback_info info) {
  napi_value value[2];
  arguments(env, info, value, 2);
  struct context *context = context_of(env, value[0]);
  if (!context) return NULL;
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, value[1], &type, &length, &data, NULL, NULL) != napi_ok || type != napi_int32_array || length < 2) {
    napi_throw_type_error(env, NULL, "delay takes an Int32Array of two");
    return NULL;
  }
  int32_t *out = data;
  for (int which = 0; which < DIRECTIONS; which++)
    out[which] = context->running ? (int32_t)duplex_delay(&context->duplex, (enum direction)which) : 0;
  return NULL;
}

/* timestamps(handle, Float64Array(4)): capture frames available, and when (ms); playback frames of room, and when. NaN: not known. */
static napi_value timestamps_pcm(napi_env env, napi_callback_info info) {
  napi_value value[2];
  arguments(env, info, value, 2);
  struct context *context = context_of(env, value[0]);
  if (!context) return NULL;
  napi_typedarray_type type;
  size_t length;
  void *data;
  if (napi_get_typedarray_info(env, value[1], &type, &length, &data, NULL, NULL) != napi_ok || type != napi_float64_array || length < 4) {
    napi_throw_type_error(env, NULL, "timestamps takes a Float64Array of four");
    return NULL;
  }
  double *out = data;
  for (int which = 0; which < DIRECTIONS; which++) {
    snd_pcm_uframes_t avail;
    double at_ms;
    bool known = context->running && duplex_timestamp(&context->duplex, (enum direction)which, &avail, &at_ms) == 0;
    out[2 * which] = known ? (double)avail : __builtin_nan("");
    out[2 * which + 1] = known ? at_ms : __builtin_nan("");
  }
  return NULL;
}

static napi_value counters_pcm(napi_env env, napi_callback_info info) {
  napi_value handle;
  arguments(env, info, &handle, 1);
  struct context *context = context_of(env, handle);
  if (!context) return NULL;
  const struct duplex *duplex = &context->duplex;
  napi_value value = make_object(env);
  set_number(env, value, "periods", (double)context->periods);
  set_number(env, value, "wakeups", (double)context->wakeups);
  set_number(env, value, "idleWakeups", (double)context->idle_wakeups);
  set_number(env, value, "captureXruns", (double)duplex->stream[CAPTURE].xruns);
  set_number(env, value, "playbackXruns", (double)duplex->stream[PLAYBACK].xruns);
  set_number(env, value, "suspends", (double)(duplex->stream[CAPTURE].suspends + duplex->stream[PLAYBACK].suspends));
  set_number(env, value, "shortReads", (double)duplex->short_reads);
  set_number(env, value, "shortWrites", (double)duplex->short_writes);
  set_number(env, value, "droppedFrames", (double)duplex->dropped);
  return value;
}

void export_duplex(napi_env env, napi_value exports) {
  export_function(env, exports, "open", open_pcm);
  export_function(env, exports, "info", pcm_info);
  export_function(env, exports, "start", start_pcm);
  export_function(env, exports, "resume", resume_pcm);
  export_function(env, exports, "stop", stop_pcm);
  export_function(env, exports, "close", close_pcm);
  export_function(env, exports, "delay", delay_pcm);
  export_function(env, exports, "timestamps", timestamps_pcm);
  export_function(env, exports, "counters", counters_pcm);
}
