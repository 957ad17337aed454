/* A small patch of one picture, found again in the next: Lucas and Kanade 1981 in the inverse
 * compositional form (Baker and Matthews 2004), over a pyramid, with the patch bent as it is expected
 * to be bent and shifted to fit. Brightness may change by any offset. */
#ifndef OUTRIDER_MOTION_PATCH_H
#define OUTRIDER_MOTION_PATCH_H

#include "perception/motion/gray.h"

struct patch {
    float x, y;       /* its middle in the picture before, px of level 0 */
    float bend[2][2]; /* a step in the picture before -> one in this picture; unity: not bent */
    float to_x, to_y; /* its middle in this picture: expected, then found */
    float info[2]
              [2]; /* of (to_x, to_y), 1 / px^2, from the patch's gradients and how well it fits */
    float correlation; /* of both patches at last, -1..1 */
};

/* Levels from `coarsest` down to `finest`. False: it left the picture, has no structure or does not look
 * alike any more. */
bool patch_follow(struct patch *p, const struct gray *before, const struct gray *now, int coarsest,
                  int finest);

/* How alike they look at one level where they are expected, -1..1; NAN: outside the picture. */
float patch_alike(const struct patch *p, const struct gray *before, const struct gray *now,
                  int level);

#endif
