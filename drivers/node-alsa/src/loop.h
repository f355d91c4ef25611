/* Descriptors watched by Node's event loop, in whatever thread that loop runs. */
#ifndef NODE_ALSA_LOOP_H
#define NODE_ALSA_LOOP_H

#include <node_api.h>
#include <poll.h>
#include <stdbool.h>

struct watch;

/*
 * Watches up to `count` descriptors. `ready` is called when one of them is, and must ask them itself (poll with no timeout); `broken`: one had
 * an error and is watched no longer until watch_start. The watch ends by itself when the environment does: *slot, which must hold the returned pointer, is set to NULL then.
 * Returns NULL where the loop cannot watch such descriptors.
 */
struct watch *watch_open(napi_env env, const struct pollfd *fds, unsigned count, void (*ready)(void *user, bool broken), void *user,
                         struct watch **slot);
/* Begins, or begins again after the descriptors had an error. While it runs it keeps the process alive. */
int watch_start(struct watch *watch);
void watch_stop(struct watch *watch);
/* Looks away for so many ms: for descriptors that are ready all the time and mean nothing by it. */
void watch_pause(struct watch *watch, unsigned ms);
/* Calls `ready` from the loop though no descriptor is: for what was found out elsewhere. Not for watches that are paused. */
void watch_soon(struct watch *watch);
/* Whether the process stays alive for it. */
void watch_keep_alive(struct watch *watch, bool keep);
/* Ends it; the memory goes when the loop has let go of it. */
void watch_close(struct watch *watch);

#endif
