/* Sun, sky and fog of a weather. */
#ifndef OUTRIDER_SIM_RENDER_LIGHT_H
#define OUTRIDER_SIM_RENDER_LIGHT_H

#include "sim/render/program.h"
#include "sim/world/world.h"

/* Fill the frame's light: sun, sky_light, ground_light, horizon, zenith, fog, air. gain: of the
 * exposure, 1 as metered. */
void light_fill(const struct weather *w, double t, float gain, struct frame_block *f);

#endif
