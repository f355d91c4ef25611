/* A card's mixer: volumes in raw steps and dB, switches, choices, and who changed them. */
#include <alsa/asoundlib.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "duplex.h"
#include "loop.h"

struct mixer {
  napi_env env;
  snd_mixer_t *mixer;
  struct watch *watch;
  struct pollfd fds[MAX_POLL];
  unsigned fd_count;
  napi_ref self;
  napi_ref listener;
  bool changed; /* an element changed, came or went since the listener was told */
};

static const napi_type_tag TAG = {0x6e6f64652d616c73, 0x612d6d6978657200};

static void silence(struct mixer *mixer) {
  if (mixer->watch) watch_close(mixer->watch);
  mixer->watch = NULL;
  if (mixer->listener) napi_delete_reference(mixer->env, mixer->listener);
  mixer->listener = NULL;
  if (mixer->self) napi_delete_reference(mixer->env, mixer->self);
  mixer->self = NULL;
}

static void shut(struct mixer *mixer) {
  silence(mixer);
  if (mixer->mixer) snd_mixer_close(mixer->mixer);
  mixer->mixer = NULL;
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  shut(data);
  free(data);
}

static struct mixer *mixer_of(napi_env env, napi_value value) {
  bool ours = false;
  void *data = NULL;
  if (napi_check_object_type_tag(env, value, &TAG, &ours) == napi_ok && ours && napi_get_value_external(env, value, &data) == napi_ok &&
      ((struct mixer *)data)->mixer)
    return data;
  napi_throw_type_error(env, NULL, "not an open mixer");
  return NULL;
}

static int on_element(snd_mixer_elem_t *element, unsigned mask) {
  struct mixer *mixer = snd_mixer_elem_get_callback_private(element);
  (void)mask;
  mixer->changed = true;
  return 0;
}

static int on_mixer(snd_mixer_t *handle, unsigned mask, snd_mixer_elem_t *element) {
  struct mixer *mixer = snd_mixer_get_callback_private(handle);
  mixer->changed = true;
  if (mask & SND_CTL_EVENT_MASK_ADD) {
    snd_mixer_elem_set_callback(element, on_element);
    snd_mixer_elem_set_callback_private(element, mixer);
  }
  return 0;
}

/* Changes that were found before the loop woke for them are told all the same. */
static void tell_soon(struct mixer *mixer) {
  if (mixer->changed && mixer->watch) watch_soon(mixer->watch);
}

/* openMixer(card): a handle. */
static napi_value open_mixer(napi_env env, napi_callback_info call) {
  napi_value value, handle;
  char card[256];
  arguments(env, call, &value, 1);
  if (napi_get_value_string_utf8(env, value, card, sizeof card, NULL) != napi_ok) {
    napi_throw_type_error(env, NULL, "openMixer takes the name of a card");
    return NULL;
  }
  struct mixer *mixer = calloc(1, sizeof *mixer);
  if (!mixer) {
    throw_errno(env, -ENOMEM, "not enough memory");
    return NULL;
  }
  mixer->env = env;
  int error = snd_mixer_open(&mixer->mixer, 0);
  if (error == 0) {
    snd_mixer_set_callback(mixer->mixer, on_mixer);
    snd_mixer_set_callback_private(mixer->mixer, mixer);
    if ((error = snd_mixer_attach(mixer->mixer, card)) == 0 && (error = snd_mixer_selem_register(mixer->mixer, NULL, NULL)) == 0)
      error = snd_mixer_load(mixer->mixer);
  }
  if (error < 0) {
    char text[320];
    snprintf(text, sizeof text, "mixer of \"%.200s\": %s", card, snd_strerror(error));
    shut(mixer);
    free(mixer);
    throw_errno(env, error, text);
    return NULL;
  }
  if (napi_create_external(env, mixer, finalize, NULL, &handle) != napi_ok) {
    finalize(env, mixer, NULL);
    return NULL;
  }
  napi_type_tag_object(env, handle, &TAG);
  return handle;
}

