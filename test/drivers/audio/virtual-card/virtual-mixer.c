/*
 * A mixer below ALSA that a test decides: an ALSA plugin that keeps what its elements stand at in a file. Whoever writes the file, the test or
 * another program that has the mixer open, changes the mixer; everybody is told (a timer looks after the file: an inotify takes milliseconds to close).
 */
#include <alsa/asoundlib.h>
#include <alsa/control_external.h>
#include <stdbool.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* virtual-mixer.ts has the same order. The last place says that the card was unplugged. */
enum { MASTER_VOLUME, MASTER_SWITCH, CAPTURE_VOLUME, CAPTURE_SWITCH, ROUTE, ELEMENTS, UNPLUGGED = ELEMENTS, VALUES };

static const char *const NAMES[ELEMENTS] = {"Master Playback Volume", "Master Playback Switch", "Capture Volume", "Capture Switch",
                                            "Output Route"};
static const char *const ROUTES[] = {"Earpiece", "Speaker", "Headphones"};
/* A scale: from -40 dB in steps of 0.5 dB (hundredths of dB). */
static const unsigned SCALE[] = {SND_CTL_TLVT_DB_SCALE, 8, (unsigned)-4000, 50};

struct mixer {
  snd_ctl_ext_t ext;
  int file;
  int32_t seen[VALUES];
};

static int load(struct mixer *mixer, int32_t values[VALUES]) {
  if (pread(mixer->file, values, VALUES * sizeof *values, 0) != (ssize_t)(VALUES * sizeof *values)) return -EIO;
  return values[UNPLUGGED] ? -ENODEV : 0;
}

static int store(struct mixer *mixer, snd_ctl_ext_key_t key, int32_t value) {
  int32_t values[VALUES];
  int error = load(mixer, values);
  if (error < 0 || values[key] == value) return error;
  return pwrite(mixer->file, &value, sizeof value, (off_t)(key * sizeof value)) == sizeof value ? 1 : -EIO;
}

static void close_mixer(snd_ctl_ext_t *ext) {
  struct mixer *mixer = ext->private_data;
  close(mixer->file);
  close(mixer->ext.poll_fd);
  free(mixer);
}

static int count(snd_ctl_ext_t *ext) {
  (void)ext;
  return ELEMENTS;
}

static int list(snd_ctl_ext_t *ext, unsigned offset, snd_ctl_elem_id_t *id) {
  (void)ext;
  snd_ctl_elem_id_set_interface(id, SND_CTL_ELEM_IFACE_MIXER);
  snd_ctl_elem_id_set_name(id, NAMES[offset]);
  return 0;
}

static snd_ctl_ext_key_t find(snd_ctl_ext_t *ext, const snd_ctl_elem_id_t *id) {
  (void)ext;
  for (snd_ctl_ext_key_t key = 0; key < ELEMENTS; key++)
    if (strcmp(snd_ctl_elem_id_get_name(id), NAMES[key]) == 0) return key;
  return SND_CTL_EXT_KEY_NOT_FOUND;
}

static int attribute(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, int *type, unsigned *access, unsigned *channels) {
  (void)ext;
  bool volume = key == MASTER_VOLUME || key == CAPTURE_VOLUME;
  *type = volume ? SND_CTL_ELEM_TYPE_INTEGER : key == ROUTE ? SND_CTL_ELEM_TYPE_ENUMERATED : SND_CTL_ELEM_TYPE_BOOLEAN;
  *access = SND_CTL_EXT_ACCESS_READWRITE | (volume ? SND_CTL_EXT_ACCESS_TLV_READ : 0);
  *channels = 1;
  return 0;
}

static int integer_info(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *least, long *most, long *step) {
  (void)ext;
  *least = 0;
  *most = key == MASTER_VOLUME || key == CAPTURE_VOLUME ? 80 : 1;
  *step = 1;
  return 0;
}

static int enumerated_info(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned *items) {
  (void)ext, (void)key;
  *items = sizeof ROUTES / sizeof *ROUTES;
  return 0;
}

static int enumerated_name(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned item, char *name, size_t room) {
  (void)ext, (void)key;
  snprintf(name, room, "%s", ROUTES[item]);
  return 0;
}

static int read_integer(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *value) {
  int32_t values[VALUES];
  int error = load(ext->private_data, values);
  *value = values[key];
  return error;
}

static int read_enumerated(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned *item) {
  int32_t values[VALUES];
  int error = load(ext->private_data, values);
  *item = (unsigned)values[key];
  return error;
}

static int write_integer(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *value) {
  return store(ext->private_data, key, (int32_t)*value);
}

static int write_enumerated(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, unsigned *item) {
  return store(ext->private_data, key, (int32_t)*item);
}

static int read_event(snd_ctl_ext_t *ext, snd_ctl_elem_id_t *id, unsigned *mask) {
  struct mixer *mixer = ext->private_data;
  int32_t values[VALUES];
  uint64_t ticks;
  int error = load(mixer, values);
  if (error < 0) return error;
  for (unsigned key = 0; key < ELEMENTS; key++)
    if (values[key] != mixer->seen[key]) {
      mixer->seen[key] = values[key];
      list(ext, key, id);
      *mask = SND_CTL_EVENT_MASK_VALUE;
      return 1;
    }
  while (read(ext->poll_fd, &ticks, sizeof ticks) > 0) {
  }
  return -EAGAIN;
}

static const snd_ctl_ext_callback_t callbacks = {
    .close = close_mixer,
    .elem_count = count,
    .elem_list = list,
    .find_elem = find,
    .get_attribute = attribute,
    .get_integer_info = integer_info,
    .get_enumerated_info = enumerated_info,
    .get_enumerated_name = enumerated_name,
    .read_integer = read_integer,
    .read_enumerated = read_enumerated,
    .write_integer = write_integer,
    .write_enumerated = write_enumerated,
    .read_event = read_event,
};

SND_CTL_PLUGIN_DEFINE_FUNC(sottovirtual) {
  snd_config_iterator_t i, next;
  const char *path = NULL;
  (void)root;
  snd_config_for_each(i, next, conf) {
    snd_config_t *node = snd_config_iterator_entry(i);
    const char *id;
    if (snd_config_get_id(node, &id) == 0 && strcmp(id, "file") == 0) snd_config_get_string(node, &path);
  }
  if (!path) return -EINVAL;
  struct mixer *mixer = calloc(1, sizeof *mixer);
  if (!mixer) return -ENOMEM;
  mixer->ext.version = SND_CTL_EXT_VERSION;
  strcpy(mixer->ext.id, "virtual");
  strcpy(mixer->ext.name, "a mixer of a test");
  mixer->ext.callback = &callbacks;
  mixer->ext.private_data = mixer;
  mixer->ext.tlv.p = SCALE;
  mixer->file = open(path, O_RDWR | O_CLOEXEC);
  const struct itimerspec look = {.it_interval = {.tv_nsec = 10000000}, .it_value = {.tv_nsec = 1000000}};
  mixer->ext.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  timerfd_settime(mixer->ext.poll_fd, 0, &look, NULL);
  int error = mixer->file < 0 ? -errno : load(mixer, mixer->seen);
  if (error == 0) error = snd_ctl_ext_create(&mixer->ext, name, mode);
  if (error < 0) {
    if (mixer->file >= 0) close(mixer->file);
    close(mixer->ext.poll_fd);
    free(mixer);
    return error;
  }
  *handlep = mixer->ext.handle;
  return 0;
}

SND_CTL_PLUGIN_SYMBOL(sottovirtual);
