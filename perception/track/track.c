#include "perception/track/track.h"

#include <math.h>
#include <string.h>

#include "perception/track/answers.h"
#include "perception/track/locate.h"

/* Log odds: a detection adds what its score says, a miss takes away. Bounded, so that a track of
 * ten minutes dies as quickly as one of a second. Two detections of score 0.7 confirm, or four of
 * 0.5; from the top, half a second without any lets go. */
static const float LOG_ODDS_MAX = 4, LOG_ODDS_CONFIRMED = 0.5f, LOG_ODDS_DEAD = -1,
                   LOG_ODDS_TENTATIVE_DEAD = -2.5f;
static const float MISS = 0.8f, MISS_COVERED = 0.3f; /* per 0.1 s */
static const int64_t LONGEST_COAST_NS = 1500000000, LONGEST_COAST_LEARNED_NS = 2500000000;
/* Of a track that a network judges: logits. */
static const float EXISTS_CONFIRMED = 0, EXISTS_DEAD = -2, LOG_ODDS_LATE_DEAD = -4;
enum { TENTATIVE_MISSES = 2 };

/* White acceleration, per second: (m/s^2)^2, relative to us, so our own braking counts too. */
static const double VEHICLE_UNREST = 4, OTHER_UNREST = 2;

static float clampf(float v, float lo, float hi)
{
    return fminf(fmaxf(v, lo), hi);
}

static float square(float v)
{
    return v * v;
}

static float score_log_odds(float score)
{
    float p = clampf(score, 0.01f, 0.99f);

    return logf(p / (1 - p));
}

/* Spread of a detection's edges, made sane: x1 y1 x2 y2, px. */
static void detection_sigma(const struct detection *d, float sigma_px[4])
{
    float w = d->box_px.x2 - d->box_px.x1, h = d->box_px.y2 - d->box_px.y1;

    for (int i = 0; i < 4; i++) {
        float side = i % 2 ? h : w, s = d->sigma_px[i];

        if (!(s > 0 && s < side)) /* the decoder gives none */
            s = 1 + 0.03f * side;
        sigma_px[i] = fmaxf(s, 0.5f);
    }
}

/* ---- the box in the picture ---------------------------------------------------------------- */

struct box track_box(const struct track *t, const struct camera *camera)
{
    const struct kalman_axis *e = t->edge;
    struct box b = {e[0].x, e[1].x, fmaxf(e[2].x, e[0].x + 1), fmaxf(e[3].x, e[1].x + 1)};
    float w = (float)camera->width, h = (float)camera->height;
    struct box in = {clampf(b.x1, 0, w), clampf(b.y1, 0, h), clampf(b.x2, 0, w),
                     clampf(b.y2, 0, h)};

    return in.x2 - in.x1 >= 1 && in.y2 - in.y1 >= 1 ? in : b;
}

struct box_reading box_read(const struct detection *d, const struct camera *camera)
{
    const struct box *b = &d->box_px;
    struct box_reading r = {.edge = {b->x1, b->y1, b->x2, b->y2}};
    float sigma[4];

    detection_sigma(d, sigma);
    for (int i = 0; i < 4; i++)
        r.variance[i] = square(sigma[i]);
    if (camera->width > 0)
        r.cut = box_cut_sides(b, camera->width, camera->height);
    return r;
}

bool track_edge_hidden(const struct track *t, const struct box_reading *r, int i)
{
    return (r->cut & 1u << i) && (i < 2 ? t->edge[i].x <= r->edge[i] : t->edge[i].x >= r->edge[i]);
}

static void start_box(struct track *t, const struct box_reading *r)
{
    float w = r->edge[2] - r->edge[0], h = r->edge[3] - r->edge[1];

    for (int i = 0; i < 4; i++) {
        float sigma = sqrtf(r->variance[i]);

        if (r->cut & 1u << i)
            sigma = i % 2 ? h : w;
        /* What comes towards us at 30 m/s, or crosses. */
        t->edge[i] = kalman_axis_start(r->edge[i], sigma, i % 2 ? 0.7f * h + 40 : 1.5f * h + 60);
    }
}

struct growth { /* of the box, per second: 1 / the time to contact */
    float rate, variance;
};

/* Of width (0) or height (1). */
static struct growth growth_along(const struct track *t, int axis)
{
    const struct kalman_axis *a = &t->edge[axis], *b = &t->edge[axis + 2];
    float size = fmaxf(b->x - a->x, 2);
    float rate = (b->v - a->v) / size;

