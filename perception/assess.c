#include "perception/assess.h"

#include <math.h>

#include "perception/geometry/ground.h"
#include "perception/track/locate.h"

enum {
    COV_YY = STATE_DIM,
    COV_VXVX = 11,
    COV_VYVY = 15
}; /* places of var(y), var(vx), var(vy) in the upper triangle */

/* Half of what we need of the road: a car's half width and 0.4 m to either side. */
static const float CORRIDOR_HALF_M = 1.3f;

static float distance(const struct object *o)
{
    return isnan(o->x_m) ? INFINITY : hypotf(o->x_m, o->y_m);
}

void assess_sort(const struct object *in, int n, struct scene *s)
{
    int order[SCENE_MAX_OBJECTS];

    for (int i = 0; i < n; i++) {
        int at = i;

        for (; at > 0 && distance(&in[order[at - 1]]) > distance(&in[i]); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (int i = 0; i < n; i++)
        s->object[i] = in[order[i]];
    s->n_objects = n;
}

/* ---- the corridor we will drive ------------------------------------------------------------ */

struct corridor { /* its middle is y = y0 + slope x + curvature x^2 / 2 */
    float y0, slope, curvature;
    float y0_sigma, slope_sigma, curvature_sigma;
};

static float known(float v, float otherwise)
{
    return isnan(v) ? otherwise : v;
}

static struct corridor corridor_of_lane(const struct ego_lane *l)
{
    return (struct corridor){-l->offset_m,
                             -known(l->heading_rad, 0),
                             known(l->curvature_1pm, 0),
                             known(l->offset_sigma_m, 0.3f),
                             known(l->heading_sigma_rad, 0.02f),
                             known(l->curvature_sigma_1pm, 0.001f)};
}

static struct corridor corridor_of_motion(const struct ego_motion *ego)
{
    /* Roads of 1 km radius are nothing unusual; turning, we might do anything a little later. */
    struct corridor c = {.y0_sigma = 0.2f, .slope_sigma = 0.01f, .curvature_sigma = 0.001f};

    if (ego && ego->speed_mps > 2 && !isnan(ego->yaw_rate_radps)) {
        c.curvature = ego->yaw_rate_radps / ego->speed_mps;
        c.curvature_sigma += 0.3f * fabsf(c.curvature);
    }
    return c;
}

/* A lane whose middle is farther away than that is not the one we drive in. */
static bool lane_holds_us(const struct ego_lane *l)
{
    return fabsf(l->offset_m) < 1.5f && !(l->offset_sigma_m > 0.7f);
}

static float normal_below(float z)
{
    return 0.5f * erfcf(-z * 0.70710678f);
}

static float in_corridor(const struct corridor *c, const struct object *o)
{
    float x = o->x_m, half_x2 = 0.5f * x * x;
    float off = o->y_m - (c->y0 + c->slope * x + c->curvature * half_x2);
    float variance = o->covariance[COV_YY] + c->y0_sigma * c->y0_sigma +
                     powf(c->slope_sigma * x, 2) + powf(c->curvature_sigma * half_x2, 2);
    float sigma = sqrtf(fmaxf(variance, 1e-4f));

    if (x <= 0)
        return 0;
    return normal_below((CORRIDOR_HALF_M - off) / sigma) -
           normal_below((-CORRIDOR_HALF_M - off) / sigma);
}

/* ---- lanes --------------------------------------------------------------------------------- */

static bool boundary_at(const struct scene *s, int role, float x, float *y)
{
    for (int i = 0; i < s->n_lanes; i++) {
        const struct lane_boundary *b = &s->lane[i];

        /* A little beyond what was measured is still the same line. */
        if (b->role != role || !b->has_metres || x < b->x_min_m - 5 || x > 1.2f * b->x_max_m)
            continue;
        *y = b->cubic[0] + x * (b->cubic[1] + x * (b->cubic[2] + x * b->cubic[3]));
        return isfinite(*y);
    }
    return false;
}

static void assign_lane(const struct scene *s, struct object *o)
{
    enum { OUTERMOST = 3 };
    float left, right;

    if (isnan(o->x_m) || !boundary_at(s, 1, o->x_m, &left) || !boundary_at(s, -1, o->x_m, &right))
        return;
    float width = left - right;
    if (!(width > 2 && width < 6) || sqrtf(o->covariance[COV_YY]) > width / 2)
        return;
    float lanes_off = (o->y_m - (left + right) / 2) / width;
    if (fabsf(lanes_off) > OUTERMOST + 0.5f)
        return;
    o->has_lane = true;
    o->lane = (int)lroundf(lanes_off);
}

void assess_way(struct scene *s, const struct ego_motion *ego)
{
    struct corridor c =
        lane_holds_us(&s->ego_lane) ? corridor_of_lane(&s->ego_lane) : corridor_of_motion(ego);
    struct object *lead = NULL;

    for (int i = 0; i < s->n_objects; i++) {
        struct object *o = &s->object[i];
        bool on_road = o->n_classes > 0 && class_kind(o->classes[0].class) != KIND_SIGN;

        if (isnan(o->x_m))
            continue;
        assign_lane(s, o);
        o->in_path = on_road ? in_corridor(&c, o) : 0;
        if (!lead && o->in_path > 0.5f) /* nearest first */
            lead = o;
    }
    if (lead)
        lead->is_lead = true;
}

/* ---- velocities ---------------------------------------------------------------------------- */

/* Relative velocities are those of a point in our turning frame. */
void assess_ground(struct scene *s)
{
    const struct ego_motion *e = &s->ego;
    float v_sigma = known(e->speed_sigma_mps, 0), turn_sigma = known(e->yaw_rate_sigma_radps, 0);

    for (int i = 0; i < s->n_objects; i++) {
        struct object *o = &s->object[i];
        float var_x = o->covariance[COV_VXVX], var_y = o->covariance[COV_VYVY];

        o->ground_vx_mps = o->vx_mps + e->speed_mps - e->yaw_rate_radps * o->y_m;
        o->ground_vy_mps = o->vy_mps + e->yaw_rate_radps * o->x_m;
        if (isnan(o->ground_vx_mps) || isnan(o->ground_vy_mps)) {
            o->ground_vx_mps = o->ground_vy_mps = NAN;
            continue;
        }
        o->ground_vx_sigma_mps =
            sqrtf(var_x + v_sigma * v_sigma + o->y_m * o->y_m * turn_sigma * turn_sigma);
        o->ground_vy_sigma_mps = sqrtf(var_y + o->x_m * o->x_m * turn_sigma * turn_sigma);
    }
}

/* ---- coverage ------------------------------------------------------------------------------ */

static float bearing_of_column(const struct camera *c, float x)
{
    const float px[2] = {x, 0.5f * (float)c->height};
    float ray[3];

    return camera_ray(c, px, ray) ? atan2f(ray[1], ray[0]) : NAN;
}

struct coverage assess_coverage(const struct camera *c)
{
    const float useful = 0.25f; /* of the distance: the spread with which metres still help */

    if (c->width <= 0)
        return (struct coverage){NAN, NAN, NAN};
    /* On the road the relative spread grows with the distance: x / h times that of the angle. */
    float angle = hypotf(camera_sigma_pitch(c), 1 / c->fy);
    return (struct coverage){fminf(useful * c->z_m / angle, GROUND_FAR_M), bearing_of_column(c, 0),
                             bearing_of_column(c, (float)c->width)};
}
