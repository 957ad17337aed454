#include "perception/track/answers.h"

#include <math.h>
#include <string.h>

#include "perception/track/locate.h"

static float bounded(float v, float most)
{
    return isfinite(v) ? fminf(fmaxf(v, -most), most) : 0;
}

static float logit(float p)
{
    p = fminf(fmaxf(p, 0.01f), 0.99f);
    return logf(p / (1 - p));
}

static float width_of(const struct track *t)
{
    return fmaxf(t->edge[2].x - t->edge[0].x, 2);
}

static float height_of(const struct track *t)
{
    return fmaxf(t->edge[3].x - t->edge[1].x, 2);
}

static float range_of(const struct track *t, const struct camera *camera)
{
    return fmaxf(hypotf((float)t->metres.s[0] - camera->x_m, (float)t->metres.s[1] - camera->y_m),
                 1);
}

void answer_units(const struct track *t, const struct camera *camera, struct answer_units *u)
{
    float r = t->has_metres ? range_of(t, camera) : 1;

    for (int i = 0; i < 4; i++)
        u->state[i] =
            (i < 2 ? 0.2f + 0.05f * r : 0.5f + 0.03f * r) + 0.5f * (float)sqrt(t->metres.p[i][i]);
    u->state[4] = u->state[5] = 1.5f;
    u->rate_1ps = 0.02f + 0.5f * u->state[2] / r;
    for (int i = 0; i < SCENE_PATH_POINTS; i++)
        for (int k = 0; k < 2; k++)
            u->path_m[i][k] = u->state[k] + 0.5f * (float)(i + 1) * u->state[2 + k];
}

float filter_closing_rate(const struct track *t, const struct camera *camera)
{
    double x = t->metres.s[0] - (double)camera->x_m, y = t->metres.s[1] - (double)camera->y_m;
    double r2 = fmax(x * x + y * y, 1);

    return bounded((float)(-(x * t->metres.s[2] + y * t->metres.s[3]) / r2), 5);
}

/* ---- questions ----------------------------------------------------------------------------- */
static int life_features(const struct track *t, const struct asked_now *now, float *x)
{
    const struct class_size *size = class_size(track_class(t));
    enum class_kind kind = class_kind(track_class(t));
    bool seen = !isnan(t->score);
    int n = 0;

    x[n++] = seen;
    x[n++] = seen ? logit(t->score) / 2 : 0;
    x[n++] = t->covered;
    x[n++] = log2f(fmaxf(now->dt_s, 0.01f) / 0.1f);
    x[n++] = log1pf((float)(now->now_ns - t->born_ns) * 1e-9f);
    x[n++] = (float)(now->now_ns - t->seen_ns) * 1e-9f;
    x[n++] = log1pf((float)t->hits) / 3;
    x[n++] = t->log_odds / 4;
    x[n++] = kind == KIND_VEHICLE;
    x[n++] = kind == KIND_PERSON;
    x[n++] = size->height / 2;
    x[n++] = size->width / 2;
    return n;
}

static int box_features(const struct track *t, const struct camera *camera, float *x)
{
    const struct kalman_axis *e = t->edge;
    float w = width_of(t), h = height_of(t);
    float W = fmaxf((float)camera->width, 1), H = fmaxf((float)camera->height, 1);
    int n = 0;

    x[n++] = logf(h / 40);
    x[n++] = logf(h / H) + 2;
    x[n++] = logf(w / h);
    x[n++] = (e[0].x + e[2].x) / (2 * W) - 0.5f;
    x[n++] = e[3].x / H - 0.5f;
    for (int i = 0; i < 4; i++)
        x[n++] = (t->cut >> i) & 1u;
    for (int i = 0; i < 4; i++)
        x[n++] = 5 * bounded(t->surprise_px[i] / (i % 2 ? h : w), 0.6f);
    for (int i = 0; i < 4; i++)
        x[n++] = bounded(t->surprise_sigmas[i] / 2, 3);
    x[n++] = bounded((e[2].v - e[0].v) / w, 3);
    x[n++] = bounded((e[3].v - e[1].v) / h, 3);
    x[n++] = bounded((e[2].v + e[0].v) / (2 * w), 3);
    x[n++] = bounded(e[3].v / h, 3);
    x[n++] = bounded(logf(e[3].vv / (h * h)) / 2, 4);
    for (int i = 0; i < 2; i++) {
        x[n++] = bounded(2 * trend_slope(&t->log_height[i]), 3);
        x[n++] = bounded(2 * trend_slope(&t->log_width[i]), 3);
    }
    return n;
}

