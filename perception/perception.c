#include "perception/perception.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "perception/assess.h"
#include "perception/image/quality.h"
#include "perception/motion/ego_filter.h"
#include "perception/motion/ego_sight.h"
#include "perception/motion/mount.h"
#include "perception/nn/net.h"
#include "perception/track/join.h"
#include "perception/track/lanes.h"

enum { WARMUP_FRAMES = 2, MODEL_ID_BYTES = PERCEPTION_MAX_NETWORKS * 20 };

struct network {
    struct head *head;
    bool failed;           /* in this picture */
    struct perceived seen; /* in this picture */
};

struct perception {
    int n_networks;
    struct network network[PERCEPTION_MAX_NETWORKS];
    struct network *objects_from, *lanes_from, *road_from; /* NULL: nobody gives them */
    struct tracker *tracker;
    struct lanes *lanes;
    struct quality quality;
    enum ego_choice ego_choice;
    struct ego_sight *sight; /* our own motion in the pictures... */
    struct ego_filter ego;   /* ...and over time */
    struct mount mount;
    struct camera camera; /* as calibrated; width 0: not */
    char model_id[MODEL_ID_BYTES];

    int frames; /* since the start or a reset, as far as WARMUP_FRAMES */
    int64_t t_ns;
    int width, height;                            /* of the last picture */
    struct detection joined[HEAD_MAX_DETECTIONS]; /* working memory of a frame */
    struct object object[SCENE_MAX_OBJECTS];      /* working memory: before they are sorted */
};

/* ---- opening ------------------------------------------------------------------------------- */

static enum err add_network(struct perception *p, const struct head_config *cfg, struct why *why)
{
    struct network *n = &p->network[p->n_networks];
    size_t used = strlen(p->model_id);
    struct head_config tracked = *cfg;

    tracked.weak_too = true;
    enum err e = head_open(&tracked, &n->head, why);

    if (e != OK)
        return e;
    p->n_networks++;
    unsigned gives = head_gives(n->head);
    if ((gives & HEAD_OBJECTS) && !p->objects_from)
        p->objects_from = n;
    if ((gives & HEAD_LANES) && !p->lanes_from)
        p->lanes_from = n;
    if ((gives & HEAD_ROAD) && !p->road_from)
        p->road_from = n;
    snprintf(p->model_id + used, sizeof p->model_id - used, "%s%s", used ? "+" : "",
             net_id(head_net(n->head)));
    return OK;
}

enum err perception_open(const struct perception_config *cfg, struct perception **out,
                         struct why *why)
{
    struct perception *p;
    enum err e;

    *out = NULL;
    if (cfg->n_networks < 1 || cfg->n_networks > PERCEPTION_MAX_NETWORKS)
        return err_say(why, ERR_LIMIT, "%d networks, must be 1 to %d", cfg->n_networks,
                       PERCEPTION_MAX_NETWORKS);
    p = calloc(1, sizeof *p);
    if (!p)
        return err_say(why, ERR_NOMEM, "no memory for a pipeline");
    for (int i = 0; i < cfg->n_networks; i++)
        if ((e = add_network(p, &cfg->network[i], why)) != OK)
            goto fail;
    const struct tracker_options tracker = {.kind = cfg->tracker,
                                            .cpu_mask = cfg->network[0].cpu_mask};
    if ((e = tracker_open(&tracker, &p->tracker, why)) != OK)
        goto fail;
    const struct lanes_options lanes = {.kind = cfg->tracker, .cpu_mask = cfg->network[0].cpu_mask};
    if ((e = lanes_open(&lanes, &p->lanes, why)) != OK)
        goto fail;
    if ((e = ego_sight_open(&p->sight)) != OK) {
        err_say(why, e, "no memory for pictures");
        goto fail;
    }
    p->ego_choice = cfg->ego;
    quality_init(&p->quality);
    if ((e = perception_calibrate(p, &cfg->camera, why)) != OK)
        goto fail;
    *out = p;
    return OK;
fail:
    perception_close(p);
    return e;
}

