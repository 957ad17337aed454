/* TORCS as a world with a camera: Debian's own, started without a screen, on a road of three lanes
 * with ten cars, of which one carries the camera on its bonnet.
 *
 * It stands still between torcs_step()s, so that lock-step costs nothing and two runs are equal.
 * One thread. TORCS and its display end with us, however we end. */
#ifndef OUTRIDER_SIM_TORCS_H
#define OUTRIDER_SIM_TORCS_H

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "sim/render/render.h"
#include "sim/world/world.h"

struct torcs;

/* Its one camera: 67.5 degrees high, level, on the bonnet. */
struct camera torcs_camera(int width, int height);

/* Takes some seconds: a road is built, TORCS started, the race begun. On OK the caller owns *out.
 * ERR_IO says which package is missing, or what TORCS said last. */
MUST_CHECK enum err torcs_open(const struct camera *c, struct torcs **out, struct why *why);
void torcs_close(struct torcs *t); /* NULL is fine */

/* On by dt seconds (0.002 to 1). command NULL: ego keeps its lane. ERR_IO: TORCS has ended, or did
 * not answer for ten seconds. */
MUST_CHECK enum err torcs_step(struct torcs *t, double dt, const struct drive_command *command,
                               struct why *why);

/* What is there and what can be seen now; borrowed until the next step. Of the actors, the sizes
 * are those of TORCS's boxes; which pixels are theirs is read from the depth, so that boxes in the
 * picture are tight. */
const struct world *torcs_world(const struct torcs *t);
const struct rendered *torcs_picture(const struct torcs *t);

#endif
