/* What is drawn into: colour with four samples, identities, masks, shadow maps. */
#ifndef OUTRIDER_SIM_RENDER_TARGET_H
#define OUTRIDER_SIM_RENDER_TARGET_H

#include "perception/base/err.h"
#include "sim/render/program.h"

enum target {
    TARGET_COLOR, /* RGBA, depth; several samples, else with the identities of TARGET_ID too */
    TARGET_FLAT,  /* RGBA, what the former is resolved to */
    TARGET_ID,    /* uint32, depth */
    TARGET_MASK,  /* uint32 */
    TARGET_SHADOW,
    TARGETS = TARGET_SHADOW + SHADOW_MAPS
};

struct targets {
    int width, height, samples, shadow_size;
    unsigned frame[TARGETS], color[TARGETS], depth[TARGETS]; /* renderbuffers; shadows: textures */
};

MUST_CHECK enum err targets_open(struct targets *t, int width, int height, int samples,
                                 int shadow_size, struct why *why);
void targets_close(struct targets *t);
void targets_use(const struct targets *t, enum target which); /* bind, set the viewport */
/* COLOR -> FLAT where there are several samples; the result is bound for reading. */
void targets_resolve(const struct targets *t);

#endif
