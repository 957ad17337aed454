/* Files of tracks, labelled or followed: text, one box a line.
 *
 *   kitti  frame id type truncated occluded alpha x1 y1 x2 y2 ...    frames from 0
 *   mot    frame,id,x,y,width,height[,flag[,class[,...]]]            frames from 1, people
 *
 * Which labels count, after KITTI's rules: those of the class that are not truncated and not more
 * than largely occluded (2). Others of the class, vans beside cars and sitting people beside
 * pedestrians are ignored; DontCare is a region. After MOTChallenge's: class 1 (or none given) with a
 * flag that is not 0; people on vehicles, standing statues, distractors and reflections (2, 7, 8, 12)
 * are ignored, and the rest is left out. */
#ifndef OUTRIDER_DAEMON_CLI_TRACK_ROWS_H
#define OUTRIDER_DAEMON_CLI_TRACK_ROWS_H

#include <stdbool.h>
#include <stdio.h>

#include "perception/eval/track_sequence.h"

enum { TRACK_ROWS_MAX = 1 << 22, TRACK_ROWS_MAX_FRAME = 1 << 20 };

enum track_format { TRACKS_KITTI, TRACKS_MOT };

struct track_rows { /* by frame, then by id */
    struct track_row *row;
    size_t n, room;
};

struct track_reading {
    enum track_format format;
    const char *class; /* of KITTI's types, in small letters: "car"; MOT: not looked at */
    bool truth;        /* else tracks: only the class itself, and all of it counts */
};

/* The classes that can be asked for: KITTI's types in small letters, but for DontCare. */
bool track_class_known(const char *class);

/* ERR_IO, ERR_FORMAT or ERR_LIMIT with file, line and field. Release with track_rows_finish(). */
MUST_CHECK enum err track_rows_read(const char *path, const struct track_reading *how,
                                    struct track_rows *out, struct why *why);
MUST_CHECK enum err track_rows_take(FILE *f, const char *path, const struct track_reading *how,
                                    struct track_rows *out, struct why *why);
void track_rows_finish(struct track_rows *r); /* zeroed is fine */

#endif
