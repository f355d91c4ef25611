/* A capture and a playback PCM that run in step: start, periods, short transfers, recovery. */
#include "duplex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "negotiate.h"

static const int16_t SILENCE[4096];

enum direction duplex_clock(const struct duplex *d) { return d->stream[CAPTURE].pcm ? CAPTURE : PLAYBACK; }

int duplex_open(struct duplex *d, const struct wish *wish, struct failure *failure) {
  memset(d, 0, sizeof *d);
  int error = negotiate(d->stream, wish, failure);
  struct stream *playback = &d->stream[PLAYBACK];
  if (error == 0 && playback->pcm) {
    d->target = wish->periods * playback->period;
    if (d->target > playback->buffer) d->target = playback->buffer;
    d->rest_room = playback->buffer;
    d->rest = malloc(d->rest_room * playback->channels * sizeof *d->rest);
    if (!d->rest) {
      failure->error = error = -ENOMEM;
      failure->step = "open";
      strcpy(failure->text, "not enough memory");
    }
  }
  if (error < 0) {
    duplex_close(d);
    return error;
  }
  /* Plugins and different cards cannot be linked; they are started one right after the other. */
  if (d->stream[CAPTURE].pcm && playback->pcm) d->linked = snd_pcm_link(d->stream[CAPTURE].pcm, playback->pcm) == 0;
  return 0;
}

void duplex_close(struct duplex *d) {
  if (d->linked) snd_pcm_unlink(d->stream[CAPTURE].pcm);
  d->linked = false;
  for (int which = 0; which < DIRECTIONS; which++) {
    if (d->stream[which].pcm) snd_pcm_close(d->stream[which].pcm);
    d->stream[which].pcm = NULL;
  }
  free(d->rest);
  d->rest = NULL;
  d->rest_frames = 0;
}

void duplex_stop(struct duplex *d) {
  for (int which = 0; which < DIRECTIONS; which++)
    if (d->stream[which].pcm) snd_pcm_drop(d->stream[which].pcm);
  d->filled = d->rest_frames = 0;
}

/* Fills playback with silence. Returns 0 or a negative errno. */
static int fill(struct stream *playback, snd_pcm_uframes_t frames) {
  snd_pcm_uframes_t most = sizeof SILENCE / sizeof *SILENCE / playback->channels;
  while (frames > 0) {
    snd_pcm_sframes_t written = snd_pcm_writei(playback->pcm, SILENCE, frames < most ? frames : most);
    if (written == -EAGAIN || written == 0) break;
    if (written < 0) return (int)written;
    frames -= (snd_pcm_uframes_t)written;
  }
  return 0;
}

/* Starts what its threshold has not started yet. */
static int set_off(struct stream *stream) {
  return snd_pcm_state(stream->pcm) == SND_PCM_STATE_PREPARED ? snd_pcm_start(stream->pcm) : 0;
}

int duplex_start(struct duplex *d) {
  int error;
  struct stream *capture = &d->stream[CAPTURE], *playback = &d->stream[PLAYBACK];
  duplex_stop(d);
  for (int which = 0; which < DIRECTIONS; which++)
    if (d->stream[which].pcm && (error = snd_pcm_prepare(d->stream[which].pcm)) < 0) return error;
  d->held = capture->pcm && playback->pcm && !d->linked;
  if (playback->pcm) {
    /* The period that sets it off is the last of those ahead. */
    snd_pcm_uframes_t period = d->held ? capture->period * playback->rate / capture->rate : 0;
    if ((error = fill(playback, d->target > period ? d->target - period : 0)) < 0) return error;
    if (!d->held && (error = set_off(playback)) < 0) return error;
  }
  return capture->pcm ? set_off(capture) : 0;
}

int duplex_descriptors(struct duplex *d, struct pollfd *fds, unsigned room) {
  return snd_pcm_poll_descriptors(d->stream[duplex_clock(d)].pcm, fds, room);
}

unsigned short duplex_polled(struct duplex *d, struct pollfd *fds, unsigned count) {
  unsigned short revents = 0;
  snd_pcm_poll_descriptors_revents(d->stream[duplex_clock(d)].pcm, fds, count, &revents);
  return revents;
}

bool duplex_unplugged(const struct duplex *d) {
  for (int which = 0; which < DIRECTIONS; which++)
    if (d->stream[which].pcm && snd_pcm_state(d->stream[which].pcm) == SND_PCM_STATE_DISCONNECTED) return true;
  return false;
}