    return (struct growth){rate, (a->vv + b->vv + square(rate) * (a->xx + b->xx)) / square(size)};
}

static struct growth track_growth(const struct track *t)
{
    struct growth w = growth_along(t, 0), h = growth_along(t, 1);

    return w.variance < h.variance ? w : h;
}

static void predict_box(struct track *t, float dt)
{
    struct growth g = track_growth(t);
    float h = clampf(t->edge[3].x - t->edge[1].x, 1, 2000);
    float sure = square(g.rate) / (square(g.rate) + g.variance); /* noise must not stretch */
    float stretch = 1 / (1 - clampf(sure * g.rate * dt, -0.5f, 0.4f));

    /* Near things move faster; the rest is our own turning and nodding. */
    for (int i = 0; i < 4; i++)
        kalman_axis_predict(&t->edge[i], dt, stretch,
                            i % 2 ? square(0.5f * h) + square(40) : square(h) + square(60));
    for (int i = 0; i < 4; i++)
        t->edge[i].x = clampf(t->edge[i].x, -1e4f, 2e4f);
}

static const float TREND_S[2] = {1, 3};

static void trends_pass(struct track *t, float dt)
{
    for (int i = 0; i < 2; i++) {
        trend_pass(&t->log_height[i], dt, TREND_S[i]);
        trend_pass(&t->log_width[i], dt, TREND_S[i]);
        trend_pass(&t->place[i][0], dt, TREND_S[i]);
        trend_pass(&t->place[i][1], dt, TREND_S[i]);
    }
}

static void trend_box(struct track *t, const struct box_reading *r)
{
    float height = logf((r->edge[3] - r->edge[1]) / 40);
    float width = logf((r->edge[2] - r->edge[0]) / 40);

    for (int i = 0; i < 2; i++) {
        if (!(r->cut & (SIDE_TOP | SIDE_BOTTOM)))
            trend_add(&t->log_height[i], height);
        if (!(r->cut & (SIDE_LEFT | SIDE_RIGHT)))
            trend_add(&t->log_width[i], width);
    }
}

/* A hidden edge may be anywhere beyond the picture, but not farther out by much more than what is
 * inside: otherwise it would run on for ever with the speed it last had. */
static void update_box(struct track *t, const struct box_reading *r)
{
    t->cut = r->cut;
    trend_box(t, r);
    for (int i = 0; i < 4; i++) {
        float inside = r->edge[i % 2 + 2] - r->edge[i % 2];
        bool hidden = track_edge_hidden(t, r, i);

        if (!hidden) {
            t->surprise_px[i] = r->edge[i] - t->edge[i].x;
            t->surprise_sigmas[i] = t->surprise_px[i] / sqrtf(t->edge[i].xx + r->variance[i]);
        }
        kalman_axis_update(&t->edge[i], r->edge[i], hidden ? square(inside) : r->variance[i]);
    }
}

/* ---- the place in metres ------------------------------------------------------------------- */

static void learn_extent(struct extent *e, bool *measured, float m, float sigma)
{
    if (!(m > 0) || !(sigma > 0))
        return;
    /* Frames repeat each other's mistakes: ten of them count as one. */
    float variance = square(e->sigma), gain = variance / (variance + 10 * square(sigma));
    e->m += gain * (m - e->m);
    e->sigma = fmaxf(e->sigma * sqrtf(1 - gain), sigma);
    *measured = true;
}

static void start_extents(struct track *t)
{
    const struct class_size *size = class_size(track_class(t));

    t->width = (struct extent){size->width, size->width_sigma};
    t->height = (struct extent){size->height, size->height_sigma};
    t->measured_width = t->measured_height = false;
}

