#include "perception/motion/ego_sight.h"

#include <math.h>
#include <stdlib.h>

#include "perception/motion/corners.h"
#include "perception/motion/gray.h"
#include "perception/motion/patch.h"
#include "perception/motion/two_views.h"

enum { MAX_ROAD = 80, MAX_OTHER = 80, TRIES = 19, COARSEST = GRAY_LEVELS - 1, ROUGH = 1 };

static const double DT_MAX_S = 0.35;
static const double NEAR_M = 3, FAR_M = 30, ASIDE_M = 6; /* from the camera: road that is flat */
static const float ROAD_SURE = 0.6f;    /* of the network, to take a place for road */
static const float LINE_SHARE = 0.012f; /* of the width: a line and its borders */
static const float MOVER_SCORE = 0.35f; /* of detections that are stayed away from... */
static const float MOVER_MARGIN = 0.1f; /* ...by so much of their height: their shadow moves too */
static const float BESIDE = 0.02f;      /* share of the picture */
static const double TRY_M = 0.3;        /* between guesses of the way, when nothing is known */
static const float TRY_ALIKE = 0.4f;    /* correlation that the best guess must have... */
static const float TRY_MARGIN = 0.11f;  /* ...and by how much others must have less... */
static const int TRY_BESIDE = 3;        /* ...that are so many guesses away */
static const double PLACE_SIGMA_PX = 0.15;            /* what no gradient knows of */
static const float STILL_PX = 0.35f, MOVED_PX = 1.5f; /* see drop_dirt() */
static const int MOVED_ENOUGH = 8;
static const float ELSEWHERE_PX = 2, SAME_PX = 0.4f; /* see holds() */
static const double WEIGHT_ENOUGH = 0.05;            /* to be followed finely as well */
static const double VERGE = 0.8, USUAL_M = 50;       /* where what is not road is expected */
static const double TRY_ENOUGH = 4;                  /* places on the road, to try with */
static const double ROAD_ENOUGH = 2.7, ROAD_ANEW = 5, OTHER_ENOUGH = 8; /* places that move alike */
static const double SPEED_SIGMA_MPS = 0.6, SPEED_SIGMA_SHARE = 0.08;    /* the most that is said */
static const double TURN_SIGMA_RADPS = 0.03;
/* Who overtakes us looks as the road does when we drive backwards: that is not believed. */
static const double REVERSE_MPS = -0.4;
static const double OTHER_SHARE = 0.35, ROAD_SHARE = 0.25; /* of the followed ones must do so */

struct place {
    float x, y;     /* px of level 0 */
    double from[2]; /* two_views.h */
    bool on_road;
    float score;
};

struct ego_sight {
    struct gray picture[2];
    int now; /* index of the newest */
    bool started;
    int64_t t_ns;
    struct camera camera; /* of level 0 of the newest picture */
    int n_places;
    struct place place[MAX_ROAD + MAX_OTHER]; /* in the newest picture */
    /* working memory */
    int followed[TWO_VIEWS_MAX];   /* which places these are */
    float moved_px[TWO_VIEWS_MAX]; /* how far they went */
    struct seen_twice twice[TWO_VIEWS_MAX];
};

_Static_assert(MAX_ROAD + MAX_OTHER <= TWO_VIEWS_MAX, "a patch per place");

enum err ego_sight_open(struct ego_sight **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? OK : ERR_NOMEM;
}

void ego_sight_close(struct ego_sight *s)
{
    free(s);
}

void ego_sight_reset(struct ego_sight *s)
{
    s->started = false;
}

/* ---- directions ---------------------------------------------------------------------------- */

/* Pixel -> left and up per metre ahead, in the vehicle's axes. False: not ahead. */
static bool direction(const struct camera *c, float x, float y, double out[2])
{
    float ray[3];

    if (!camera_ray(c, (float[2]){x, y}, ray) || !(ray[0] > 0.2f))
        return false;
    out[0] = (double)ray[1] / (double)ray[0];
    out[1] = (double)ray[2] / (double)ray[0];
    return true;
}

static bool pixel(const struct camera *c, const double direction[2], float px[2])
{
    const float far = 10, p[3] = {c->x_m + far, c->y_m + far * (float)direction[0],
                                  c->z_m + far * (float)direction[1]};

    return camera_project(c, p, px);
}

/* ---- which places to follow ---------------------------------------------------------------- */

