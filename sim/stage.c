#include "sim/stage.h"

#include <math.h>
#include <stdlib.h>

#include "sim/torcs/torcs.h"

static const double LONGEST_STEP_S = 0.1; /* of world_step() */
static const double TORCS_DURATION_S = 120;

struct stage {
    struct stage_options options;
    struct scenario *scenario;
    struct world *world;
    struct render *render; /* NULL: none is wanted */
    struct torcs *torcs;   /* NULL: the world is ours */
    enum err fault;        /* of a step */
    struct why fault_why;
    struct truth_maker *maker;
    struct rendered picture;
    struct truth truth;
};

struct camera stage_camera(int width, int height)
{
    const float f = 0.85f * (float)width;

    return (struct camera){.width = width,
                           .height = height,
                           .model = CAMERA_PINHOLE,
                           .fx = f,
                           .fy = f,
                           .cx = (float)width / 2,
                           .cy = (float)height / 2,
                           .x_m = 1.6f,
                           .z_m = 1.4f};
}

static enum err open_world(struct stage *s, struct why *why)
{
    enum err e = world_open(s->scenario, s->options.seed, &s->world, why);

    if (e != OK || !s->options.render)
        return e;
    s->options.look.seed = s->options.seed;
    return render_open(s->world, &s->options.camera, &s->options.look, &s->render, why);
}

static void close_world(struct stage *s)
{
    render_close(s->render);
    world_close(s->world);
    s->render = NULL;
    s->world = NULL;
}

enum err stage_open(const struct stage_options *o, struct stage **out, struct why *why)
{
    struct stage *s = calloc(1, sizeof *s);
    enum err e;

    *out = NULL;
    if (!s)
        return err_say(why, ERR_NOMEM, "no memory");
    s->options = *o;
    if (o->torcs)
        e = torcs_open(&o->camera, &s->torcs, why);
    else if ((e = scenario_open(o->scenario, &s->scenario, why)) == OK)
        e = open_world(s, why);
    if (e != OK)
        goto fail;
    if ((e = truth_open(&o->camera, &s->maker)) != OK) {
        err_say(why, e, "no memory");
        goto fail;
    }
    *out = s;
    return OK;
fail:
    stage_close(s);
    return e;
}

void stage_close(struct stage *s)
{
    if (!s)
        return;
    truth_close(s->maker);
    torcs_close(s->torcs);
    close_world(s);
    scenario_close(s->scenario);
    free(s);
}

enum err stage_again(struct stage *s, uint64_t seed, struct why *why)
{
    if (s->torcs)
        return OK;
    close_world(s);
    s->options.seed = seed;
    return open_world(s, why);
}

void stage_step(struct stage *s, double dt, const struct drive_command *command)
{
    int steps = (int)ceil(dt / LONGEST_STEP_S - 1e-9);

    if (s->torcs) {
        if (s->fault == OK)
            s->fault = torcs_step(s->torcs, dt, command, &s->fault_why);
        return;
    }
    for (int i = 0; i < steps; i++)
        world_step(s->world, dt / steps, command);
}

enum err stage_look(struct stage *s, const struct rendered **picture, const struct truth **truth,
                    struct why *why)
{
    const bool pictured = s->torcs || s->render;
    enum err e = s->fault;

    if (e != OK)
        return err_say(why, e, "%s", s->fault_why.text);
    if (s->torcs)
        s->picture = *torcs_picture(s->torcs);
    else if (s->render)
        e = render_frame(s->render, s->world, &s->picture, why);
    if (e != OK)
        return e;
    truth_frame(s->maker, stage_world(s), pictured ? &s->picture : NULL, &s->truth);
    *picture = &s->picture;
    *truth = &s->truth;
    return OK;
}

const struct world *stage_world(const struct stage *s)
{
    return s->torcs ? torcs_world(s->torcs) : s->world;
}

const char *stage_name(const struct stage *s)
{
    return s->torcs ? "TORCS" : scenario_name(s->scenario);
}

double stage_duration(const struct stage *s)
{
    return s->torcs ? TORCS_DURATION_S : scenario_duration(s->scenario);
}

const char *stage_device(const struct stage *s)
{
    return s->torcs ? "TORCS" : s->render ? render_device(s->render) : "";
}
