/* A folder of pictures to train on, whatever its labels are: any of
 *
 *     truth.jsonl, calibration.yaml, road/   a simulator's set (sim/labels.h)
 *     labels/, ignore/, classes.txt          objects (object_set.h)
 *     labels_tusimple.json or lanes.json     boundaries: left and right of the own lane, then the next
 *     masks/ or road/                        drivable area (road_set.h); in road/ 255 is not known
 *     set.json                               what it labels, and whether weights may be given out
 *
 * What a set does not label teaches nothing: neither that it is there nor that it is not. */
#ifndef OUTRIDER_DAEMON_CLI_TRAIN_SET_H
#define OUTRIDER_DAEMON_CLI_TRAIN_SET_H

#include <stdbool.h>

#include "daemon/cli/lane_labels.h"
#include "daemon/cli/object_set.h"
#include "daemon/cli/road_set.h"
#include "daemon/cli/set_choice.h"
#include "perception/geometry/camera.h"
#include "perception/train/compose.h"
#include "sim/file.h"

struct train_set {
    struct set_choice choice;
    struct pictures pictures; /* of images/ */
    bool permitted;           /* weights trained on it may be given out */
    bool has_objects, has_lanes, has_road;
    struct object_set objects;
    struct lane_labels lanes;
    struct road_set road;
    struct file truth;    /* truth.jsonl */
    size_t *line;         /* (pictures.n) offset in it + 1; 0: not there */
    struct camera camera; /* width 0: not known */
    int *use;             /* (n_use) the chosen pictures that have labels */
    int n_use;
};

/* Everything but the pictures and masks. ERR_IO, ERR_FORMAT, ERR_LIMIT or ERR_NOMEM with the file. */
MUST_CHECK enum err train_set_open(const struct set_choice *choice, struct train_set *out,
                                   struct why *why);
void train_set_finish(struct train_set *s); /* zeroed is fine */

/* Memory for reading samples: one thread, one sample at a time. */
struct train_reader;
struct train_reader *train_reader_open(void); /* NULL: no memory */
void train_reader_close(struct train_reader *r);

/* Picture s->use[i] and its labels; *out borrows from r until the next call, and from s. */
MUST_CHECK enum err train_set_read(const struct train_set *s, int i, struct train_reader *r,
                                   struct sample *out, struct why *why);

#endif
