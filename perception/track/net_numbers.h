/* A network's tensors by name, where they must have just so many numbers. */
#ifndef OUTRIDER_TRACK_NET_NUMBERS_H
#define OUTRIDER_TRACK_NET_NUMBERS_H

#include <stdbool.h>

#include "perception/nn/net.h"

const struct tensor *net_named(const struct net *n, const char *name, bool input); /* or NULL */
/* Where that tensor's numbers lie; NULL, and why says so, unless it has just so many. */
float *net_numbers(const struct net *n, const char *name, bool input, int64_t count,
                   struct why *why);
/* Only values that running alone shows can make a network fail: not for those that have none. */
void net_run_sure(struct net *n);

#endif
