/* What each pixel of a TORCS frame shows, told from its depth: whatever lies within a car's box,
 * above the road, is that car. */
#ifndef OUTRIDER_SIM_TORCS_PIXELS_H
#define OUTRIDER_SIM_TORCS_PIXELS_H

#include "sim/render/render.h"

struct torcs_pixels;

MUST_CHECK enum err torcs_pixels_open(const struct camera *c, struct torcs_pixels **out);
void torcs_pixels_close(struct torcs_pixels *p); /* NULL is fine */

/* rgb (height, width, 3) and depth (height, width) of floats 0..1 as OpenGL has them, rows bottom
 * up, at any address. */
void torcs_pixels_take(struct torcs_pixels *p, const struct world *w, const unsigned char *rgb,
                       const unsigned char *depth);
const struct rendered *torcs_pixels_picture(const struct torcs_pixels *p);

#endif
