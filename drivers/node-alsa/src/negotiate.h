/* Asking a card for what the caller wants, and saying clearly what it offers instead. */
#ifndef NODE_ALSA_NEGOTIATE_H
#define NODE_ALSA_NEGOTIATE_H

#include "duplex.h"

/* Opens the devices of `wish` and sets their parameters. Returns 0 or a negative errno with `failure` filled in. */
int negotiate(struct stream stream[DIRECTIONS], const struct wish *wish, struct failure *failure);
/* Rates of the usual ones that the parameters allow, into `rates`; returns how many. */
unsigned usual_rates(snd_pcm_t *pcm, snd_pcm_hw_params_t *params, unsigned *rates, unsigned room);
const char *direction_name(enum direction which);

#endif