/* ALSA has every function twice, for capture and for playback. */
#define ASK(which, name, ...) \
  ((which) == CAPTURE ? snd_mixer_selem_get_capture_##name(__VA_ARGS__) : snd_mixer_selem_get_playback_##name(__VA_ARGS__))
#define TELL(which, name, ...) \
  ((which) == CAPTURE ? snd_mixer_selem_set_capture_##name(__VA_ARGS__) : snd_mixer_selem_set_playback_##name(__VA_ARGS__))

static bool has_volume(snd_mixer_elem_t *element, enum direction which) {
  return which == CAPTURE ? snd_mixer_selem_has_capture_volume(element) : snd_mixer_selem_has_playback_volume(element);
}

static bool has_switch(snd_mixer_elem_t *element, enum direction which) {
  return which == CAPTURE ? snd_mixer_selem_has_capture_switch(element) : snd_mixer_selem_has_playback_switch(element);
}

static bool has_channel(snd_mixer_elem_t *element, enum direction which, snd_mixer_selem_channel_id_t channel) {
  return which == CAPTURE ? snd_mixer_selem_has_capture_channel(element, channel) : snd_mixer_selem_has_playback_channel(element, channel);
}

static void set_side(napi_env env, napi_value object, const char *name, snd_mixer_elem_t *element, enum direction which) {
  if (!has_volume(element, which) && !has_switch(element, which)) return;
  napi_value side = make_object(env), volumes = make_array(env), decibels = make_array(env), switches = make_array(env), value;
  long least = 0, most = 0;
  bool in_db = false;
  for (int channel = 0; channel <= SND_MIXER_SCHN_LAST; channel++) {
    long volume;
    int on;
    if (!has_channel(element, which, (snd_mixer_selem_channel_id_t)channel)) continue;
    if (has_volume(element, which) && ASK(which, volume, element, (snd_mixer_selem_channel_id_t)channel, &volume) == 0) {
      napi_create_int64(env, volume, &value);
      push(env, volumes, value);
      if (ASK(which, dB, element, (snd_mixer_selem_channel_id_t)channel, &volume) == 0) {
        napi_create_double(env, (double)volume / 100, &value);
        push(env, decibels, value);
        in_db = true;
      }
    }
    if (has_switch(element, which) && ASK(which, switch, element, (snd_mixer_selem_channel_id_t)channel, &on) == 0) {
      napi_get_boolean(env, on != 0, &value);
      push(env, switches, value);
    }
  }
  if (has_volume(element, which) && ASK(which, volume_range, element, &least, &most) == 0) {
    set_value(env, side, "volume", volumes);
    set_number(env, side, "min", (double)least);
    set_number(env, side, "max", (double)most);
  }
  if (in_db && ASK(which, dB_range, element, &least, &most) == 0) {
    set_value(env, side, "db", decibels);
    set_number(env, side, "minDb", (double)least / 100);
    set_number(env, side, "maxDb", (double)most / 100);
  }
  if (has_switch(element, which)) set_value(env, side, "on", switches);
  set_value(env, object, name, side);
}

static void set_choice(napi_env env, napi_value object, snd_mixer_elem_t *element) {
  if (!snd_mixer_selem_is_enumerated(element)) return;
  napi_value items = make_array(env), value;
  int count = snd_mixer_selem_get_enum_items(element);
  unsigned chosen = 0;
  for (int i = 0; i < count; i++) {
    char name[128];
    if (snd_mixer_selem_get_enum_item_name(element, (unsigned)i, sizeof name, name) < 0) name[0] = 0;
    if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &value) == napi_ok) push(env, items, value);
  }
  set_value(env, object, "items", items);
  if (snd_mixer_selem_get_enum_item(element, SND_MIXER_SCHN_FRONT_LEFT, &chosen) == 0) set_number(env, object, "item", chosen);
}

/* mixerElements(handle): every element and how it stands. */
static napi_value elements(napi_env env, napi_callback_info call) {
  napi_value handle;
  arguments(env, call, &handle, 1);
  struct mixer *mixer = mixer_of(env, handle);
  if (!mixer) return NULL;
  snd_mixer_handle_events(mixer->mixer);
  tell_soon(mixer);
  napi_value list = make_array(env);
  for (snd_mixer_elem_t *element = snd_mixer_first_elem(mixer->mixer); element; element = snd_mixer_elem_next(element)) {
    napi_value entry = make_object(env);
    set_text(env, entry, "name", snd_mixer_selem_get_name(element));
    set_number(env, entry, "index", snd_mixer_selem_get_index(element));
    set_side(env, entry, "capture", element, CAPTURE);
    set_side(env, entry, "playback", element, PLAYBACK);
    set_choice(env, entry, element);
    push(env, list, entry);
  }
  return list;
}

/* ALSA takes any number, and some cards wrap around. */
static int set_volume(snd_mixer_elem_t *element, enum direction which, long volume) {
  long least = 0, most = 0;
  int error = ASK(which, volume_range, element, &least, &most);
  if (error < 0) return error;
  return volume < least || volume > most ? -ERANGE : TELL(which, volume_all, element, volume);
}

