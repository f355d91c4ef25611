/*
 * A sound card below ALSA whose time and troubles a test decides: an ALSA plugin that keeps its books in a file the test writes.
 * Capture counts: sample n of a stream is n modulo 32768. Playback is kept in the file, the last RING frames of it.
 */
#define _GNU_SOURCE
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RING = 1 << 16 };

/* virtual-card.ts has the same offsets. */
struct books {
  int64_t now_us;       /*  0: the card's time */
  int32_t unplugged;    /*  8: everything fails with ENODEV */
  int32_t open_error;   /* 12: opening fails with this errno */
  int32_t rate[2];      /* 16: least and most */
  int32_t channels[2];  /* 24 */
  int32_t ppm[2];       /* 32: capture, playback: how much faster than nominal */
  int32_t transfer[2];  /* 40: most frames moved at a time; then it says EAGAIN once. 0: no limit */
  int32_t suspend;      /* 48: 1: capture falls asleep; set to 2 when it has */
  int32_t broken;       /* 52: what opens next has descriptors that are in error for ever */
  int64_t played;       /* 56: frames taken from playback */
  int32_t starts[2];    /* 64 */
  int64_t start_us[2];  /* 72: when each direction was started */
  int16_t ring[RING];   /* 88 */
};

struct card {
  snd_pcm_ioplug_t io;
  struct books *books;
  int fd;
  int which;
  int64_t start_us;
  int broken;    /* 0: none */
  int64_t moved; /* frames read or written since prepare */
  int again;
};

static int64_t elapsed(struct card *card) {
  double rate = card->io.rate * (1 + card->books->ppm[card->which] * 1e-6);
  return (int64_t)((double)(card->books->now_us - card->start_us) * rate / 1e6 + 1e-6);
}

static int card_start(snd_pcm_ioplug_t *io) {
  struct card *card = io->private_data;
  if (card->books->unplugged) return -ENODEV;
  card->start_us = card->books->now_us;
  card->books->start_us[card->which] = card->start_us;
  card->books->starts[card->which]++;
  return 0;
}

static int card_stop(snd_pcm_ioplug_t *io) {
  (void)io;
  return 0;
}

static int card_prepare(snd_pcm_ioplug_t *io) {
  struct card *card = io->private_data;
  if (card->books->unplugged) return -ENODEV;
  card->moved = card->again = 0;
  card->start_us = card->books->now_us;
  return 0;
}

static snd_pcm_sframes_t card_pointer(snd_pcm_ioplug_t *io) {
  struct card *card = io->private_data;
  if (card->books->unplugged) return -ENODEV;
  if (card->which == 0 && card->books->suspend == 1) {
    card->books->suspend = 2;
    snd_pcm_ioplug_set_state(io, SND_PCM_STATE_SUSPENDED);
  }
  if (io->state != SND_PCM_STATE_RUNNING && io->state != SND_PCM_STATE_SUSPENDED) return 0;
  int64_t passed = elapsed(card);
  if (card->which == 1 ? passed > card->moved : passed - card->moved > (int64_t)io->buffer_size) return -EPIPE;
  return passed % (int64_t)io->buffer_size;
}

static snd_pcm_sframes_t card_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
                                       snd_pcm_uframes_t size) {
  struct card *card = io->private_data;
  struct books *books = card->books;
  if (books->unplugged) return -ENODEV;
  int32_t most = books->transfer[card->which];
  if (most > 0 && io->state == SND_PCM_STATE_RUNNING) {
    if ((card->again = !card->again) == 0) return -EAGAIN;
    if (size > (snd_pcm_uframes_t)most) size = (snd_pcm_uframes_t)most;
  }
  for (unsigned channel = 0; channel < io->channels; channel++) {
    char *at = (char *)areas[channel].addr + (areas[channel].first + areas[channel].step * offset) / 8;
    for (snd_pcm_uframes_t i = 0; i < size; i++, at += areas[channel].step / 8) {
      if (card->which == 0) *(int16_t *)at = (int16_t)((card->moved + (int64_t)i + channel * 1000) & 0x7fff);
      else if (channel == 0) books->ring[(books->played + (int64_t)i) % RING] = *(int16_t *)at;
    }
  }
  card->moved += (int64_t)size;
  if (card->which == 1) books->played += (int64_t)size;
  return (snd_pcm_sframes_t)size;
}