static void update_metres(struct track *t, const struct detection *d, float covered,
                          const struct camera *camera)
{
    static const double start_sigma_v[2] = {15, 5}; /* parked cars come at our own speed */
    struct located at;
    float sigma[4];

    const struct told told = {d->distance_per_px * camera->fx, d->distance_sigma};

    detection_sigma(d, sigma);
    if (camera->width <= 0 ||
        !locate_box(camera, &d->box_px, sigma, track_class(t), covered, &told, &at))
        return;
    if (t->has_metres)
        kalman_plane_update(&t->metres, at.at_m, at.covariance);
    else
        kalman_plane_start(&t->metres, at.at_m, at.covariance, start_sigma_v);
    t->has_metres = true;
    memcpy(t->located_m, at.at_m, sizeof t->located_m);
    for (int i = 0; i < 4; i++)
        trend_add(&t->place[i / 2][i % 2], (float)at.at_m[i % 2]);
    t->told_m = told.m;
    t->told_sigma = told.sigma;
    t->z_m = at.z_m;
    t->lasting_ground = at.lasting_ground;
    t->lasting_size = at.lasting_size;
    t->lasting_y_m = at.lasting_y_m;
    t->lever_y_m = at.lever_y_m;
    /* Only a measure that says more than knowing the class is worth having. */
    const struct class_size *usual = class_size(track_class(t));
    if (at.width_sigma_m < usual->width_sigma)
        learn_extent(&t->width, &t->measured_width, at.width_m, at.width_sigma_m);
    if (at.height_sigma_m < usual->height_sigma)
        learn_extent(&t->height, &t->measured_height, at.height_m, at.height_sigma_m);
}

/* ---- life ---------------------------------------------------------------------------------- */

enum object_class track_class(const struct track *t)
{
    return t->class;
}

static void hear_evidence(struct track *t, const struct detection *d)
{
    t->evidence[d->class] += d->score - d->other_score;
    t->evidence[d->other] += d->other_score;
    t->class = 0;
    for (int i = 1; i < OBJECT_CLASS_COUNT; i++)
        if (t->evidence[i] > t->evidence[t->class])
            t->class = i;
}

static void count_hit(struct track *t, const struct detection *d, float covered, int64_t t_ns)
{
    t->hits++;
    t->misses = 0;
    t->seen_ns = t_ns;
    t->score = d->score;
    t->covered = covered;
    if (!t->answer && t->hits >= 2 && t->log_odds > LOG_ODDS_CONFIRMED)
        t->confirmed = true;
}

void track_start(struct track *t, uint64_t id, const struct detection *d, float covered,
                 const struct camera *camera, int64_t t_ns)
{
    *t = (struct track){.id = id,
                        .born_ns = t_ns,
                        .log_odds = clampf(score_log_odds(d->score) - 1.5f, -2, 1),
                        .located_m = {NAN, NAN}};
    hear_evidence(t, d);
    count_hit(t, d, covered, t_ns);
    start_extents(t);
    struct box_reading r = box_read(d, camera);
    start_box(t, &r);
    trend_box(t, &r);
    update_metres(t, d, covered, camera);
}

void track_predict(struct track *t, float dt)
{
    bool vehicle = class_kind(track_class(t)) == KIND_VEHICLE;

    t->score = NAN;
    t->cut = 0;
    for (int i = 0; i < 4; i++)
        t->surprise_px[i] = t->surprise_sigmas[i] = 0;
    t->located_m[0] = t->located_m[1] = NAN;
    t->told_m = 0;
    trends_pass(t, dt);
    predict_box(t, dt);
    if (t->has_metres)
        kalman_plane_predict(&t->metres, (double)dt, vehicle ? VEHICLE_UNREST : OTHER_UNREST);
}

void track_update(struct track *t, const struct detection *d, float covered,
                  const struct camera *camera, int64_t t_ns)
{
    enum object_class before = track_class(t);

    t->log_odds =
        fminf(t->log_odds + clampf(score_log_odds(d->score) + 0.7f, 0.1f, 2), LOG_ODDS_MAX);
    for (int i = 0; i < OBJECT_CLASS_COUNT; i++)
        t->evidence[i] *= 0.95f; /* the last 20 frames speak */
    hear_evidence(t, d);
    count_hit(t, d, covered, t_ns);
    if (track_class(t) != before)
        start_extents(t);
    struct box_reading r = box_read(d, camera);
    update_box(t, &r);
    update_metres(t, d, covered, camera);
}

void track_miss(struct track *t, float dt)
{
    float cost = t->covered > 0.4f ? MISS_COVERED : MISS;

    t->misses++;
    t->log_odds -= cost * clampf(dt / 0.1f, 0.3f, 1.5f);
}

void track_judge(struct track *t)
{
    if (t->hits >= 2 && t->log_odds > LOG_ODDS_CONFIRMED &&
        t->answer[ANSWER_EXISTS] > EXISTS_CONFIRMED)
        t->confirmed = true;
}