static int metre_features(const struct track *t, const struct camera *camera, float *x)
{
    const struct class_size *size = class_size(track_class(t));
    struct answer_units u;
    int n = 0;

    if (!t->has_metres)
        return 0;
    answer_units(t, camera, &u);
    float r = range_of(t, camera);
    x[n++] = 1;
    x[n++] = bounded((float)t->metres.s[0] / 40, 4);
    x[n++] = bounded((float)t->metres.s[1] / 10, 4);
    x[n++] = logf(r / 20);
    x[n++] = bounded((float)t->metres.s[2] / 10, 4);
    x[n++] = bounded((float)t->metres.s[3] / 5, 4);
    x[n++] = bounded(filter_closing_rate(t, camera) * 2, 4);
    for (int i = 0; i < 4; i++)
        x[n++] = bounded(logf((float)sqrt(t->metres.p[i][i]) / u.state[i]), 4);
    for (int i = 0; i < 2; i++)
        x[n++] = isnan(t->located_m[i])
                     ? 0
                     : bounded((float)(t->located_m[i] - t->metres.s[i]) / u.state[i], 4);
    for (int i = 0; i < 4; i++) {
        float off = trend_slope(&t->place[i / 2][i % 2]) - (float)t->metres.s[2 + i % 2];

        x[n++] = bounded(off / u.state[2 + i % 2], 4);
    }
    x[n++] = t->told_m > 0 ? bounded(5 * logf(t->told_m / r), 3) : 0;
    x[n++] = t->told_m > 0 ? fminf(10 * t->told_sigma, 3) : 0;
    x[n++] = 10 * t->lasting_ground;
    x[n++] = 10 * t->lasting_size;
    x[n++] = 3 * bounded(t->width.m / size->width - 1, 1);
    x[n++] = 3 * bounded(t->height.m / size->height - 1, 1);
    return n;
}

void track_features(const struct track *t, const struct asked_now *now, float x[TRACK_FEATURES])
{
    int n = life_features(t, now, x);

    n += box_features(t, now->camera, x + n);
    n += metre_features(t, now->camera, x + n);
    while (n < TRACK_FEATURES - 3)
        x[n++] = 0;
    bool known = !isnan(now->ego.speed_mps);
    x[n++] = known;
    x[n++] = known ? now->ego.speed_mps / 20 : 0;
    x[n++] = isnan(now->ego.yaw_rate_radps) ? 0 : bounded(3 * now->ego.yaw_rate_radps, 4);
}

/* By the box that the track's own network expects, where there is one. */
static int expected_features(const struct pair *p, float *x)
{
    const struct track *t = p->track;
    const struct box *d = &p->detection->box_px;
    const float edge[4] = {d->x1, d->y1, d->x2, d->y2};
    float w = width_of(t), h = height_of(t), off = 0;

    if (!t->answer)
        return 0;
    for (int i = 0; i < 4; i++) {
        float size = i % 2 ? h : w;
        float mean = t->edge[i].x + size * bounded(t->answer[ANSWER_BOX + i], 0.5f);
        float sigma = expf(bounded(t->answer[ANSWER_BOX_SCALE + i], 4)) + 0.02f;
        float z = bounded((edge[i] - mean) / (size * sigma), 10);

        x[i] = z / 4;
        off += z * z;
    }
    x[4] = 1;
    x[5] = sqrtf(off) / 6;
    return 6;
}

void pair_features(const struct pair *p, float x[PAIR_FEATURES])
{
    const struct box *a = p->predicted, *b = &p->detection->box_px;
    float w = fmaxf(a->x2 - a->x1, 2), h = fmaxf(a->y2 - a->y1, 2);
    int n = 0;

    x[n++] = p->iou;
    x[n++] = p->iou > 0;
    x[n++] = fminf(p->off / 20, 3);
    x[n++] = bounded((b->x1 + b->x2 - a->x1 - a->x2) / w, 3);
    x[n++] = 2 * bounded((b->y2 - a->y2) / h, 3);
    x[n++] = 2 * bounded(logf((b->x2 - b->x1) / w), 2);
    x[n++] = 2 * bounded(logf((b->y2 - b->y1) / h), 2);
    x[n++] = logit(p->detection->score) / 2;
    x[n++] = p->covered;
    /* Real detectors take a person for a cyclist and back, those of the drives that this was learnt from
     * do not: a kind is enough. */
    x[n++] = class_kind(p->detection->class) == class_kind(track_class(p->track));
    x[n++] = p->rival_track;
    x[n++] = p->rival_choice;
    x[n++] = p->track->confirmed;
    x[n++] = fminf((float)p->track->misses / 4, 3);
    n += expected_features(p, x + n);
    while (n < PAIR_FEATURES)
        x[n++] = 0;
}