static bool on_detection(const struct ego_look *l, float x, float y)
{
    for (int i = 0; i < l->n_detections; i++) {
        const struct box *b = &l->detection[i].box_px;
        float margin = 4 + MOVER_MARGIN * (b->y2 - b->y1);

        if (l->detection[i].score > MOVER_SCORE && x > b->x1 - margin && x < b->x2 + margin &&
            y > b->y1 - margin && y < b->y2 + margin)
            return true;
    }
    return false;
}

static int within(int v, int n)
{
    return v < 0 ? 0 : v >= n ? n - 1 : v;
}

/* Whether the network takes it, or something beside it, for road: some leave markings out. */
static bool mask_allows(const struct road_mask *m, float x_share, float y_share)
{
    if (!m || m->width < 1 || m->height < 1)
        return true;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++) {
            float u = x_share + BESIDE * (float)dx, v = y_share + BESIDE * (float)dy;
            int x = within((int)(u * (float)m->width), m->width);
            int y = within((int)(v * (float)m->height), m->height);

            if (m->probability[(size_t)y * (size_t)m->width + (size_t)x] >= (int)(255 * ROAD_SURE))
                return true;
        }
    return false;
}

/* Whether x is the line's at this height, within a share of the picture's width. */
static bool on_curve(const struct lane_curve *c, float x, float y, float margin)
{
    for (int i = 1; i < c->n; i++) {
        const float y0 = c->point[i - 1].y, y1 = c->point[i].y; /* from the bottom upwards */

        if (y > y0 || y < y1)
            continue;
        float share = (y0 - y) / fmaxf(y0 - y1, 1e-3f);
        return fabsf(c->point[i - 1].x + share * (c->point[i].x - c->point[i - 1].x) - x) < margin;
    }
    return false;
}

static bool on_line(const struct ego_look *l, float x, float y)
{
    for (int i = 0; i < l->n_curves; i++)
        if (l->curve[i].kind == LANE_LINE &&
            on_curve(&l->curve[i], x, y, LINE_SHARE * (float)l->rgb->width))
            return true;
    return false;
}

static bool is_road(const struct ego_look *l, const struct camera *c, int factor,
                    const struct place *p)
{
    double up = p->from[1] - (double)l->pitch_rad;

    if (!(up < 0))
        return false;
    double ahead = -(double)c->z_m / up, aside = ahead * p->from[0];
    return ahead > NEAR_M && ahead < FAR_M && fabs(aside) < ASIDE_M &&
           (mask_allows(l->road, p->x / (float)c->width, p->y / (float)c->height) ||
            on_line(l, p->x * (float)factor, p->y * (float)factor));
}

static int by_score(const void *a, const void *b)
{
    float x = ((const struct place *)a)->score, y = ((const struct place *)b)->score;

    return (x < y) - (x > y);
}

static void choose_places(struct ego_sight *s, const struct ego_look *l)
{
    const struct gray *g = &s->picture[s->now];
    struct corner corner[CORNERS_MAX];
    struct place place[CORNERS_MAX];
    int n = corners_find(g, corner), n_place = 0, n_kind[2] = {0};

    for (int i = 0; i < n; i++) {
        struct place *p = &place[n_place];

        *p = (struct place){.x = corner[i].x, .y = corner[i].y, .score = corner[i].score};
        if (on_detection(l, p->x * (float)g->factor, p->y * (float)g->factor) ||
            !direction(&s->camera, p->x, p->y, p->from))
            continue;
        p->on_road = is_road(l, &s->camera, g->factor, p);
        n_place++;
    }
    qsort(place, (size_t)n_place, sizeof *place, by_score);
    s->n_places = 0;
    for (int i = 0; i < n_place; i++)
        if (n_kind[place[i].on_road]++ < (place[i].on_road ? MAX_ROAD : MAX_OTHER))
            s->place[s->n_places++] = place[i];
}

/* ---- following them ------------------------------------------------------------------------ */

/* What is expected of a place before anything was followed: nothing lies under the road, and most of
 * what is beside it on the verge. */
static double guess_depth(const struct two_views *t, const struct place *p)
{
    return fmax(VERGE * two_views_road_depth(t, p->from), 1 / USUAL_M);
}

/* Where a place should lie now, and how its surroundings are bent on the way. per_m: its inverse
 * depth, if it is not on the road. */
