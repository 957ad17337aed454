/* World, camera and truth of one scenario, moved on together: what a command shows or writes. */
#ifndef OUTRIDER_SIM_STAGE_H
#define OUTRIDER_SIM_STAGE_H

#include "sim/render/render.h"
#include "sim/truth.h"
#include "sim/world/scenario.h"
#include "sim/world/world.h"

struct stage;

struct stage_options {
    const char *scenario; /* as scenario_open() takes it */
    uint64_t seed;
    struct camera camera;
    bool render; /* false: no pictures, and truth from projected boxes */
    bool torcs;  /* TORCS instead (torcs/torcs.h): no scenario, no seed, its own camera */
    struct render_options look;
};

/* On OK the caller owns *out. What scenario_open(), world_open() and render_open() return. */
MUST_CHECK enum err stage_open(const struct stage_options *o, struct stage **out, struct why *why);
void stage_close(struct stage *s); /* NULL is fine */

/* The same with another seed: a new world where the scenario draws one. TORCS drives on. */
MUST_CHECK enum err stage_again(struct stage *s, uint64_t seed, struct why *why);

/* On by dt seconds; any dt. command NULL: ego is driven by the scenario. If TORCS ends meanwhile,
 * stage_look() says so. */
void stage_step(struct stage *s, double dt, const struct drive_command *command);

/* What can be seen now, and what is true; both borrowed until the next call. picture->rgb is NULL
 * where nothing is rendered. */
MUST_CHECK enum err stage_look(struct stage *s, const struct rendered **picture,
                               const struct truth **truth, struct why *why);

const struct world *stage_world(const struct stage *s);
const char *stage_name(const struct stage *s);   /* of the scenario */
double stage_duration(const struct stage *s);    /* s */
const char *stage_device(const struct stage *s); /* that renders; "" where nothing is */

/* A camera behind the windscreen, 61 degrees wide. */
struct camera stage_camera(int width, int height);

#endif
