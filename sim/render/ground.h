/* Roads, what edges them, and the land around them as triangles. */
#ifndef OUTRIDER_SIM_RENDER_GROUND_H
#define OUTRIDER_SIM_RENDER_GROUND_H

#include "sim/render/mesh.h"
#include "sim/world/world.h"

/* A stretch of one road; coordinates come out relative to origin. */
struct stretch {
    const struct world *world;
    int road;
    double s0, s1;
    double origin[3];
    int detail; /* 0: for near by; each next one has half the rows */
};

enum { STRETCH_STEP = 2 };  /* m between two rows of the finest mesh */
#define PAVEMENT_HEIGHT 0.0 /* m above the road; people walk on the plane of the road */

/* The point (s, d), raised by up along z. */
struct v3 stretch_point(const struct stretch *t, double s, double d, double up);

/* How many steps the mesh takes from s0 to s1; at least 1. */
int stretch_rows(const struct stretch *t, double s0, double s1);

/* Asphalt and pavements; markings on them. */
void ground_road(const struct stretch *t, struct builder *b);
void ground_markings(const struct stretch *t, struct builder *b);
/* Kerbs, rails, barriers, walls, fences. */
void ground_edges(const struct stretch *t, struct builder *b);
/* Grass and soil on both sides, sunk under the other roads. */
void ground_terrain(const struct stretch *t, struct builder *b);

#endif
