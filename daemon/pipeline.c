#include "daemon/pipeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decode.h"

/* After a longer pause than this nothing of before is predicted; a fresh start is better. */
#define PAUSE_MAX_NS (2 * NS_PER_S)
#define EGO_MAX_AGE_NS (NS_PER_S / 2)

struct pipeline {
    struct header header; /* what all answers have in common */
    struct decoder *decoder;
    struct perception *perception; /* NULL: no networks */
    struct scene scene;            /* of the last frame that was looked at */
    int64_t (*now_ns)(void);
    bool started;
    enum clock_id clock_id; /* of the last new frame, as the next two */
    uint32_t epoch;
    int64_t t_ns;
};

/* ---- what messages have in common ---------------------------------------------------------- */

void header_init(struct header *h, const uint8_t run_uuid[16], const char *camera,
                 const char *config_id)
{
    header_clear(h);
    memcpy(h->run_uuid, run_uuid, sizeof h->run_uuid);
    snprintf(h->camera, sizeof h->camera, "%s", camera);
    snprintf(h->config_id, sizeof h->config_id, "%s", config_id);
}

int64_t valid_for_ns(int64_t period_ns)
{
    int64_t three = 3 * period_ns;

    return three > NS_PER_S / 2 ? three : NS_PER_S / 2;
}

void calibration_id(const struct camera *c, char out[MESSAGE_MAX_NAME])
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a over the numbers as text */
    char text[512];
    int n;

    out[0] = '\0';
    if (c->width == 0)
        return;
    n = snprintf(text, sizeof text, "%d %d %d %a %a %a %a %a %a %a %a %a %a %a %a", c->width,
                 c->height, (int)c->model, c->fx, c->fy, c->cx, c->cy, c->x_m, c->y_m, c->z_m,
                 c->roll_rad, c->pitch_rad, c->yaw_rad, c->sigma_pitch_rad, c->sigma_z_m);
    for (int i = 0; i < CAMERA_DISTORTION && n < (int)sizeof text; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, " %a", c->distortion[i]);
    for (const char *s = text; *s; s++)
        hash = (hash ^ (unsigned char)*s) * 1099511628211u;
    snprintf(out, MESSAGE_MAX_NAME, "cal-%016" PRIx64, hash);
}

struct ego_motion pipeline_ego(const struct ego *ego, const struct frame_header *h)
{
    if (!ego || ego->clock_id != h->clock_id || ego->clock_epoch != h->clock_epoch ||
        ego->t_ns < h->t_sof_ns - EGO_MAX_AGE_NS || ego->t_ns > h->t_sof_ns + EGO_MAX_AGE_NS)
        return ego_unknown();
    return (struct ego_motion){ego->speed_mps, ego->yaw_rate_radps, ego->speed_sigma_mps,
                               ego->yaw_rate_sigma_radps, EGO_TOLD};
}

/* ---- opening ------------------------------------------------------------------------------- */

static int64_t no_clock(void)
{
    return TIME_UNKNOWN;
}

enum err pipeline_open(const struct pipeline_config *cfg, struct pipeline **out, struct why *why)
{
    struct pipeline *p = calloc(1, sizeof *p);
    enum err e;

    *out = NULL;
    if (!p)
        return err_say(why, ERR_NOMEM, "no memory for camera %s", cfg->camera);
    p->now_ns = cfg->now_ns ? cfg->now_ns : no_clock;
    header_init(&p->header, cfg->run_uuid, cfg->camera, cfg->config_id);
    if ((e = decoder_open(&p->decoder)) != OK) {
        err_say(why, e, "no memory for the decoder of camera %s", cfg->camera);
        goto fail;
    }
    if (cfg->perception.n_networks) {
        if ((e = perception_open(&cfg->perception, &p->perception, why)) != OK)
            goto fail;
        snprintf(p->header.model_id, sizeof p->header.model_id, "%s",
                 perception_model_id(p->perception));
    }
    calibration_id(&cfg->perception.camera, p->header.calibration_id);
    *out = p;
    return OK;
fail:
    pipeline_close(p);
    return e;
}

void pipeline_close(struct pipeline *p)
{
    if (!p)
        return;
    perception_close(p->perception);
    decoder_close(p->decoder);
    free(p);
}

enum err pipeline_calibrate(struct pipeline *p, const struct camera *c, struct why *why)
{
    enum err e = p->perception ? perception_calibrate(p->perception, c, why) : OK;

    if (e == OK)
        calibration_id(c, p->header.calibration_id);
    return e;
}

const char *pipeline_model_id(const struct pipeline *p)
{
    return p->header.model_id;
}

unsigned pipeline_gives(const struct pipeline *p)
{
    return p->perception ? perception_gives(p->perception) : 0;
}

/* ---- one frame ----------------------------------------------------------------------------- */

static uint32_t bit(enum reason r)
{
    return 1u << r;
}

/* The scene says nothing, for these reasons. */
static void scene_refuse(struct scene *s, uint32_t reasons)
{
    scene_clear(s);
    s->reasons_objects = s->reasons_lanes = reasons;
}

