/* The shader programs, and what all of them know about the frame. */
#ifndef OUTRIDER_SIM_RENDER_PROGRAM_H
#define OUTRIDER_SIM_RENDER_PROGRAM_H

#include <stdbool.h>

#include "perception/base/err.h"
#include "sim/render/vec.h"

enum { MAX_BONES = 16, MAX_PAINTS = 4, MAX_LAMPS = 8, SHADOW_MAPS = 2 };

enum program {
    PROGRAM_SKY,
    PROGRAM_ROAD,
    PROGRAM_TERRAIN,
    PROGRAM_SOLID,
    PROGRAM_FOLIAGE,
    PROGRAM_ACTOR,
    PROGRAM_BLOB, /* the dark under a car */
    PROGRAM_GLOW, /* round a lamp */
    /* the same geometry, without light */
    PROGRAM_ID_SOLID,
    PROGRAM_ID_FOLIAGE,
    PROGRAM_ID_ACTOR,
    PROGRAM_MASK_ACTOR,
    PROGRAM_DEPTH_SOLID,
    PROGRAM_DEPTH_FOLIAGE,
    PROGRAM_DEPTH_ACTOR,
    PROGRAMS
};

/* Mirrors the uniform block "Frame" of glsl.c (std140). Positions are relative to the camera in
 * world axes, colours linear, matrices column major. */
struct frame_block {
    float view[16];
    float shadow[SHADOW_MAPS][16];
    float ray[3][4];       /* sky: direction = ray[0] x + ray[1] y + ray[2], x and y in -1..1 */
    float eye[4];          /* world position; time */
    float sun[4];          /* direction towards it; how far shadows go, m */
    float sun_color[4];    /* and how big its disc looks */
    float sky_light[4];    /* falling on what looks up */
    float ground_light[4]; /* and on what looks down */
    float horizon[4], zenith[4];    /* colours of the sky */
    float fog[4];                   /* colour; extinction, 1/m */
    float air[4];                   /* exposure, wetness, cloud, night 0..1 */
    float lamp_place[MAX_LAMPS][4]; /* and range, m */
    float lamp_axis[MAX_LAMPS][4];  /* unit; and cosine of the half angle */
    float lamp_color[MAX_LAMPS][4];
    float lamps[4]; /* how many */
};

/* What a weather needs of the shaders: a bit each. A software renderer pays for both sides of every
 * branch, so each mix of them is a set of programs, put together when it is first asked for. */
enum { WITH_SUN = 1, WITH_LAMPS = 2, WITH_WET = 4, WITH_SHADOWS = 8, VARIANTS = 16 };

struct programs {
    unsigned id[PROGRAMS];
    int offset[PROGRAMS], bone[PROGRAMS], paint[PROGRAMS], emit[PROGRAMS], tag[PROGRAMS];
    bool there;
};

struct program_sets {
    struct programs set[VARIANTS];
    unsigned block; /* buffer of struct frame_block */
};

void programs_init(struct program_sets *p);
/* The set for a mix of WITH_ bits. */
MUST_CHECK enum err programs_get(struct program_sets *p, unsigned with, const struct programs **out,
                                 struct why *why);
void programs_close(struct program_sets *p);
void programs_frame(const struct program_sets *p, const struct frame_block *f);

/* Sources, in glsl*.c. */
extern const char glsl_frame[], glsl_light[], glsl_vertex[], glsl_sky_vertex[], glsl_sky[];
extern const char glsl_road[], glsl_terrain[], glsl_solid[], glsl_foliage[], glsl_blob[];
extern const char glsl_glow_vertex[], glsl_glow[];
extern const char glsl_id[], glsl_mask[], glsl_depth[];

#endif