static bool expect(const struct two_views *t, const struct camera *c, const struct place *p,
                   double per_m, struct patch *out)
{
    const float step = 4, at[3][2] = {{p->x, p->y}, {p->x + step, p->y}, {p->x, p->y + step}};
    float px[3][2];

    for (int i = 0; i < 3; i++) {
        double from[2], to[2];

        if (!direction(c, at[i][0], at[i][1], from))
            return false;
        if (p->on_road)
            per_m = two_views_road_depth(t, from);
        if (per_m < 0 || !two_views_move(t, from, per_m, to) || !pixel(c, to, px[i]))
            return false;
    }
    *out = (struct patch){.x = p->x, .y = p->y, .to_x = px[0][0], .to_y = px[0][1]};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            out->bend[i][k] = (px[1 + k][i] - px[0][i]) / step;
    float det = out->bend[0][0] * out->bend[1][1] - out->bend[0][1] * out->bend[1][0];
    return det > 0.1f && det < 20;
}

/* Information in pixels -> in directions, less what pixels cannot tell. */
static bool inform(const struct camera *c, const struct patch *p, struct seen_twice *s)
{
    const float step = 1;
    double right[2], down[2], j[2][2], cov[2][2];
    double det = (double)(p->info[0][0] * p->info[1][1] - p->info[0][1] * p->info[1][0]);
    const double pv = PLACE_SIGMA_PX * PLACE_SIGMA_PX;

    if (!(det > 1e-9) || !direction(c, p->to_x, p->to_y, s->to) ||
        !direction(c, p->to_x + step, p->to_y, right) ||
        !direction(c, p->to_x, p->to_y + step, down))
        return false;
    const double px[2][2] = {{(double)p->info[1][1] / det + pv, -(double)p->info[0][1] / det},
                             {-(double)p->info[1][0] / det, (double)p->info[0][0] / det + pv}};
    for (int i = 0; i < 2; i++) {
        j[i][0] = (right[i] - s->to[i]) / (double)step;
        j[i][1] = (down[i] - s->to[i]) / (double)step;
    }
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++) {
            cov[a][b] = 0;
            for (int i = 0; i < 2; i++)
                for (int k = 0; k < 2; k++)
                    cov[a][b] += j[a][i] * px[i][k] * j[b][k];
        }
    det = cov[0][0] * cov[1][1] - cov[0][1] * cov[1][0];
    s->info[0] = cov[1][1] / det;
    s->info[1] = -cov[0][1] / det;
    s->info[2] = cov[0][0] / det;
    return det > 0;
}

/* Whether a patch comes to the same place from elsewhere along its way. One on a bare line does not:
 * it stays wherever along the line it was expected, and would confirm any speed. */
static bool holds(const struct patch *expected, const struct patch *found,
                  const struct gray *before, const struct gray *now)
{
    float dx = expected->to_x - expected->x, dy = expected->to_y - expected->y;
    float length = hypotf(dx, dy), step = length > 1e-3f ? ELSEWHERE_PX / length : 0;
    struct patch again = *expected;

    again.to_x = found->to_x + step * dx;
    again.to_y = found->to_y + (step > 0 ? step * dy : ELSEWHERE_PX);
    return patch_follow(&again, before, now, 0, 0) &&
           hypotf(again.to_x - found->to_x, again.to_y - found->to_y) < SAME_PX;
}

static bool follow_place(struct ego_sight *s, const struct two_views *t, const struct place *p,
                         double per_m, int coarsest, int finest, struct seen_twice *out,
                         float *moved_px)
{
    const struct gray *before = &s->picture[!s->now], *now = &s->picture[s->now];
    struct patch expected, patch;

    *out = (struct seen_twice){
        .on_road = p->on_road, .from = {p->from[0], p->from[1]}, .inverse_depth = per_m};
    if (!expect(t, &s->camera, p, per_m, &expected))
        return false;
    patch = expected;
    if (!patch_follow(&patch, before, now, coarsest, finest))
        return false;
    *moved_px = hypotf(patch.to_x - patch.x, patch.to_y - patch.y);
    return (finest > 0 || !p->on_road || holds(&expected, &patch, before, now)) &&
           inform(&s->camera, &patch, out);
}

/* All places, as far as the next finer pictures tell. */
static int follow_roughly(struct ego_sight *s, const struct two_views *t)
{
    int n = 0;

    for (int i = 0; i < s->n_places; i++) {
        const struct place *p = &s->place[i];

        s->followed[n] = i;
        n += follow_place(s, t, p, guess_depth(t, p), COARSEST, ROUGH, &s->twice[n],
                          &s->moved_px[n]);
    }
    return n;
}