/* True if the frame begins a new time: what was tracked before means nothing now. */
static bool follow_time(struct pipeline *p, const struct frame_header *h)
{
    bool jump = p->started && (h->clock_epoch != p->epoch || h->clock_id != p->clock_id);
    bool pause = p->started && h->t_sof_ns > p->t_ns + PAUSE_MAX_NS;

    if ((jump || pause) && p->perception)
        perception_reset(p->perception);
    p->started = true;
    p->clock_id = h->clock_id;
    p->epoch = h->clock_epoch;
    p->t_ns = h->t_sof_ns;
    return jump;
}

static void look(struct pipeline *p, const struct frame *f, struct answer *out)
{
    bool jump = follow_time(p, &f->header);
    int64_t t0 = p->now_ns(), t1;
    struct image rgb;
    enum err e = decoder_frame(p->decoder, &f->header, f->pixels, &rgb, &out->why);

    t1 = p->now_ns();
    out->decode_ns = t1 - t0;
    out->objects.header.t_infer_begin_ns = t1;
    if (e != OK) {
        out->undecodable = true;
        scene_refuse(&p->scene, bit(REASON_NO_FRAMES) | bit(REASON_UNDECODABLE));
    } else if (!p->perception) {
        scene_refuse(&p->scene, bit(REASON_CONFIG));
    } else if ((e = perception_run(p->perception, &rgb, f->header.t_sof_ns, &f->ego, &p->scene,
                                   &out->why)) != OK) {
        scene_refuse(&p->scene, bit(e == ERR_MISMATCH ? REASON_CONFIG : REASON_MODEL_FAULT));
    }
    out->objects.header.t_infer_end_ns = p->now_ns();
    out->infer_ns = out->objects.header.t_infer_end_ns - t1;
    if (jump) {
        p->scene.reasons_objects |= bit(REASON_CLOCK_JUMP);
        p->scene.reasons_lanes |= bit(REASON_CLOCK_JUMP);
    }
}

/* An old frame says nothing new: the last answer stands, marked. */
static void look_back(struct pipeline *p)
{
    struct scene *s = &p->scene;

    s->reasons_objects |= bit(REASON_DUPLICATE);
    s->reasons_lanes |= bit(REASON_DUPLICATE);
    if (s->qualifier_objects == QUALIFIER_AVAILABLE)
        s->qualifier_objects = QUALIFIER_AVAILABLE_REDUCED;
    if (s->qualifier_lanes == QUALIFIER_AVAILABLE)
        s->qualifier_lanes = QUALIFIER_AVAILABLE_REDUCED;
}

static void fill_header(const struct pipeline *p, const struct frame *f, struct header *h)
{
    int64_t begin = h->t_infer_begin_ns, end = h->t_infer_end_ns;

    *h = p->header;
    h->has_frame = true;
    h->frame_id = f->header.frame_id;
    h->t_sof_ns = f->header.t_sof_ns;
    h->t_eof_ns = f->header.t_eof_ns;
    h->t_recv_ns = f->t_recv_ns;
    h->t_infer_begin_ns = begin;
    h->t_infer_end_ns = end;
    h->clock_id = f->header.clock_id;
    h->clock_epoch = f->header.clock_epoch;
    h->expected_period_ns = f->period_ns;
}

/* Numbers that are not available have no time that they describe. */
static void fill_state(const struct scene *s, enum qualifier q, uint32_t reasons, struct header *h)
{
    h->qualifier = q;
    h->reasons = reasons;
    h->coverage = s->coverage;
    h->ego = s->ego;
    h->state_time_ns = q == QUALIFIER_NOT_AVAILABLE ? TIME_UNKNOWN : s->state_time_ns;
    h->valid_until_ns = (q == QUALIFIER_NOT_AVAILABLE ? h->t_sof_ns : s->state_time_ns) +
                        valid_for_ns(h->expected_period_ns);
}

void pipeline_run(struct pipeline *p, const struct frame *f, struct answer *out)
{
    struct objects_message *o = &out->objects;
    struct lanes_message *l = &out->lanes;
    struct scene *s = &p->scene;

    out->why.text[0] = '\0';
    out->undecodable = false;
    out->decode_ns = out->infer_ns = 0;
    o->header.t_infer_begin_ns = o->header.t_infer_end_ns = p->now_ns();
    if (f->arrival == ARRIVAL_NEW)
        look(p, f, out);
    else
        look_back(p);

    fill_header(p, f, &o->header);
    l->header = o->header;
    fill_state(s, s->qualifier_objects, s->reasons_objects, &o->header);
    fill_state(s, s->qualifier_lanes, s->reasons_lanes, &l->header);
    o->n_objects = o->header.qualifier == QUALIFIER_NOT_AVAILABLE ? 0 : s->n_objects;
    memcpy(o->object, s->object, sizeof *o->object * (size_t)o->n_objects);
    l->n_lanes = l->header.qualifier == QUALIFIER_NOT_AVAILABLE ? 0 : s->n_lanes;
    memcpy(l->lane, s->lane, sizeof *l->lane * (size_t)l->n_lanes);
    l->ego_lane = s->ego_lane;
    l->road = s->road;
    out->mount = p->perception ? perception_mount(p->perception) : mount_unknown();
}