bool track_dead(const struct track *t, int64_t now_ns, bool late)
{
    if (now_ns - t->seen_ns > (t->answer || late ? LONGEST_COAST_LEARNED_NS : LONGEST_COAST_NS))
        return true;
    if (t->answer && !late)
        return t->misses > 0 && t->answer[ANSWER_EXISTS] < EXISTS_DEAD;
    if (late)
        return t->log_odds < LOG_ODDS_LATE_DEAD;
    if (t->confirmed)
        return t->log_odds < LOG_ODDS_DEAD;
    return t->misses > TENTATIVE_MISSES || t->log_odds < LOG_ODDS_TENTATIVE_DEAD;
}

float track_existence(const struct track *t)
{
    return 1 / (1 + expf(-(t->answer ? t->answer[ANSWER_EXISTS] : t->log_odds)));
}

/* ---- what others get to see ---------------------------------------------------------------- */

static void object_classes(const struct track *t, struct object *o)
{
    float left[OBJECT_CLASS_COUNT], sum = 0;

    for (int i = 0; i < OBJECT_CLASS_COUNT; i++)
        sum += left[i] = t->evidence[i];
    for (int n = 0; n < SCENE_MAX_CANDIDATES; n++) {
        int best = 0;

        for (int i = 1; i < OBJECT_CLASS_COUNT; i++)
            if (left[i] > left[best])
                best = i;
        if (!(left[best] > 0.05f * sum))
            return;
        o->classes[n].class = best;
        o->classes[n].probability = left[best] / sum;
        o->n_classes = n + 1;
        left[best] = 0;
    }
}

static void object_box(const struct track *t, const struct camera *camera, struct object *o)
{
    const float edge[4] = {t->edge[0].x, t->edge[1].x, t->edge[2].x, t->edge[3].x};

    o->box_px = track_box(t, camera);
    for (int i = 0; i < 4; i++)
        o->box_sigma_px[i] = sqrtf(t->edge[i].xx);
    if (camera->width > 0) /* an edge of the picture is where the box ends for sure */
        for (int i = 0; i < 4; i++) {
            float end = i < 2 ? 0 : (float)(i == 2 ? camera->width : camera->height);

            if (i < 2 ? edge[i] < end : edge[i] > end)
                o->box_sigma_px[i] = 1;
        }
}

/* The share of the whole that lies outside. A thing that has always been cut was never seen whole;
 * then metres say how large it should be. */
static void object_truncation(const struct track *t, const struct camera *camera, struct object *o)
{
    if (camera->width <= 0)
        return;
    const struct box *in = &o->box_px;
    unsigned cut = box_cut_sides(in, camera->width, camera->height);
    float w = fmaxf(t->edge[2].x - t->edge[0].x, in->x2 - in->x1);
    float h = fmaxf(t->edge[3].x - t->edge[1].x, in->y2 - in->y1);

    if (t->has_metres) {
        float r = hypotf((float)t->metres.s[0] - camera->x_m, (float)t->metres.s[1] - camera->y_m);

        if (cut & (SIDE_LEFT | SIDE_RIGHT))
            w = fmaxf(w, t->width.m * camera->fx / fmaxf(r, 1));
        if (cut & (SIDE_TOP | SIDE_BOTTOM))
            h = fmaxf(h, t->height.m * camera->fy / fmaxf(r, 1));
    }
    o->truncation = clampf(1 - (in->x2 - in->x1) * (in->y2 - in->y1) / (w * h), 0, 1);
}

/* Covariance of (x, y, vx, vy): what the filter says, and what lasts. The road's part of that grows
 * with the square of the distance, so in speed it counts twice. */
static void lasting_covariance(const struct track *t, const struct camera *camera, double p[4][4])
{
    double x = t->metres.s[0] - (double)camera->x_m;
    double y = t->metres.s[1] - (double)camera->y_m + (double)t->lever_y_m;
    double vx = t->metres.s[2], vy = t->metres.s[3];
    double g = (double)t->lasting_ground, s = (double)t->lasting_size;
    double ground[4] = {g * x, g * y, 2 * g * vx, 2 * g * vy};
    double size[4] = {s * x, s * y, s * vx, s * vy};

    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            p[i][j] = t->metres.p[i][j] + ground[i] * ground[j] + size[i] * size[j];
    p[1][1] += (double)square(t->lasting_y_m);
}