void perception_close(struct perception *p)
{
    if (!p)
        return;
    for (int i = 0; i < PERCEPTION_MAX_NETWORKS; i++)
        head_close(p->network[i].head);
    tracker_close(p->tracker);
    lanes_close(p->lanes);
    ego_sight_close(p->sight);
    free(p);
}

static void forget_tracks(struct perception *p)
{
    tracker_reset(p->tracker);
    lanes_reset(p->lanes);
}

static void forget_motion(struct perception *p)
{
    ego_sight_reset(p->sight);
    ego_filter_init(&p->ego);
}

void perception_reset(struct perception *p)
{
    forget_tracks(p);
    forget_motion(p);
    mount_pause(&p->mount);
    quality_init(&p->quality);
    p->frames = 0;
}

enum err perception_calibrate(struct perception *p, const struct camera *c, struct why *why)
{
    enum err e = c->width == 0 ? OK : camera_check(c, why);

    if (e != OK)
        return e;
    p->camera = *c;
    forget_tracks(p);
    forget_motion(p);
    mount_init(&p->mount, c);
    return OK;
}

struct mount_state perception_mount(const struct perception *p)
{
    return mount_state_of(&p->mount);
}

unsigned perception_gives(const struct perception *p)
{
    return (p->objects_from ? HEAD_OBJECTS : 0u) | (p->lanes_from ? HEAD_LANES : 0u) |
           (p->road_from ? HEAD_ROAD : 0u);
}

const char *perception_model_id(const struct perception *p)
{
    return p->model_id;
}

/* ---- one picture --------------------------------------------------------------------------- */

static enum err check_frame(struct perception *p, const struct image *rgb, int64_t t_ns,
                            struct why *why)
{
    const struct camera *c = &p->camera;

    if (rgb->width < 1 || rgb->height < 1 || rgb->width > IMAGE_MAX_SIDE ||
        rgb->height > IMAGE_MAX_SIDE)
        return err_say(why, ERR_MISMATCH, "picture of %d x %d, must be 1 to %d a side", rgb->width,
                       rgb->height, IMAGE_MAX_SIDE);
    if (p->frames && t_ns < p->t_ns)
        return err_say(why, ERR_MISMATCH, "time went back by %lld ns without a reset",
                       (long long)(p->t_ns - t_ns));
    if (c->width == 0)
        return OK;
    double ratio = (double)rgb->width * c->height / ((double)rgb->height * c->width);
    if (ratio < 1 / 1.02 || ratio > 1.02)
        return err_say(why, ERR_MISMATCH,
                       "picture of %d x %d does not have the shape of the calibrated %d x %d "
                       "(2 %% are allowed)",
                       rgb->width, rgb->height, c->width, c->height);
    return OK;
}

/* Tracks are in pixels: they mean nothing in a picture of another size. */
static void follow_size(struct perception *p, const struct image *rgb)
{
    if (p->frames && (rgb->width != p->width || rgb->height != p->height))
        forget_tracks(p);
    p->width = rgb->width;
    p->height = rgb->height;
}

static bool detections_finite(const struct perceived *s)
{
    for (int i = 0; i < s->n_detections; i++) {
        const struct box *b = &s->detection[i].box_px;

        if (!isfinite(b->x1) || !isfinite(b->y1) || !isfinite(b->x2) || !isfinite(b->y2) ||
            !isfinite(s->detection[i].score))
            return false;
    }
    for (int i = 0; i < s->n_curves; i++)
        for (int k = 0; k < s->curve[i].n; k++)
            if (!isfinite(s->curve[i].point[k].x) || !isfinite(s->curve[i].point[k].y))
                return false;
    return true;
}

static void run_networks(struct perception *p, const struct image *rgb)
{
    for (int i = 0; i < p->n_networks; i++) {
        struct network *n = &p->network[i];

        n->failed = head_run(n->head, rgb, &n->seen, NULL) != OK || !detections_finite(&n->seen);
    }
}

