/* What a simulator's set knows of its pictures beside their labels (truth.jsonl, sim/labels.h): the light, weather
 * and kind of road that each was seen by, and the lines of the lanes with type and colour. */
#ifndef OUTRIDER_DAEMON_CLI_SET_TRUTH_H
#define OUTRIDER_DAEMON_CLI_SET_TRUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "perception/base/err.h"

enum { CONDITIONS_MAX = 16, SET_LINES = 4 };

struct set_line {
    int type, color;    /* enum lane_type, lane_color; 0: not known */
    double (*point)[2]; /* (n) px, from the bottom of the picture upwards; owned */
    size_t n;           /* 0: there is no such line */
};

struct set_picture {
    char *image;         /* without its folder; owned */
    unsigned conditions; /* bits, by set_truth.condition */
    struct set_line
        line[SET_LINES]; /* as the set's lanes.json has them: left and right of our lane, then
                                        those farther out that there are */
    int n_lines;
};

struct set_truth {
    bool known; /* there is such a file */
    int n_conditions;
    char condition[CONDITIONS_MAX][16]; /* "night", "rain", "urban" ...; in the order of the file */
    struct set_picture *picture;        /* by name */
    size_t n, room;
};

/* FOLDER/truth.jsonl; known is false where there is none, or folder is NULL. A last line without an
 * end is still being written, and left out. ERR_IO, ERR_FORMAT, ERR_LIMIT, ERR_NOMEM with file and line. */
MUST_CHECK enum err set_truth_read(const char *folder, struct set_truth *out, struct why *why);
/* By the last part of a picture's path; NULL: nothing is known of it. */
const struct set_picture *set_truth_find(const struct set_truth *t, const char *image);
/* Its conditions; 0 where nothing is known. */
unsigned set_truth_conditions(const struct set_truth *t, const char *image);
void set_truth_finish(struct set_truth *t); /* zeroed is fine */

#endif
