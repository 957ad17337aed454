/* The camera in the world: what it sees, and which thing each pixel is.
 *
 * OpenGL 3.3 core through EGL without a surface (Mesa's llvmpipe where there is no GPU). All meshes,
 * textures and pictures are made here from seeds. One thread: the one that opened it. */
#ifndef OUTRIDER_SIM_RENDER_H
#define OUTRIDER_SIM_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "perception/geometry/camera.h"
#include "sim/world/world.h"

struct render;

/* How good the camera is; zero is a perfect one. */
struct render_lens {
    float exposure_s;        /* motion blur over this time; 0: none */
    float rolling_s;         /* from the first row's exposure to the last's; 0: global shutter */
    float vignette;          /* 0..1 */
    float noise;             /* standard deviation at mid grey, 0..1 of full scale */
    float flare;             /* 0..1: glare of sun and lamps */
    float gain;              /* exposure: 1 as metered, 2 one stop brighter */
    int jpeg_quality;        /* 0: no JPEG artefacts, else 1..100 */
    bool auto_white_balance; /* towards grey, as cameras do */
};

struct render_options {
    struct render_lens lens;
    bool shadows;
    int quality;   /* 0: fast and plain, 1: usual, 2: best */
    uint64_t seed; /* of noise, dirt, drops */
};

/* What a pixel shows: kind in the high 16 bits, index + 1 into world.actor or world.prop (or 0) in
 * the low ones. */
enum pixel_kind {
    PIXEL_SKY,
    PIXEL_GROUND, /* terrain, grass, water */
    PIXEL_ROAD,   /* asphalt, between and under markings: drivable */
    PIXEL_MARKING,
    PIXEL_PAVEMENT,
    PIXEL_EDGE, /* kerbs, rails, barriers, walls */
    PIXEL_ACTOR,
    PIXEL_PROP,
    PIXEL_EGO, /* bonnet or mirror of our own car */
};
#define PIXEL_ID(kind, index) ((uint32_t)(kind) << 16 | (uint32_t)((index) + 1))

struct rendered {        /* owned by the render, until the next render_frame() */
    int width, height;   /* those of the camera */
    const uint8_t *rgb;  /* (height, width, 3), rows top down */
    const float *depth;  /* (height, width), m along the optical axis; INFINITY: sky */
    const uint32_t *ids; /* (height, width) PIXEL_ID; of the middle of the exposure */
    /* Per actor (index in world.actor): pixels it has in ids, and pixels it would have were it alone
     * in the picture; both 0 outside. */
    int n_actors;
    const uint32_t *visible, *silhouette; /* (n_actors) */
    const float (
        *full_box)[4]; /* (n_actors) x1 y1 x2 y2 of the silhouette, px, also outside the picture */
};

/* On OK the caller owns *out. The world's roads and props are made into meshes now; the same world
 * (its actors, ego, weather, light states moving on) is given to each render_frame().
 * ERR_UNSUPPORTED without EGL or OpenGL 3.3 (why says what Mesa said), ERR_NOMEM, ERR_LIMIT. */
MUST_CHECK enum err render_open(const struct world *w, const struct camera *camera,
                                const struct render_options *o, struct render **out,
                                struct why *why);
void render_close(struct render *r); /* NULL is fine */

MUST_CHECK enum err render_frame(struct render *r, const struct world *w, struct rendered *out,
                                 struct why *why);

/* "llvmpipe (LLVM 15.0.6, 256 bits)", for reports. */
const char *render_device(const struct render *r);

#endif
