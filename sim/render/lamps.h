/* Lamps of cars and streets: those that light the road, and the glow around those one looks into. */
#ifndef OUTRIDER_SIM_RENDER_LAMPS_H
#define OUTRIDER_SIM_RENDER_LAMPS_H

#include "sim/render/program.h"
#include "sim/render/view.h"
#include "sim/world/world.h"

enum { MAX_GLOWS = 512 };

struct glow { /* relative to the camera, world axes */
    float place[3], radius;
    float color[4];
};

struct lamps {
    unsigned vao, vbo;
    int n_glows;
    struct glow glow[MAX_GLOWS];
};

void lamps_open(struct lamps *l);
void lamps_close(struct lamps *l);

/* Fill the frame's lamps from ego, traffic and streets, and the glows. */
void lamps_gather(struct lamps *l, const struct world *w, const struct view *v,
                  const struct ego_car *ego, struct frame_block *f);
void lamps_draw(struct lamps *l); /* with the program of glows in use, blending on */

#endif
