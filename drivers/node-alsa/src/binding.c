/* The add-on's entry, and what the bindings share. */
#include "binding.h"

#include <alsa/asoundlib.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

void arguments(napi_env env, napi_callback_info info, napi_value *values, size_t room) {
  size_t count = room;
  napi_get_cb_info(env, info, &count, values, NULL, NULL);
  for (size_t i = count; i < room; i++) values[i] = undefined(env);
}

static bool get_member(napi_env env, napi_value object, const char *name, napi_valuetype type, napi_value *value) {
  napi_valuetype found;
  if (napi_typeof(env, object, &found) != napi_ok || found != napi_object) return false;
  if (napi_get_named_property(env, object, name, value) != napi_ok) return false;
  return napi_typeof(env, *value, &found) == napi_ok && found == type;
}

bool get_text(napi_env env, napi_value object, const char *name, char *out, size_t room) {
  napi_value value;
  return get_member(env, object, name, napi_string, &value) && napi_get_value_string_utf8(env, value, out, room, NULL) == napi_ok;
}

bool get_number(napi_env env, napi_value object, const char *name, double *out) {
  napi_value value;
  return get_member(env, object, name, napi_number, &value) && napi_get_value_double(env, value, out) == napi_ok;
}

bool get_flag(napi_env env, napi_value object, const char *name, bool *out) {
  napi_value value;
  return get_member(env, object, name, napi_boolean, &value) && napi_get_value_bool(env, value, out) == napi_ok;
}

double number_of(napi_env env, napi_value value, double otherwise) {
  double number;
  return napi_get_value_double(env, value, &number) == napi_ok && !isnan(number) ? number : otherwise;
}

double number_within(napi_env env, napi_value value, double least, double most) {
  double number = number_of(env, value, 0);
  return number < least ? least : number > most ? most : number;
}

napi_value undefined(napi_env env) {
  napi_value value = NULL;
  napi_get_undefined(env, &value);
  return value;
}

napi_value make_object(napi_env env) {
  napi_value value = NULL;
  napi_create_object(env, &value);
  return value;
}

napi_value make_array(napi_env env) {
  napi_value value = NULL;
  napi_create_array(env, &value);
  return value;
}

void set_value(napi_env env, napi_value object, const char *name, napi_value value) {
  napi_set_named_property(env, object, name, value);
}

void set_number(napi_env env, napi_value object, const char *name, double value) {
  napi_value number;
  if (napi_create_double(env, value, &number) == napi_ok) set_value(env, object, name, number);
}

void set_text(napi_env env, napi_value object, const char *name, const char *value) {
  napi_value text;
  if (napi_create_string_utf8(env, value ? value : "", NAPI_AUTO_LENGTH, &text) == napi_ok) set_value(env, object, name, text);
}

void set_flag(napi_env env, napi_value object, const char *name, bool value) {
  napi_value flag;
  if (napi_get_boolean(env, value, &flag) == napi_ok) set_value(env, object, name, flag);
}

void push(napi_env env, napi_value array, napi_value value) {
  uint32_t length = 0;
  napi_get_array_length(env, array, &length);
  napi_set_element(env, array, length, value);
}

const char *errno_name(int error) {
  switch (-error) {
#define NAME(code) case code: return #code;
    NAME(ENOENT) NAME(ENODEV) NAME(ENXIO) NAME(EBUSY) NAME(EACCES) NAME(EPERM) NAME(EINVAL) NAME(EIO) NAME(EPIPE) NAME(ESTRPIPE)
    NAME(EBADFD) NAME(EAGAIN) NAME(EINTR) NAME(ENOMEM) NAME(ENOSYS) NAME(ENOTSUP) NAME(ENOTTY) NAME(ETIMEDOUT) NAME(ECONNREFUSED)
    NAME(ECONNRESET) NAME(ENOLINK) NAME(EMFILE) NAME(ERANGE)
#undef NAME
    default: return "EUNKNOWN";
  }
}

napi_value make_error(napi_env env, int error, const char *text) {
  napi_value code, message, object = NULL;
  napi_create_string_utf8(env, errno_name(error), NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, code, message, &object);
  return object;
}

void throw_errno(napi_env env, int error, const char *text) { napi_throw(env, make_error(env, error, text)); }

void export_function(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok) set_value(env, exports, name, value);
}

void call_listener(napi_env env, napi_ref listener, size_t count, const napi_value *values, napi_value *result) {
  napi_value function, receiver, error;
  bool pending = false;
  if (napi_get_reference_value(env, listener, &function) != napi_ok || napi_get_global(env, &receiver) != napi_ok) return;
  napi_make_callback(env, NULL, receiver, function, count, values, result);
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending && napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
}

/* ALSA writes its troubles to standard error; ours are told by errors. */
static void quiet(const char *file, int line, const char *function, int error, const char *format, ...) {
  (void)file, (void)line, (void)function, (void)error, (void)format;
}

/* Environments that use the add-on. With the last one it may be unloaded, while ALSA, and threads of its plugins, stay. */
static atomic_int environments;

static void on_environment_end(void *mark) {
  free(mark);
  if (atomic_fetch_sub(&environments, 1) == 1) snd_lib_error_set_handler(NULL);
}

NAPI_MODULE_INIT() {
  /* The same environment may load the add-on again: every hook needs an argument of its own. */
  void *mark = malloc(1);
  if (mark && napi_add_env_cleanup_hook(env, on_environment_end, mark) == napi_ok) atomic_fetch_add(&environments, 1);
  else free(mark);
  snd_lib_error_set_handler(quiet);
  export_duplex(env, exports);
  export_cards(env, exports);
  export_mixer(env, exports);
  export_realtime(env, exports);
  set_text(env, exports, "alsaVersion", snd_asoundlib_version());
  return exports;
}