enum step duplex_step(struct duplex *d, int *error, enum direction *which) {
  enum direction clock = duplex_clock(d);
  struct stream *stream = &d->stream[clock];
  *which = clock;
  snd_pcm_sframes_t avail = snd_pcm_avail_update(stream->pcm);
  if (avail < 0) {
    *error = (int)avail;
    return STEP_FAILED;
  }
  snd_pcm_uframes_t wanted = stream->period - d->filled;
  if ((snd_pcm_uframes_t)avail < wanted) return STEP_NOTHING;
  if (clock == PLAYBACK) return STEP_PERIOD;
  while (d->filled < stream->period) {
    wanted = stream->period - d->filled;
    snd_pcm_sframes_t got = snd_pcm_readi(stream->pcm, d->captured + d->filled * stream->channels, wanted);
    if (got == -EAGAIN || got == 0) return STEP_NOTHING;
    if (got < 0) {
      *error = (int)got;
      return STEP_FAILED;
    }
    if ((snd_pcm_uframes_t)got < wanted) d->short_reads++;
    d->filled += (snd_pcm_uframes_t)got;
  }
  d->filled = 0;
  return STEP_PERIOD;
}

/* Writes until the card takes no more. Returns frames written or a negative errno. */
static snd_pcm_sframes_t write_some(struct duplex *d, const int16_t *from, snd_pcm_uframes_t frames) {
  struct stream *stream = &d->stream[PLAYBACK];
  snd_pcm_uframes_t done = 0;
  while (done < frames) {
    snd_pcm_sframes_t written = snd_pcm_writei(stream->pcm, from + done * stream->channels, frames - done);
    if (written == -EAGAIN || written == 0) break;
    if (written < 0) return written;
    if (done + (snd_pcm_uframes_t)written < frames) d->short_writes++;
    done += (snd_pcm_uframes_t)written;
  }
  return (snd_pcm_sframes_t)done;
}

int duplex_write(struct duplex *d, const int16_t *from, snd_pcm_uframes_t frames) {
  unsigned channels = d->stream[PLAYBACK].channels;
  snd_pcm_uframes_t done = 0;
  if (d->rest_frames > 0) {
    snd_pcm_sframes_t written = write_some(d, d->rest, d->rest_frames);
    if (written < 0) return (int)written;
    d->rest_frames -= (snd_pcm_uframes_t)written;
    memmove(d->rest, d->rest + (size_t)written * channels, d->rest_frames * channels * sizeof *d->rest);
  }
  if (d->rest_frames == 0) {
    snd_pcm_sframes_t written = write_some(d, from, frames);
    if (written < 0) return (int)written;
    done = (snd_pcm_uframes_t)written;
  }
  snd_pcm_uframes_t left = frames - done;
  snd_pcm_uframes_t kept = left < d->rest_room - d->rest_frames ? left : d->rest_room - d->rest_frames;
  memcpy(d->rest + d->rest_frames * channels, from + done * channels, kept * channels * sizeof *d->rest);
  d->rest_frames += kept;
  d->dropped += left - kept;
  if (!d->held) return 0;
  d->held = false;
  return set_off(&d->stream[PLAYBACK]);
}

int duplex_recover(struct duplex *d, int error, enum direction which) {
  struct stream *stream = &d->stream[which];
  if (error == -EPIPE) stream->xruns++;
  else if (error == -ESTRPIPE) {
    int resumed = snd_pcm_resume(stream->pcm);
    if (resumed == -EAGAIN) return -EAGAIN;
    stream->suspends++;
    /* Resumed or not: what was in the buffers is old, and the two directions no longer agree on when. */
  } else if (error != -EINTR)
    return error;
  return duplex_start(d);
}

snd_pcm_sframes_t duplex_delay(struct duplex *d, enum direction which) {
  snd_pcm_sframes_t frames = 0;
  snd_pcm_t *pcm = d->stream[which].pcm;
  if (!pcm || snd_pcm_delay(pcm, &frames) < 0) return 0;
  if (frames < 0) frames = 0;
  return frames + (snd_pcm_sframes_t)(which == CAPTURE ? d->filled : d->rest_frames);
}

int duplex_timestamp(struct duplex *d, enum direction which, snd_pcm_uframes_t *avail, double *at_ms) {
  snd_htimestamp_t stamp;
  snd_pcm_t *pcm = d->stream[which].pcm;
  int error = pcm ? snd_pcm_htimestamp(pcm, avail, &stamp) : -ENODEV;
  if (error < 0) return error;
  *at_ms = (double)stamp.tv_sec * 1e3 + (double)stamp.tv_nsec * 1e-6;
  return 0;
}
