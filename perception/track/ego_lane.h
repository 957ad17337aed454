/* The lane we drive in, from the boundaries beside us. */
#ifndef OUTRIDER_TRACK_EGO_LANE_H
#define OUTRIDER_TRACK_EGO_LANE_H

#include "perception/scene.h"
#include "perception/track/lane_cubic.h"

/* How wide our lane was until now. Zeroed: as lanes usually are. */
struct lane_width {
    double m, variance;
};

/* dt_s later both sides are seen anew. NULL where one is not: then only time passes. Widths that no lane has are not
 * believed. */
void lane_width_step(struct lane_width *w, const struct lane_cubic *left,
                     const struct lane_cubic *right, double dt_s);

/* left, right: NULL where none is known. Each side says where the middle is, half a width away; both are weighed by how
 * sure they are, and where they disagree by more than that, offset_sigma_m grows with it. With one only,
 * or with two that cannot be of one lane, width_m stays NAN; all is NAN when that would not
 * be a lane that we are in.
 * Time to departure: until the side of a car of usual width crosses a boundary that is known, at
 * the present speed and heading; NAN when standing, when the heading does not say to which side,
 * or when it is far off. speed_mps: NAN if not known. */
void ego_lane_find(const struct lane_cubic *left, const struct lane_cubic *right,
                   const struct lane_width *width, float speed_mps, struct ego_lane *out);

#endif
