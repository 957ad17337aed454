/* When each picture of a drive was taken, from a text file. One line a picture:
 *
 *     2011-09-26 13:02:25.964389445     UTC (KITTI raw)
 *     0.103736  or  1.037360e-01        seconds
 *     1403636579763555584               nanoseconds: a whole number
 *     NAME,TIME  or  TIME,NAME          the same in CSV, in any order; a heading may stand first
 *
 * '#' begins a comment. Times must increase. */
#ifndef OUTRIDER_SIM_STAMPS_H
#define OUTRIDER_SIM_STAMPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "sim/listing.h"

/* Fills t_ns[pictures->n]. As many lines as pictures go with them in order. Where there are more
 * lines, and the pictures are called by numbers, the number is the line (from 0), so a part of a
 * recording keeps its times. name: of the file, for what is said in why ("name:12: ..."). */
MUST_CHECK enum err stamps_parse(const char *text, const char *name, const struct listing *pictures,
                                 int64_t *t_ns, struct why *why);

/* One time as above; false if s is none or lies outside 0..2^62 ns. */
bool stamp_parse(const char *s, size_t size, int64_t *t_ns);

#endif
