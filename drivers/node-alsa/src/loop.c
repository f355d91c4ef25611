/* Descriptors watched by Node's event loop. Node-API hands out the loop; the libuv functions used are as they have been since 1.0. */
#include "loop.h"

#include <stdint.h>
#include <stdlib.h>

/* libuv's stable part, declared here so that Node-API's headers are all that is needed to compile. */
typedef struct uv_loop_s uv_loop_t;
typedef struct uv_handle_s uv_handle_t;
enum { UV_HANDLE_POLL = 8, UV_HANDLE_TIMER = 13, UV_EVENT_READABLE = 1, UV_EVENT_WRITABLE = 2 };
extern size_t uv_handle_size(int type);
extern int uv_poll_init(uv_loop_t *loop, uv_handle_t *handle, int fd);
extern int uv_poll_start(uv_handle_t *handle, int events, void (*ready)(uv_handle_t *handle, int status, int events));
extern int uv_poll_stop(uv_handle_t *handle);
extern int uv_timer_init(uv_loop_t *loop, uv_handle_t *handle);
extern int uv_timer_start(uv_handle_t *handle, void (*due)(uv_handle_t *handle), uint64_t timeout, uint64_t repeat);
extern int uv_timer_stop(uv_handle_t *handle);
extern void uv_close(uv_handle_t *handle, void (*closed)(uv_handle_t *handle));
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern void uv_ref(uv_handle_t *handle);
extern void uv_unref(uv_handle_t *handle);

struct watch {
  napi_async_cleanup_hook_handle hook;
  struct watch **slot;
  void (*ready)(void *user, bool broken);
  void *user;
  bool closing;
  unsigned count;
  unsigned open; /* handles libuv still knows */
  bool pausing;  /* the timer ends a pause, rather than asking for a look */
  uv_handle_t *timer;
  struct {
    uv_handle_t *handle;
    int events;
  } entry[];
};

static void finish(struct watch *watch) {
  if (watch->hook) napi_remove_async_cleanup_hook(watch->hook);
  free(watch);
}

static void on_closed(uv_handle_t *handle) {
  struct watch *watch = uv_handle_get_data(handle);
  free(handle);
  if (--watch->open == 0) finish(watch);
}

static void on_ready(uv_handle_t *handle, int status, int events) {
  struct watch *watch = uv_handle_get_data(handle);
  (void)events;
  if (!watch->closing) watch->ready(watch->user, status < 0);
}

/* The environment ends (worker terminated, process exit): libuv must have let go before its loop is torn down. */
static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  struct watch *watch = data;
  (void)hook;
  /* One that is closing already has been forgotten by its owner, whose memory may be gone. */
  if (watch->closing) return;
  *watch->slot = NULL;
  watch_close(watch);
}

struct watch *watch_open(napi_env env, const struct pollfd *fds, unsigned count, void (*ready)(void *user, bool broken), void *user,
                         struct watch **slot) {
  uv_loop_t *loop;
  if (napi_get_uv_event_loop(env, (struct uv_loop_s **)&loop) != napi_ok) return NULL;
  struct watch *watch = calloc(1, sizeof *watch + count * sizeof watch->entry[0]);
  if (!watch) return NULL;
  watch->ready = ready;
  watch->user = user;
  watch->slot = slot;
  watch->timer = calloc(1, uv_handle_size(UV_HANDLE_TIMER));
  if (!watch->timer) {
    free(watch);
    return NULL;
  }
  uv_timer_init(loop, watch->timer);
  uv_handle_set_data(watch->timer, watch);
  watch->open = 1;
  for (unsigned i = 0; i < count; i++) {
    uv_handle_t *handle = calloc(1, uv_handle_size(UV_HANDLE_POLL));
    if (!handle || uv_poll_init(loop, handle, fds[i].fd) != 0) {
      free(handle);
      watch_close(watch);
      return NULL;
    }
    uv_handle_set_data(handle, watch);
    watch->entry[i].handle = handle;
    watch->entry[i].events = ((fds[i].events & POLLIN) ? UV_EVENT_READABLE : 0) | ((fds[i].events & POLLOUT) ? UV_EVENT_WRITABLE : 0);
    watch->count = i + 1;
    watch->open++;
  }
  napi_add_async_cleanup_hook(env, on_environment_end, watch, &watch->hook);
  return watch;
}

int watch_start(struct watch *watch) {
  for (unsigned i = 0; i < watch->count; i++) {
    int error = uv_poll_start(watch->entry[i].handle, watch->entry[i].events, on_ready);
    if (error != 0) return error;
  }
  return 0;
}

void watch_stop(struct watch *watch) {
  uv_timer_stop(watch->timer);
  for (unsigned i = 0; i < watch->count; i++) uv_poll_stop(watch->entry[i].handle);
}

static void on_due(uv_handle_t *timer) {
  struct watch *watch = uv_handle_get_data(timer);
  if (watch->closing) return;
  if (watch->pausing) watch_start(watch);
  else watch->ready(watch->user, false);
}

void watch_pause(struct watch *watch, unsigned ms) {
  watch_stop(watch);
  watch->pausing = true;
  uv_timer_start(watch->timer, on_due, ms, 0);
}

void watch_soon(struct watch *watch) {
  watch->pausing = false;
  uv_timer_start(watch->timer, on_due, 0, 0);
}

void watch_keep_alive(struct watch *watch, bool keep) {
  for (unsigned i = 0; i < watch->count; i++) (keep ? uv_ref : uv_unref)(watch->entry[i].handle);
}

void watch_close(struct watch *watch) {
  if (watch->closing) return;
  watch->closing = true;
  uv_close(watch->timer, on_closed);
  for (unsigned i = 0; i < watch->count; i++) uv_close(watch->entry[i].handle, on_closed);
}