/* Dirt and drops on the lens stay where they are while the world goes by: they are not the road. */
static int drop_dirt(struct ego_sight *s, int n)
{
    int n_moved = 0, kept = 0;

    for (int i = 0; i < n; i++)
        n_moved += s->moved_px[i] > MOVED_PX;
    if (n_moved < MOVED_ENOUGH)
        return n;
    for (int i = 0; i < n; i++) {
        if (s->twice[i].on_road && s->moved_px[i] < STILL_PX)
            continue;
        s->twice[kept] = s->twice[i];
        s->followed[kept++] = s->followed[i];
    }
    return kept;
}

/* Those found again, each bent as it should be now that distances are known. */
static int follow_finely(struct ego_sight *s, const struct two_views *t, int n_rough)
{
    int n = 0;

    for (int i = 0; i < n_rough; i++) {
        int at = s->followed[i];

        s->followed[n] = at;
        n += s->twice[i].weight > WEIGHT_ENOUGH &&
             follow_place(s, t, &s->place[at], s->twice[i].inverse_depth, ROUGH, 0, &s->twice[n],
                          &s->moved_px[n]);
    }
    return n;
}

/* How alike the road looks if we went this way: mean correlation at the coarsest level. */
static float road_alike(struct ego_sight *s, const struct two_views *t)
{
    const struct gray *before = &s->picture[!s->now], *now = &s->picture[s->now];
    float sum = 0;
    int n = 0;

    for (int i = 0; i < s->n_places; i++) {
        struct patch patch;

        if (!s->place[i].on_road || !expect(t, &s->camera, &s->place[i], 0, &patch))
            continue;
        float alike = patch_alike(&patch, before, now, COARSEST);
        sum += isnan(alike) ? 0 : alike;
        n += !isnan(alike);
    }
    return n >= (int)TRY_ENOUGH ? sum / (float)n : 0;
}

/* Nothing is known of our speed: try some, and begin at the likeliest. False: another is about as
 * likely, as where studs repeat every few metres. */
static bool guess_way(struct ego_sight *s, struct two_views *t)
{
    float alike[TRIES];
    int best = 0;

    for (int i = 0; i < TRIES; i++) {
        t->value[MOTION_AHEAD] = TRY_M * i;
        alike[i] = road_alike(s, t);
        best = alike[i] > alike[best] ? i : best;
    }
    t->value[MOTION_AHEAD] = TRY_M * best;
    for (int i = 0; i < TRIES; i++)
        if (abs(i - best) > TRY_BESIDE && alike[i] > alike[best] - TRY_MARGIN)
            return false;
    return alike[best] > TRY_ALIKE;
}

/* ---- one picture --------------------------------------------------------------------------- */

static void expect_motion(const struct ego_look *l, const struct camera *c, double dt_s,
                          struct two_views *t)
{
    bool speed = !isnan(l->speed_mps), turn = !isnan(l->yaw_rate_radps);

    *t = (struct two_views){
        .camera_x_m = (double)c->x_m,
        .camera_height_m = (double)c->z_m,
        .prior = {[MOTION_AHEAD] = speed ? (double)l->speed_mps * dt_s : 1,
                  [MOTION_TURN] = turn ? (double)l->yaw_rate_radps * dt_s : 0,
                  [MOTION_YAW] = (double)l->yaw_rad,
                  [MOTION_PITCH] = (double)l->pitch_rad},
        .prior_sigma = {[MOTION_AHEAD] = 10,
                        [MOTION_TURN] = 0.3,
                        [MOTION_NOD] = 0.02,
                        [MOTION_LEAN] = 0.01,
                        [MOTION_YAW] = (double)l->yaw_sigma_rad,
                        [MOTION_PITCH] = (double)l->pitch_sigma_rad},
    };
    for (int i = 0; i < MOTION_TERMS; i++)
        t->value[i] = t->prior[i];
}

/* What the pictures said without the prior: precisions subtract. */
static void without_prior(const struct two_views *t, enum motion_term m, double chi2, double *mean,
                          double *sigma)
{
    double before = 1 / (t->prior_sigma[m] * t->prior_sigma[m]), after = 1 / t->covariance[m][m];
    double own = after - before;

    *mean = 0;
    *sigma = INFINITY;
    if (!(own > 0.01 * before))
        return;
    *mean = (t->value[m] * after - t->prior[m] * before) / own;
    *sigma = sqrt(chi2 / own);
}

