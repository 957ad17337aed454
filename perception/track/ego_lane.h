/* The lane we drive in, from the boundaries beside us. */
#ifndef OUTRIDER_TRACK_EGO_LANE_H
#define OUTRIDER_TRACK_EGO_LANE_H

#include "perception/scene.h"
#include "perception/track/lane_cubic.h"

/* left, right: NULL where none is known. With one only, or with two that cannot be of one lane, the
 * other side is taken to be a usual lane away and width_m stays NAN; all is NAN when that would not
 * be a lane that we are in.
 * Time to departure: until the side of a car of usual width crosses a boundary that is known, at
 * the present speed and heading; NAN when standing, when the heading does not say to which side,
 * or when it is far off. speed_mps: NAN if not known. */
void ego_lane_find(const struct lane_cubic *left, const struct lane_cubic *right, float speed_mps,
                   struct ego_lane *out);

#endif