bool pair_obvious(const float x[PAIR_FEATURES])
{
    enum { IOU = 0, RIVAL_TRACK = 10, RIVAL_CHOICE = 11 };
    const float same = 0.5f, other = 0.2f;

    return x[IOU] > same && x[RIVAL_TRACK] < other && x[RIVAL_CHOICE] < other;
}

/* ---- answers ------------------------------------------------------------------------------- */
static double scale(float log_sigma)
{
    return exp((double)bounded(log_sigma, 5));
}

/* With r the errors of the six numbers in units: r_i = e_i - sum over lags k of c r_(i-k), the e_i
 * independent, each with its sigma; a modified Cholesky decomposition (Pourahmadi 1999). */
static void answer_covariance(const float *y, double cov[STATE_DIM][STATE_DIM])
{
    static const int of_lag[STATE_DIM] = {0, 0, 5, 9, 12, 14};
    double row[STATE_DIM][STATE_DIM] = {{0}};

    for (int i = 0; i < STATE_DIM; i++) {
        row[i][i] = 1;
        for (int k = 1; k <= i; k++) {
            double c = (double)bounded(y[ANSWER_CHAIN + of_lag[k] + i - k], 5);

            for (int j = 0; j < STATE_DIM; j++)
                row[i][j] -= c * row[i - k][j];
        }
    }
    for (int i = 0; i < STATE_DIM; i++)
        for (int j = i; j < STATE_DIM; j++) {
            cov[i][j] = 0;
            for (int k = 0; k <= i; k++) {
                double s = scale(y[ANSWER_STATE_SCALE + k]);

                cov[i][j] += row[i][k] * row[j][k] * s * s;
            }
        }
}

static void answer_state(const struct track *t, const struct answer_units *u, struct object *o)
{
    const float *unit = u->state;
    float *to[STATE_DIM] = {&o->x_m, &o->y_m, &o->vx_mps, &o->vy_mps, &o->ax_mps2, &o->ay_mps2};
    double cov[STATE_DIM][STATE_DIM];

    answer_covariance(t->answer, cov);
    for (int i = 0, k = 0; i < STATE_DIM; i++) {
        float filter = i < 4 ? (float)t->metres.s[i] : 0;

        *to[i] = filter + unit[i] * bounded(t->answer[ANSWER_STATE + i], ANSWER_MOST);
        for (int j = i; j < STATE_DIM; j++)
            o->covariance[k++] = (float)cov[i][j] * unit[i] * unit[j];
    }
}

static void answer_path(const struct track *t, const struct answer_units *u, struct object *o)
{
    const float *mean = t->answer + ANSWER_PATH, *log_sigma = t->answer + ANSWER_PATH_SCALE;

    for (int i = 0; i < SCENE_PATH_POINTS; i++) {
        const float s = 0.5f * (float)(i + 1), *unit = u->path_m[i];
        const double *at = t->metres.s;

        o->path[i] = (struct path_point){
            s, (float)at[0] + s * (float)at[2] + unit[0] * mean[2 * i],
            (float)at[1] + s * (float)at[3] + unit[1] * mean[2 * i + 1],
            unit[0] * (float)scale(log_sigma[2 * i]), unit[1] * (float)scale(log_sigma[2 * i + 1])};
    }
    o->n_path = SCENE_PATH_POINTS;
}

static void answer_ttc(const struct track *t, const struct camera *camera,
                       const struct answer_units *u, struct object *o)
{
    const float longest_s = 60;
    float rate =
        filter_closing_rate(t, camera) + u->rate_1ps * bounded(t->answer[ANSWER_RATE], ANSWER_MOST);
    float sigma = u->rate_1ps * (float)scale(t->answer[ANSWER_RATE_SCALE]);

    o->ttc_s = o->ttc_sigma_s = NAN;
    if (!(rate > 2 * sigma) || rate * longest_s < 1)
        return;
    o->ttc_s = 1 / rate;
    o->ttc_sigma_s = sigma / (rate * rate);
    o->ttc_method = TTC_POSITION;
}

/* Unseen, it is where the network expected it; the filter goes on alone. */
static void answer_box(const struct track *t, struct object *o)
{
    float w = width_of(t), h = height_of(t);

    for (int i = 0; t->misses && i < 4; i++)
        o->box_sigma_px[i] = hypotf(
            o->box_sigma_px[i], (i % 2 ? h : w) * (float)scale(t->answer[ANSWER_BOX_SCALE + i]));
}

void answer_object(const struct track *t, const struct camera *camera, struct object *o)
{
    struct answer_units u;

    answer_box(t, o);
    if (!t->has_metres)
        return;
    answer_units(t, camera, &u);
    answer_state(t, &u, o);
    answer_ttc(t, camera, &u, o);
    answer_path(t, &u, o);
}
