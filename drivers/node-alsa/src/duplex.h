/* A capture and a playback PCM that run in step. Knows ALSA and nothing of Node: usable, and testable, from plain C. */
#ifndef NODE_ALSA_DUPLEX_H
#define NODE_ALSA_DUPLEX_H

#include <alsa/asoundlib.h>
#include <stdbool.h>
#include <stdint.h>

enum direction { CAPTURE, PLAYBACK, DIRECTIONS };

/* Most rates a caller can name, most descriptors ALSA may ask us to poll. */
enum { MAX_RATES = 16, MAX_POLL = 16 };

/* What the caller wants. */
struct wish {
  const char *device[DIRECTIONS]; /* NULL: this direction is not used */
  unsigned channels[DIRECTIONS];  /* 1 or 2 */
  unsigned rates[MAX_RATES];      /* Hz, most wanted first */
  unsigned rate_count;
  unsigned period;                /* frames at rates[0] */
  unsigned periods;               /* how many of them playback holds ahead */
  bool resample;                  /* let ALSA's plug layer convert rates */
};

/* Why something could not be done. */
struct failure {
  int error;           /* negative errno */
  enum direction which;
  const char *step;    /* "open", "format", "channels", "rate", "parameters", "start" */
  char text[320];      /* a sentence */
};

/* One direction, as the card gave it. */
struct stream {
  snd_pcm_t *pcm;
  unsigned channels;
  unsigned rate;
  snd_pcm_uframes_t period;
  snd_pcm_uframes_t buffer;
  int card;            /* number of the kernel's card, -1 where there is none behind it */
  uint64_t xruns;
  uint64_t suspends;
};

struct duplex {
  struct stream stream[DIRECTIONS];
  bool linked;                 /* the kernel starts and stops both at once */
  bool held;                   /* playback waits for the first captured period: see duplex_start */
  snd_pcm_uframes_t target;    /* frames of playback handed over ahead */
  int16_t *captured;           /* the period being filled: the caller's array, set before each duplex_step */
  snd_pcm_uframes_t filled;    /* frames of it that are there */
  int16_t *rest;               /* what a short write left over */
  snd_pcm_uframes_t rest_frames;
  snd_pcm_uframes_t rest_room;
  uint64_t short_reads;
  uint64_t short_writes;
  uint64_t dropped;            /* frames that playback had no room for */
};

/* What duplex_step found. */
enum step { STEP_NOTHING, STEP_PERIOD, STEP_FAILED };

/* Opens and negotiates. Returns 0, or a negative errno and fills in `failure`; nothing stays open then. */
int duplex_open(struct duplex *d, const struct wish *wish, struct failure *failure);
/* Closes what is open. May be called again. */
void duplex_close(struct duplex *d);
/*
 * (Re)starts both directions in step, with `target` frames of playback ahead. What is linked starts at one sample. What is not: capture
 * starts, and playback when the first period was captured (a sound server takes its time to begin). Returns 0 or a negative errno.
 */
int duplex_start(struct duplex *d);
void duplex_stop(struct duplex *d);
/* The direction whose periods are the clock. */
enum direction duplex_clock(const struct duplex *d);
/* Descriptors of that direction. Returns how many, or a negative errno. */
int duplex_descriptors(struct duplex *d, struct pollfd *fds, unsigned room);
/* Lets ALSA look at polled descriptors (plugins keep their own books there). Returns what they mean: POLLIN, POLLOUT, POLLERR or nothing. */
unsigned short duplex_polled(struct duplex *d, struct pollfd *fds, unsigned count);
/* Whether a card was pulled. ALSA goes on saying what its buffer held, from memory it shares with the kernel: its state must be asked for. */
bool duplex_unplugged(const struct duplex *d);
/* Moves on: reads into `captured`, or looks for room. STEP_FAILED leaves the errno in *error and the direction in *which. */
enum step duplex_step(struct duplex *d, int *error, enum direction *which);
/* Hands `frames` over to playback. What finds no room now goes first next time; what finds none then is dropped, and counted. */
int duplex_write(struct duplex *d, const int16_t *from, snd_pcm_uframes_t frames);
/* After an error: gets the streams running again. 0: they run anew; -EAGAIN: still suspended, ask again; else: gone. */
int duplex_recover(struct duplex *d, int error, enum direction which);
/* Frames between the converter and us: captured and not read, written and not heard. 0 where it is not known. */
snd_pcm_sframes_t duplex_delay(struct duplex *d, enum direction which);
/* Frames that can be read or written now and when (CLOCK_MONOTONIC, ms) that was so. */
int duplex_timestamp(struct duplex *d, enum direction which, snd_pcm_uframes_t *avail, double *at_ms);

#endif