static void object_path(const struct track *t, double p[4][4], struct object *o)
{
    double q = class_kind(track_class(t)) == KIND_VEHICLE ? VEHICLE_UNREST : OTHER_UNREST;

    for (int i = 0; i < SCENE_PATH_POINTS; i++) {
        double s = 0.5 * (i + 1), unrest = q * s * s * s / 3;

        o->path[i] =
            (struct path_point){(float)s, (float)(t->metres.s[0] + s * t->metres.s[2]),
                                (float)(t->metres.s[1] + s * t->metres.s[3]),
                                (float)sqrt(p[0][0] + 2 * s * p[0][2] + s * s * p[2][2] + unrest),
                                (float)sqrt(p[1][1] + 2 * s * p[1][3] + s * s * p[3][3] + unrest)};
    }
    o->n_path = SCENE_PATH_POINTS;
}

/* gap / closing, where closing is larger than its own spread leaves open. */
static void object_ttc(struct object *o, enum ttc_method method, double gap, double closing,
                       double var_gap, double var_closing, double between)
{
    const double longest_s = 60;

    if (!(closing > 0.01 * gap) || closing * closing < 4 * var_closing || gap > longest_s * closing)
        return;
    double ttc = gap / closing;
    double relative =
        var_gap / (gap * gap) + var_closing / (closing * closing) - 2 * between / (gap * closing);
    o->ttc_s = (float)ttc;
    o->ttc_sigma_s = (float)(ttc * sqrt(fmax(relative, 0)));
    o->ttc_method = method;
}

/* Time until it reaches the plane of the camera's lens. */
static void object_ttc_position(const struct track *t, const struct camera *camera, double p[4][4],
                                struct object *o)
{
    double x = t->metres.s[0] - (double)camera->x_m, y = t->metres.s[1] - (double)camera->y_m;
    double r = hypot(x, y), u[2] = {x / fmax(r, 1e-3), y / fmax(r, 1e-3)};
    double closing = -(u[0] * t->metres.s[2] + u[1] * t->metres.s[3]);
    double var_r = 0, var_v = 0, rv = 0;

    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            var_r += u[i] * u[j] * p[i][j];
            var_v += u[i] * u[j] * p[i + 2][j + 2];
            rv -= u[i] * u[j] * p[i][j + 2];
        }
    object_ttc(o, TTC_POSITION, r, closing, var_r, var_v, rv);
}

static void object_metres(const struct track *t, const struct camera *camera, struct object *o)
{
    const double *s = t->metres.s;
    double p[4][4];

    lasting_covariance(t, camera, p);
    o->reference = REFERENCE_NEAR_FACE;
    o->x_m = (float)s[0];
    o->y_m = (float)s[1];
    o->z_m = t->z_m;
    o->vx_mps = (float)s[2];
    o->vy_mps = (float)s[3];
    o->velocity_reference = VELOCITY_RELATIVE_TO_EGO;
    for (int i = 0, k = 0; i < STATE_DIM; i++)
        for (int j = i; j < STATE_DIM; j++, k++)
            if (i < 4 && j < 4) /* accelerations stay unknown */
                o->covariance[k] = (float)p[i][j];
    object_ttc_position(t, camera, p, o);
    object_path(t, p, o);
}

static void object_extents(const struct track *t, struct object *o)
{
    const struct class_size *size = class_size(track_class(t));

    o->length_m = size->length;
    o->length_sigma_m = size->length_sigma;
    o->width_m = t->width.m;
    o->width_sigma_m = t->width.sigma;
    o->height_m = t->height.m;
    o->height_sigma_m = t->height.sigma;
    o->dimension_source =
        t->measured_width && t->measured_height ? DIMENSION_MEASURED : DIMENSION_PRIOR;
}

void track_object(const struct track *t, const struct camera *camera, int64_t now_ns,
                  struct object *o)
{
    object_clear(o);
    o->id = t->id;
    o->existence = track_existence(t);
    o->detection_score = t->score;
    o->age_ns = now_ns - t->born_ns;
    o->hits = t->hits;
    o->measurement = t->misses ? MEASUREMENT_PREDICTED : MEASUREMENT_MEASURED;
    o->occlusion = t->covered;
    object_classes(t, o);
    object_box(t, camera, o);
    object_truncation(t, camera, o);
    object_extents(t, o);
    if (t->has_metres)
        object_metres(t, camera, o);
    else {
        struct growth g = track_growth(t);

        object_ttc(o, TTC_SCALE, 1, (double)g.rate, 0, (double)g.variance, 0);
    }
    if (t->answer)
        answer_object(t, camera, o);
}
