/* What the sensor and its surroundings do to a finished RGB picture: rain on the glass, dirt, glare,
 * white balance, noise, JPEG. Gamma 2.2 throughout. */
#ifndef OUTRIDER_SIM_RENDER_SENSOR_H
#define OUTRIDER_SIM_RENDER_SENSOR_H

#include <stdint.h>

#include "perception/base/err.h"
#include "sim/render/render.h"

struct sensor {
    int width, height;
    struct render_lens lens;
    uint64_t seed;
    int8_t *gauss;  /* GAUSS normal numbers, 32 to one standard deviation */
    uint8_t *smear; /* (height, width) how much dirt could lie there */
    uint8_t *copy;  /* of the picture, for drops that bend it */
    float gain[3];  /* of white balance, slowly following the picture */
    float meter;    /* what the exposure should be multiplied by next time */
    void *pack, *unpack;
    uint8_t *jpeg;
    unsigned long jpeg_room;
};

MUST_CHECK enum err sensor_open(struct sensor *s, int width, int height,
                                const struct render_lens *lens, uint64_t seed);
void sensor_close(struct sensor *s);

/* Measure the picture for the next frame's exposure. target: mean level wanted, 0..1. */
void sensor_meter(struct sensor *s, const uint8_t *rgb, float target);

struct glare { /* of the sun: where, px; how strong, 0: none */
    float x, y, strength;
};

void sensor_expose(struct sensor *s, const struct weather *w, const struct glare *g, uint64_t frame,
                   uint8_t *rgb);

#endif
