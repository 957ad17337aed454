/* From the ideal picture to that of the real lens and its sensor. */
#ifndef OUTRIDER_SIM_RENDER_LENS_H
#define OUTRIDER_SIM_RENDER_LENS_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "sim/render/render.h"
#include "sim/render/view.h"

struct lens {
    int width, height; /* of the camera */
    int ideal_width, ideal_height;
    bool straight;      /* no warp needed */
    int32_t *nearest;   /* (height, width) index into the ideal picture, -1: black */
    int32_t *corner;    /* the same of the top left one of four */
    uint8_t *part;      /* (height, width, 2) how far towards the right and the bottom, /256 */
    uint8_t gamma[256]; /* square root -> gamma 2.2 */
    uint16_t *vignette; /* (height, width) /65536; NULL: none */
};

MUST_CHECK enum err lens_open(struct lens *l, const struct camera *c, const struct view *ideal,
                              float vignette);
void lens_close(struct lens *l);

/* Ideal RGBA (square roots of light) -> RGB (gamma 2.2), smooth; ideal ids and depths -> the nearest
 * ones. */
void lens_color(const struct lens *l, const uint8_t *rgba, uint8_t *rgb);
void lens_ids(const struct lens *l, const uint32_t *ids, uint32_t *out);
void lens_depth(const struct lens *l, const uint32_t *z, float *out); /* z: bits of floats */

#endif
