/* The parts of a renderer, for render.c (a frame's way), draw.c (its passes) and count.c (what the
 * truth wants to know). */
#ifndef OUTRIDER_SIM_RENDER_INTERNAL_H
#define OUTRIDER_SIM_RENDER_INTERNAL_H

#include "sim/render/context.h"
#include "sim/render/lamps.h"
#include "sim/render/lens.h"
#include "sim/render/light.h"
#include "sim/render/model.h"
#include "sim/render/program.h"
#include "sim/render/render.h"
#include "sim/render/scene.h"
#include "sim/render/sensor.h"
#include "sim/render/target.h"
#include "sim/render/texture.h"
#include "sim/render/view.h"

/* An actor that may be in the picture, dressed for this frame. */
struct seen {
    int index; /* in world.actor */
    enum model_name name;
    int detail;
    struct dress dress;
};

struct render {
    struct context context;
    struct program_sets sets;
    const struct programs *programs; /* for this frame's weather */
    struct textures textures;
    struct model model[MODELS];
    struct scene3d scene;
    struct targets targets;
    struct lens lens;
    struct sensor sensor;
    struct lamps lamps;
    struct mesh signal; /* the three lamps of a traffic light, below their top */
    int n_signals;
    int *signals; /* indices of traffic lights in world.prop */
    struct camera camera;
    struct view view;
    struct render_options options;
    struct frame_block block;
    int n_seen; /* those before n_front are in the picture, the others only cast shadows */
    int n_front;
    struct seen seen[WORLD_MAX_ACTORS];

    uint8_t *rgba;       /* ideal picture as read back */
    uint8_t *better;     /* and after something was done to it */
    float (*flows)[2];   /* px/s of its pixels; only where the shutter is slow */
    uint32_t *raw_ids;   /* the same size: ids, then masks */
    uint32_t *raw_depth; /* bits of floats */
    uint32_t *spare;
    uint8_t *rgb; /* the camera's */
    uint32_t *ids, *mask;
    float *depth;
    uint32_t visible[WORLD_MAX_ACTORS], silhouette[WORLD_MAX_ACTORS];
    float full_box[WORLD_MAX_ACTORS][4];
    uint64_t frames;
    char device[96];
};

/* draw.c */
void see_actors(struct render *r, const struct world *w);
void draw_shadows(struct render *r);
void draw_color(struct render *r, const struct world *w);
void draw_ids(struct render *r, const struct world *w);
void draw_mask(struct render *r, const int *which, int n); /* of up to 32 of seen, a bit each */
MUST_CHECK enum err signals_open(struct render *r, const struct world *w);

/* count.c: visible, silhouette and full_box from ids and masks */
void count_actors(struct render *r);

#endif
