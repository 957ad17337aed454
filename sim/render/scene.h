/* Everything that stands still, as meshes in pieces of some ten metres. */
#ifndef OUTRIDER_SIM_RENDER_SCENE_H
#define OUTRIDER_SIM_RENDER_SCENE_H

#include "sim/render/mesh.h"
#include "sim/render/program.h"
#include "sim/render/view.h"
#include "sim/world/world.h"

enum layer { LAYER_ROAD, LAYER_TERRAIN, LAYER_SOLID, LAYER_LEAVES, LAYERS };

enum { SCENE_DETAILS = 3 }; /* 0 is the finest */

struct chunk {
    struct mesh mesh[SCENE_DETAILS][LAYERS];
};

struct scene3d {
    struct chunk *chunk;
    int n_chunks, cap_chunks;
};

MUST_CHECK enum err scene3d_open(struct scene3d *s, const struct world *w, struct why *why);
void scene3d_close(struct scene3d *s);

/* Draw one layer of what can be seen with a program; further than reach metres nothing. */
void scene3d_draw(const struct scene3d *s, enum layer layer, const struct programs *p,
                  enum program with, const struct view *v, float reach);
/* The same without a view: everything in a ball around the camera (for shadows). */
void scene3d_draw_near(const struct scene3d *s, enum layer layer, const struct programs *p,
                       enum program with, const struct view *v, struct v3 centre, float radius);

#endif
