/* The calling thread before all others: a late period is heard. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "binding.h"

/* setRealtime(priority, inherited): round robin of 1 to 99; 0: an ordinary thread again. inherited: threads it starts are likewise. */
static napi_value set_realtime(napi_env env, napi_callback_info call) {
  napi_value value[2];
  bool inherited = false;
  arguments(env, call, value, 2);
  int priority = (int)number_within(env, value[0], 0, 1000);
  napi_get_value_bool(env, value[1], &inherited);
  struct sched_param param = {.sched_priority = priority};
  int error = pthread_setschedparam(pthread_self(), priority <= 0 ? SCHED_OTHER : inherited ? SCHED_RR : SCHED_RR | SCHED_RESET_ON_FORK, &param);
  if (error != 0) {
    char text[160];
    snprintf(text, sizeof text, "this thread cannot be made a realtime one: %s", strerror(error));
    throw_errno(env, -error, text);
  }
  return NULL;
}

void export_realtime(napi_env env, napi_value exports) { export_function(env, exports, "setRealtime", set_realtime); }
