/* What the parts of truth*.c share. */
#ifndef OUTRIDER_SIM_TRUTH_INTERNAL_H
#define OUTRIDER_SIM_TRUTH_INTERNAL_H

#include "sim/truth.h"

struct seen { /* pixels of one thing in the picture */
    uint32_t pixels;
    int x1, y1, x2, y2; /* both ends belong to it */
};

/* Our lane ahead, a point every metre, over the ends of roads. Vehicle frame. */
enum { WAY_POINTS = 160, WAY_BEHIND = 8 };
struct way_point {
    double x, y, z;
    int road, lane; /* lane -1: we are in none; then it keeps our d */
    int direction;  /* in which s we drive there */
    double s;
};

struct boundary_pieces; /* truth_lanes.c's own */

struct truth_maker {
    struct camera camera;
    double ahead[3]; /* the optical axis, vehicle frame */
    uint8_t *road;   /* (height, width) */
    struct seen actor[WORLD_MAX_ACTORS], prop[WORLD_MAX_PROPS];
    int n_way; /* point[0] lies WAY_BEHIND metres behind us, where there is road */
    struct way_point way[WAY_POINTS];
    struct boundary_pieces *pieces;
};

static inline double truth_depth(const struct truth_maker *m, const double p[3])
{
    return m->ahead[0] * (p[0] - (double)m->camera.x_m) +
           m->ahead[1] * (p[1] - (double)m->camera.y_m) +
           m->ahead[2] * (p[2] - (double)m->camera.z_m);
}

/* Vehicle frame -> px. False behind us. */
bool truth_project(const struct truth_maker *m, const double p[3], float px[2]);

void truth_way(struct truth_maker *m, const struct world *w);
/* How far along our lane and how far to its left a point lies. False: beside neither end. */
bool truth_beside_way(const struct truth_maker *m, double x, double y, double *along, double *left,
                      struct way_point *nearest);

MUST_CHECK enum err truth_lanes_open(struct truth_maker *m);
void truth_lanes_close(struct truth_maker *m);
void truth_lanes(struct truth_maker *m, const struct world *w, const struct rendered *picture,
                 struct truth *out);
void truth_objects(struct truth_maker *m, const struct world *w, const struct rendered *picture,
                   struct truth *out);

#endif
