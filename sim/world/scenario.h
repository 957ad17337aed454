/* What a drive is about: a YAML file, one of the built-in ones (the same files, compiled in), or a
 * random one by seed. Numbers may be single or a range [low, high] that the seed draws from.
 *
 * sim/scenarios/ *.yaml are the built-in ones; their keys are described in
 * sim/scenarios/README.md. */
#ifndef OUTRIDER_SIM_SCENARIO_H
#define OUTRIDER_SIM_SCENARIO_H

#include <stddef.h>
#include <stdint.h>

#include "perception/base/err.h"

struct scenario; /* parsed and checked, immutable */

/* name: of a built-in one, "random", or a path of a YAML file (it has a '/' or ends in .yaml).
 * On OK the caller owns *out. ERR_IO, ERR_FORMAT (file:line: key: what is wrong), ERR_LIMIT. */
MUST_CHECK enum err scenario_open(const char *name, struct scenario **out, struct why *why);
MUST_CHECK enum err scenario_parse(const char *text, size_t size, const char *name,
                                   struct scenario **out, struct why *why);
void scenario_close(struct scenario *s); /* NULL is fine */

const char *scenario_name(const struct scenario *s);
const char *scenario_about(const struct scenario *s); /* one line for people */
double scenario_duration(const struct scenario *s);   /* s */

/* The built-in ones, in the order of `outrider sim --list`; NULL after the last. */
const char *scenario_builtin(int i);

#endif