/* Dark or covered, and nothing found in it: not an empty road, but no view. */
static bool is_blind(const struct perception *p, uint32_t reasons)
{
    if (!(reasons & (1u << REASON_DARK | 1u << REASON_BLOCKED)))
        return false;
    if (p->objects_from)
        return p->objects_from->seen.n_detections == 0;
    return !p->lanes_from || p->lanes_from->seen.n_curves == 0;
}

static enum qualifier qualify(const struct network *from, bool blind, uint32_t *reasons)
{
    if (!from) {
        *reasons |= 1u << REASON_CONFIG;
        return QUALIFIER_NOT_AVAILABLE;
    }
    if (*reasons & 1u << REASON_FROZEN)
        return QUALIFIER_NOT_AVAILABLE;
    if (from->failed) {
        *reasons |= 1u << REASON_MODEL_FAULT;
        return QUALIFIER_NOT_AVAILABLE;
    }
    if (blind)
        return QUALIFIER_BLIND;
    return *reasons ? QUALIFIER_AVAILABLE_REDUCED : QUALIFIER_AVAILABLE;
}

/* ---- our own motion ------------------------------------------------------------------------ */

static void look_at_motion(struct perception *p, const struct image *rgb, const struct camera *c,
                           int64_t t_ns)
{
    const struct ego_motion expected = ego_filter_motion(&p->ego, c);
    double dip_sigma, dip = mount_dip(&p->mount, &dip_sigma);
    const struct network *objects = p->objects_from, *road = p->road_from;
    const struct network *lanes = p->lanes_from;
    const bool boxes = objects && !objects->failed, lines = lanes && !lanes->failed;
    struct ego_seen seen;
    const struct ego_look look = {
        .rgb = rgb,
        .camera = c,
        .detection = boxes ? objects->seen.detection : NULL,
        .n_detections = boxes ? objects->seen.n_detections : 0,
        .road = road && !road->failed ? &road->seen.road : NULL,
        .curve = lines ? lanes->seen.curve : NULL,
        .n_curves = lines ? lanes->seen.n_curves : 0,
        .t_ns = t_ns,
        .speed_mps = expected.speed_mps,
        .yaw_rate_radps = expected.yaw_rate_radps,
        .yaw_rad = (float)p->mount.yaw,
        .yaw_sigma_rad = (float)sqrt(p->mount.yaw_variance),
        .pitch_rad = (float)dip,
        .pitch_sigma_rad = (float)dip_sigma,
    };

    ego_sight_step(p->sight, &look, &seen);
    ego_filter_update(&p->ego, &seen);
    mount_update(&p->mount, &seen);
}

/* It is looked for whatever else says how we move: the mount is watched by it. repeated: the picture
 * is the one before, and shows nothing of the time between. */
static struct ego_motion find_motion(struct perception *p, const struct image *rgb,
                                     const struct camera *c, const struct ego_motion *told,
                                     bool repeated, int64_t t_ns)
{
    if (p->camera.width > 0 && p->frames) {
        double dt_s = (double)(t_ns - p->t_ns) * 1e-9;

        ego_filter_predict(&p->ego, dt_s);
        mount_predict(&p->mount, dt_s);
    }
    if (p->camera.width > 0 && !repeated)
        look_at_motion(p, rgb, c, t_ns);
    if (told && told->source != EGO_UNKNOWN && p->ego_choice != EGO_FROM_PICTURES)
        return *told;
    return p->ego_choice == EGO_FROM_MESSAGES ? ego_unknown() : ego_filter_motion(&p->ego, c);
}