static int card_delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *delay) {
  struct card *card = io->private_data;
  int64_t passed = io->state == SND_PCM_STATE_RUNNING ? elapsed(card) : 0;
  *delay = (snd_pcm_sframes_t)(card->which == 1 ? card->moved - passed : passed - card->moved);
  return 0;
}

static int card_poll_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned count, unsigned short *revents) {
  struct card *card = io->private_data;
  char pokes[256];
  (void)count;
  while (read(card->fd, pokes, sizeof pokes) > 0) {
  }
  *revents = fds[0].revents;
  return 0;
}

static int card_close(snd_pcm_ioplug_t *io) {
  struct card *card = io->private_data;
  munmap(card->books, sizeof *card->books);
  close(card->fd);
  if (card->broken > 0) close(card->broken);
  free(card);
  return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = card_start,
    .stop = card_stop,
    .pointer = card_pointer,
    .transfer = card_transfer,
    .close = card_close,
    .prepare = card_prepare,
    .poll_revents = card_poll_revents,
    .delay = card_delay,
};

SND_PCM_PLUGIN_DEFINE_FUNC(sottovirtual) {
  snd_config_iterator_t i, next;
  const char *path = NULL;
  char fifo[256];
  (void)root;
  snd_config_for_each(i, next, conf) {
    snd_config_t *node = snd_config_iterator_entry(i);
    const char *id;
    if (snd_config_get_id(node, &id) == 0 && strcmp(id, "books") == 0) snd_config_get_string(node, &path);
  }
  if (!path) return -EINVAL;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct books *books = mmap(NULL, sizeof *books, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (books == MAP_FAILED) return -errno;
  int error = books->unplugged ? -ENODEV : -books->open_error;
  struct card *card = error ? NULL : calloc(1, sizeof *card);
  if (!card) {
    munmap(books, sizeof *books);
    return error ? error : -ENOMEM;
  }
  card->books = books;
  card->which = stream == SND_PCM_STREAM_CAPTURE ? 0 : 1;
  snprintf(fifo, sizeof fifo, "%s.%s", path, card->which == 0 ? "capture" : "playback");
  card->fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  card->io.version = SND_PCM_IOPLUG_VERSION;
  card->io.name = "a card of a test";
  card->io.callback = &callbacks;
  card->io.private_data = card;
  card->io.poll_fd = card->fd;
  int ends[2] = {-1, -1};
  if (books->broken && pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0) {
    /* The writing end of a pipe that nobody reads. */
    close(ends[0]);
    card->io.poll_fd = card->broken = ends[1];
  }
  card->io.poll_events = POLLIN;
  card->io.mmap_rw = 0;
  error = snd_pcm_ioplug_create(&card->io, name, stream, mode);
  if (error < 0) {
    munmap(books, sizeof *books);
    close(card->fd);
    if (card->broken > 0) close(card->broken);
    free(card);
    return error;
  }
  static const unsigned accesses[] = {SND_PCM_ACCESS_RW_INTERLEAVED}, formats[] = {SND_PCM_FORMAT_S16};
  snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_ACCESS, 1, accesses);
  snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
  snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_RATE, (unsigned)books->rate[0], (unsigned)books->rate[1]);
  snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_CHANNELS, (unsigned)books->channels[0], (unsigned)books->channels[1]);
  snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 16, 1 << 16);
  snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 32, 1 << 18);
  *pcmp = card->io.pcm;
  return 0;
}

SND_PCM_PLUGIN_SYMBOL(sottovirtual);
