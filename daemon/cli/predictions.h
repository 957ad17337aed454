/* What a network saw in pictures, as `outrider infer` writes it: a line of JSON for each,
 *   {"image","width","height","objects":[{"class","score","box":[x1,y1,x2,y2]}, ...],
 *    "lanes":[{"role","score","kind","type","color","points":[[x,y],...],"sigma":[px,...]}, ...],
 *      without road_edges, as labels are of lines,
 *    "road":{"size":[height,width],"counts":[run,...]} or null}
 * or {"image","error"} for a picture that it could not read. Only what is asked for is looked at. */
#ifndef OUTRIDER_DAEMON_CLI_PREDICTIONS_H
#define OUTRIDER_DAEMON_CLI_PREDICTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/cli/json_lines.h"
#include "perception/eval/average_precision.h"
#include "perception/heads/head.h"

enum {
    PREDICTIONS_MAX_LINES = 1 << 20,
    PREDICTIONS_MAX_OBJECTS = 1 << 22, /* of all lines; so are the next two */
    PREDICTIONS_MAX_POINTS = 1 << 23,
    PREDICTIONS_MAX_RUNS = 1 << 26,
    PREDICTIONS_MAX_LANES = 32, /* of a picture */
};

struct lane_point { /* px; in order along the lane */
    double x, y;
};

struct predicted_lane {
    int role;        /* as scene.h; 0: not told, and so are the next two */
    int type, color; /* enum lane_type, lane_color */
    struct lane_point *point;
    double *sigma; /* (n) of x, px; NULL: not told */
    size_t n;
};

struct predicted_road { /* COCO's run lengths: down the columns, the first run is not road */
    uint32_t *run;      /* adding up to the picture's pixels */
    size_t n;           /* 0: nothing was said of the road */
};

struct prediction {
    char *image; /* owned, as all below */
    int line;    /* of the file, from 1 */
    char *error; /* NULL: none */
    int width, height;
    struct ap_guess *guess; /* px */
    size_t n;
    struct predicted_lane *lane;
    size_t n_lanes;
    struct predicted_road road;
};

struct predictions {
    struct prediction *picture; /* by name; no name twice */
    size_t n, room, n_objects, n_points, n_runs;
};

/* parts: HEAD_... bits. ERR_IO, ERR_FORMAT or ERR_LIMIT with file, line and field. Release with
 * predictions_finish(). */
MUST_CHECK enum err predictions_read(const char *path, unsigned parts, struct predictions *out,
                                     struct why *why);
/* One more, zeroed, at the end; names must go on rising. NULL: no memory. */
struct prediction *predictions_add(struct predictions *p);
const struct prediction *predictions_find(const struct predictions *p, const char *image);
void predictions_finish(struct predictions *p); /* zeroed is fine */

/* The parts of a line, into a prediction that has none yet (its sides are known). */
MUST_CHECK enum err prediction_objects(const struct json_lines *l, const json_t *objects,
                                       struct predictions *all, struct prediction *p);
MUST_CHECK enum err prediction_lanes(const struct json_lines *l, const json_t *lanes,
                                     struct predictions *all, struct prediction *p);
MUST_CHECK enum err prediction_road(const struct json_lines *l, const json_t *road,
                                    struct predictions *all, struct prediction *p);

#endif
