/* What the objects mean for our way: who is in it, in which lane, who leads; and how far we see. */
#ifndef OUTRIDER_ASSESS_H
#define OUTRIDER_ASSESS_H

#include "perception/geometry/camera.h"
#include "perception/perception.h"
#include "perception/scene.h"

/* Copy the objects in[0..n) into s, nearest first, those without metres last in the order given. */
void assess_sort(const struct object *in, int n, struct scene *s);

/* Fill in_path, lane and is_lead of s->object from s->ego_lane and s->lane, or, where no lane is
 * known, from the arc that ego (NULL: not known) turns. */
void assess_way(struct scene *s, const struct ego_motion *ego);

/* Velocities over ground, from those relative to us and s->ego; NAN where speed or turn is not known.
 * An unknown sigma of our motion counts as none. */
void assess_ground(struct scene *s);

/* How far and wide a calibrated camera looks; width 0: all unknown. */
struct coverage assess_coverage(const struct camera *c);

#endif