static void conclude(const struct two_views *t, int n_road, int n_other, struct ego_seen *out)
{
    double chi2 = fmax(t->chi2, 1);
    bool others_agree = t->other > OTHER_ENOUGH && t->other > OTHER_SHARE * n_other;

    out->chi2 = t->chi2;
    out->road = (int)t->road;
    out->other = (int)t->other;
    out->speed_mps = t->value[MOTION_AHEAD] / out->dt_s;
    out->speed_sigma_mps = sqrt(chi2 * t->covariance[MOTION_AHEAD][MOTION_AHEAD]) / out->dt_s;
    out->yaw_rate_radps = t->value[MOTION_TURN] / out->dt_s;
    out->yaw_rate_sigma_radps = sqrt(chi2 * t->covariance[MOTION_TURN][MOTION_TURN]) / out->dt_s;
    out->nod_rad = t->value[MOTION_NOD];
    out->turn_known = others_agree && out->yaw_rate_sigma_radps < TURN_SIGMA_RADPS;
    out->speed_known =
        out->turn_known && t->road > ROAD_ENOUGH && t->road > ROAD_SHARE * n_road &&
        out->speed_mps > REVERSE_MPS &&
        out->speed_sigma_mps < fmax(SPEED_SIGMA_MPS, SPEED_SIGMA_SHARE * fabs(out->speed_mps));
    if (!out->speed_known)
        return;
    without_prior(t, MOTION_YAW, chi2, &out->yaw_rad, &out->yaw_sigma_rad);
    without_prior(t, MOTION_PITCH, chi2, &out->pitch_rad, &out->pitch_sigma_rad);
}

/* Places from one picture to the other with this guess of the motion, roughly, then finely. */
static bool match(struct ego_sight *s, struct two_views *t, int n_kind[2])
{
    int n = drop_dirt(s, follow_roughly(s, t));

    if (!two_views_fit(t, s->twice, n))
        return false;
    n = follow_finely(s, t, n);
    n_kind[0] = n_kind[1] = 0;
    for (int i = 0; i < n; i++)
        n_kind[s->twice[i].on_road]++;
    return two_views_fit(t, s->twice, n);
}

static void compare(struct ego_sight *s, const struct ego_look *l, struct ego_seen *out)
{
    bool expected = !isnan(l->speed_mps);
    struct two_views t;
    int n[2];

    expect_motion(l, &s->camera, out->dt_s, &t);
    bool guessed = !expected && guess_way(s, &t);
    if (match(s, &t, n))
        conclude(&t, n[1], n[0], out);
    if (!expected)
        out->speed_known = out->speed_known && guessed;
    if (out->speed_known || !expected)
        return;
    struct ego_seen other = *out; /* perhaps we brake harder than anybody thought */
    expect_motion(l, &s->camera, out->dt_s, &t);
    if (guess_way(s, &t) && match(s, &t, n))
        conclude(&t, n[1], n[0], &other);
    if (other.speed_known && other.road >= ROAD_ANEW)
        *out = other;
}

/* Unlike camera_scaled(): columns and rows that fill no block were left out. */
static struct camera divided(const struct camera *c, const struct gray *g)
{
    struct camera out = *c;

    out.width = g->level[0].width;
    out.height = g->level[0].height;
    out.fx /= (float)g->factor;
    out.fy /= (float)g->factor;
    out.cx /= (float)g->factor;
    out.cy /= (float)g->factor;
    return out;
}

static bool same_view(const struct camera *a, const struct camera *b)
{
    return a->width == b->width && a->height == b->height && a->fx == b->fx && a->cx == b->cx;
}

void ego_sight_step(struct ego_sight *s, const struct ego_look *l, struct ego_seen *out)
{
    double dt_s = s->started ? (double)(l->t_ns - s->t_ns) * 1e-9 : 0;
    struct camera before = s->camera;

    *out = (struct ego_seen){.dt_s = dt_s, .yaw_sigma_rad = INFINITY, .pitch_sigma_rad = INFINITY};
    s->now = !s->now;
    struct gray *g = &s->picture[s->now];
    bool seen = gray_from(g, l->rgb), had = s->started;
    s->started = seen;
    s->t_ns = l->t_ns;
    if (!seen)
        return;
    s->camera = divided(l->camera, g);
    if (had && dt_s > 0 && dt_s < DT_MAX_S && same_view(&before, &s->camera))
        compare(s, l, out);
    choose_places(s, l);
}