/* mixerSet(handle, name, index, what, isCapture, value): what is "volume", "db", "on" or "item". */
static napi_value set_element(napi_env env, napi_callback_info call) {
  napi_value value[6];
  char name[128], what[16], text[320];
  bool is_capture = false;
  arguments(env, call, value, 6);
  struct mixer *mixer = mixer_of(env, value[0]);
  if (!mixer) return NULL;
  if (napi_get_value_string_utf8(env, value[1], name, sizeof name, NULL) != napi_ok ||
      napi_get_value_string_utf8(env, value[3], what, sizeof what, NULL) != napi_ok) {
    napi_throw_type_error(env, NULL, "a mixer element has a name");
    return NULL;
  }
  napi_get_value_bool(env, value[4], &is_capture);
  enum direction which = is_capture ? CAPTURE : PLAYBACK;
  /* Within what a long holds on every processor. */
  double number = number_within(env, value[5], -1e7, 1e7);
  double index = number_within(env, value[2], 0, 1e6);
  snd_mixer_selem_id_t *id;
  snd_mixer_selem_id_alloca(&id);
  snd_mixer_selem_id_set_name(id, name);
  snd_mixer_selem_id_set_index(id, (unsigned)index);
  snd_mixer_elem_t *element = snd_mixer_find_selem(mixer->mixer, id);
  int error = -ENOENT;
  bool has = false;
  if (element) {
    error = -EINVAL;
    if (strcmp(what, "volume") == 0 || strcmp(what, "db") == 0) has = has_volume(element, which);
    else has = strcmp(what, "on") == 0 ? has_switch(element, which) : snd_mixer_selem_is_enumerated(element);
    if (!has) error = -EINVAL;
    else if (strcmp(what, "volume") == 0) error = set_volume(element, which, (long)number);
    else if (strcmp(what, "db") == 0) error = TELL(which, dB_all, element, (long)(number * 100), 0);
    else if (strcmp(what, "on") == 0) error = TELL(which, switch_all, element, number != 0);
    else if (strcmp(what, "item") == 0 && number >= 0)
      for (int channel = 0; channel <= SND_MIXER_SCHN_LAST; channel++) {
        int set = snd_mixer_selem_set_enum_item(element, (snd_mixer_selem_channel_id_t)channel, (unsigned)number);
        if (channel == 0) error = set;
        if (set < 0) break;
      }
  }
  if (error < 0) {
    snprintf(text, sizeof text, "mixer element \"%s\": %s cannot be set: %s", name, what,
             error == -ENOENT ? "there is no such element" : !has ? "it has none" : error == -ERANGE ? "out of its range" : snd_strerror(error));
    throw_errno(env, error, text);
  }
  return NULL;
}

static void on_ready(void *user, bool broken) {
  struct mixer *mixer = user;
  napi_env env = mixer->env;
  napi_handle_scope scope;
  napi_value self;
  napi_open_handle_scope(env, &scope);
  /* The listener may close the mixer and forget it: it is not to be collected before we are through. */
  napi_get_reference_value(env, mixer->self, &self);
  unsigned short revents = 0;
  poll(mixer->fds, mixer->fd_count, 0);
  snd_mixer_poll_descriptors_revents(mixer->mixer, mixer->fds, mixer->fd_count, &revents);
  int error = snd_mixer_handle_events(mixer->mixer);
  bool gone = broken || error < 0 || (revents & (POLLERR | POLLNVAL));
  bool changed = mixer->changed;
  mixer->changed = false;
  if (gone || changed) {
    napi_ref listener = mixer->listener;
    napi_value value;
    if (gone) {
      mixer->listener = NULL;
      silence(mixer);
    }
    napi_get_boolean(env, gone, &value);
    call_listener(env, listener, 1, &value, NULL);
    if (gone) napi_delete_reference(env, listener);
  }
  napi_close_handle_scope(env, scope);
}

/* watchMixer(handle, listener): the listener is called with false when something changed, and once with true when the card is gone. */
static napi_value watch_mixer(napi_env env, napi_callback_info call) {
  napi_value value[2];
  arguments(env, call, value, 2);
  struct mixer *mixer = mixer_of(env, value[0]);
  if (!mixer) return NULL;
  silence(mixer);
  /* What changed before is no news to this listener. */
  mixer->changed = false;
  int count = snd_mixer_poll_descriptors(mixer->mixer, mixer->fds, MAX_POLL);
  if (count <= 0) {
    throw_errno(env, -ENOSYS, "this mixer tells no changes");
    return NULL;
  }
  mixer->fd_count = (unsigned)count;
  napi_create_reference(env, value[1], 1, &mixer->listener);
  napi_create_reference(env, value[0], 1, &mixer->self);
  mixer->watch = watch_open(env, mixer->fds, mixer->fd_count, on_ready, mixer, &mixer->watch);
  if (mixer->watch && watch_start(mixer->watch) == 0) {
    watch_keep_alive(mixer->watch, false);
    return NULL;
  }
  silence(mixer);
  throw_errno(env, -ENOSYS, "this mixer's changes cannot be waited for");
  return NULL;
}

static napi_value close_mixer(napi_env env, napi_callback_info call) {
  napi_value handle;
  bool ours = false;
  void *data = NULL;
  arguments(env, call, &handle, 1);
  if (napi_check_object_type_tag(env, handle, &TAG, &ours) == napi_ok && ours && napi_get_value_external(env, handle, &data) == napi_ok)
    shut(data);
  return NULL;
}

void export_mixer(napi_env env, napi_value exports) {
  export_function(env, exports, "openMixer", open_mixer);
  export_function(env, exports, "mixerElements", elements);
  export_function(env, exports, "mixerSet", set_element);
  export_function(env, exports, "watchMixer", watch_mixer);
  export_function(env, exports, "closeMixer", close_mixer);
}
