/* The world from above, for people who want to see what a scenario does: ego in the middle lower
 * third, its heading up. Asphalt, markings, edges, actors, props. */
#ifndef OUTRIDER_SIM_BIRDSEYE_H
#define OUTRIDER_SIM_BIRDSEYE_H

#include "perception/image/image.h"
#include "sim/world/world.h"

void birdseye_draw(const struct world *w, double metres_per_px, struct image *im);

#endif
