/* A shutter that takes its time: motion blur, and rows that are exposed one after the other. */
#ifndef OUTRIDER_SIM_RENDER_SHUTTER_H
#define OUTRIDER_SIM_RENDER_SHUTTER_H

#include <stdint.h>

#include "sim/render/view.h"
#include "sim/world/world.h"

/* How everything moves, as seen by the camera. */
struct motion {
    struct v3 speed; /* of the camera over ground, m/s, camera axes */
    struct v3 turn;  /* rad/s, camera axes */
    const struct world *world;
    const struct view *view;
};

struct motion motion_of(const struct view *v, const struct world *w, const struct camera *c);

/* Beside the colours, (height, width) of the view each. */
struct shutter_words {
    uint32_t *ids, *depth; /* depth: bits of the floats of the depth buffer */
    uint32_t *spare;
    float (*flows)[2]; /* px/s, filled here */
};

/* Colours of the ideal picture -> out, another buffer; where rows are late, ids and depth move with
 * them. */
void shutter(const struct motion *m, float exposure_s, float rolling_s, const uint8_t *rgba,
             struct shutter_words *w, uint8_t *out);

#endif