static void build_objects(struct perception *p, const struct camera *c, int64_t t_ns,
                          const struct ego_motion *ego, struct scene *out)
{
    const struct perceived *seen = &p->objects_from->seen;

    struct camera known = *c;
    if (c->width == 0) { /* not calibrated; it still helps to know where the picture ends */
        known.width = p->width;
        known.height = p->height;
    }
    const int n = detections_join(seen->detection, seen->n_detections, p->joined);

    tracker_step(p->tracker, p->joined, n, &known, ego, t_ns);
    assess_sort(p->object, tracker_objects(p->tracker, p->object, SCENE_MAX_OBJECTS), out);
}

static void build_lanes(struct perception *p, const struct camera *c, int64_t t_ns,
                        const struct ego_motion *ego, struct scene *out)
{
    const struct perceived *seen = &p->lanes_from->seen;

    lanes_step(p->lanes, seen->curve, seen->n_curves, c, p->width, ego ? ego->speed_mps : NAN,
               ego ? ego->yaw_rate_radps : NAN, t_ns);
    lanes_scene(p->lanes, out);
}

/* Each cell is the mean of what the network says of its part of the picture. */
static void build_road(const struct road_mask *mask, struct road *road)
{
    if (mask->width < 1 || mask->height < 1)
        return;
    for (int y = 0; y < SCENE_ROAD_HEIGHT; y++) {
        int y0 = y * mask->height / SCENE_ROAD_HEIGHT;
        int y1 = (y + 1) * mask->height / SCENE_ROAD_HEIGHT;

        for (int x = 0; x < SCENE_ROAD_WIDTH; x++) {
            int x0 = x * mask->width / SCENE_ROAD_WIDTH;
            int x1 = (x + 1) * mask->width / SCENE_ROAD_WIDTH;
            unsigned sum = 0, n = 0;

            for (int v = y0; v < y1 || v == y0; v++)
                for (int u = x0; u < x1 || u == x0; u++, n++)
                    sum += mask->probability[(size_t)v * (size_t)mask->width + (size_t)u];
            road->probability[y * SCENE_ROAD_WIDTH + x] = (uint8_t)((sum + n / 2) / n);
        }
    }
    road->width = SCENE_ROAD_WIDTH;
    road->height = SCENE_ROAD_HEIGHT;
}

enum err perception_run(struct perception *p, const struct image *rgb, int64_t t_ns,
                        const struct ego_motion *ego, struct scene *out, struct why *why)
{
    scene_clear(out);
    enum err e = check_frame(p, rgb, t_ns, why);
    if (e != OK)
        return e;
    follow_size(p, rgb);
    struct camera camera = camera_scaled(&p->camera, rgb->width, rgb->height);
    uint32_t reasons = quality_look(&p->quality, rgb);
    bool frozen = reasons & 1u << REASON_FROZEN;

    bool repeated = p->quality.equal > 1;

    if (!frozen) /* nothing new to see, and a tracker would take it for a standstill */
        run_networks(p, rgb);
    if (p->camera.width == 0)
        reasons |= 1u << REASON_UNCALIBRATED;
    out->ego = find_motion(p, rgb, &camera, ego, repeated, t_ns);
    ego = &out->ego;
    if (p->frames < WARMUP_FRAMES) {
        reasons |= 1u << REASON_WARMUP;
        p->frames++;
    }
    p->t_ns = t_ns;

    bool blind = is_blind(p, reasons);
    out->state_time_ns = t_ns;
    out->reasons_objects = out->reasons_lanes = reasons;
    out->qualifier_objects = qualify(p->objects_from, blind, &out->reasons_objects);
    out->qualifier_lanes = qualify(p->lanes_from, blind, &out->reasons_lanes);
    out->coverage = assess_coverage(&camera);
    if (out->qualifier_objects != QUALIFIER_NOT_AVAILABLE)
        build_objects(p, &camera, t_ns, ego, out);
    if (out->qualifier_lanes != QUALIFIER_NOT_AVAILABLE)
        build_lanes(p, &camera, t_ns, ego, out);
    if (p->road_from && !frozen && !blind && !p->road_from->failed)
        build_road(&p->road_from->seen.road, &out->road);
    assess_way(out, ego);
    assess_ground(out);
    return OK;
}
