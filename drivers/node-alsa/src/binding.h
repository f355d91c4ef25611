/* What the bindings share: arguments in, values and errors out. */
#ifndef NODE_ALSA_BINDING_H
#define NODE_ALSA_BINDING_H

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fetches up to `room` arguments; missing ones are undefined. */
void arguments(napi_env env, napi_callback_info info, napi_value *values, size_t room);
/* A member of an object as a text, a number or a truth; what is not there or of another kind leaves `out` as it was. */
bool get_text(napi_env env, napi_value object, const char *name, char *out, size_t room);
bool get_number(napi_env env, napi_value object, const char *name, double *out);
bool get_flag(napi_env env, napi_value object, const char *name, bool *out);
double number_of(napi_env env, napi_value value, double otherwise);
/* 0 for what is no number, and no farther than from `least` to `most`. */
double number_within(napi_env env, napi_value value, double least, double most);
napi_value undefined(napi_env env);
napi_value make_object(napi_env env);
napi_value make_array(napi_env env);
void set_value(napi_env env, napi_value object, const char *name, napi_value value);
void set_number(napi_env env, napi_value object, const char *name, double value);
void set_text(napi_env env, napi_value object, const char *name, const char *value);
void set_flag(napi_env env, napi_value object, const char *name, bool value);
void push(napi_env env, napi_value array, napi_value value);
/* Throws an Error with a `code` like "ENODEV" made of a negative errno. */
void throw_errno(napi_env env, int error, const char *text);
/* The error object itself, for more members. */
napi_value make_error(napi_env env, int error, const char *text);
/* "ENODEV" for -ENODEV; "EUNKNOWN" for what has no name here. */
const char *errno_name(int error);
void export_function(napi_env env, napi_value exports, const char *name, napi_callback function);
/* Calls a listener outside of any script, with microtasks after it; an exception it throws is uncaught. */
void call_listener(napi_env env, napi_ref listener, size_t count, const napi_value *values, napi_value *result);

void export_duplex(napi_env env, napi_value exports);
void export_cards(napi_env env, napi_value exports);
void export_mixer(napi_env env, napi_value exports);
void export_realtime(napi_env env, napi_value exports);

#endif
