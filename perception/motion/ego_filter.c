#include "perception/motion/ego_filter.h"

#include <math.h>

/* How things change: the rate by so much per square root of a second, forgetting itself after some
 * seconds; and what it is of anybody. Braking hard begins within a third of a second. */
struct habit {
    double unrest, rate_sigma, rate_memory_s;
};
static const struct habit DRIVING = {5, 3, 2}, TURNING = {0.1, 0.15, 0.5};

static const double GATE = 4;        /* sigmas */
static const int REFUSED_ENOUGH = 5; /* in a row: it is us who are wrong */
static const int TAKEN_ENOUGH = 3;   /* before anything is said */
static const double SPEED_SURE_MPS = 1, SPEED_SURE_SHARE = 0.1, TURN_SURE_RADPS = 0.03;

/* Errors of neighbouring pictures go together: the nod of the body, the same patches. As if so many
 * times the variance were new in each. */
static const double SPEED_TOGETHER = 2.5, TURN_TOGETHER = 1;
static const double ROAD_SHARE = 0.01; /* of the speed: roads have a crown, and verges lie lower */

static const double SLIP_SIGMA_RAD = 0.01; /* of one picture, besides */
/* The body nods so much and comes back in so many seconds; on a road that bends down nothing nods,
 * though the picture does. */
static const double NOD_SIGMA_RAD = 0.005, NOD_MEMORY_S = 1.5, NOD_SEEN_SIGMA_RAD = 0.001;
static const double CALIBRATION_DRIFT_RAD = 1e-4; /* from one picture to the next */
static const double YAW_PRIOR_RAD = 0.02;

static double square(double x)
{
    return x * x;
}

void ego_filter_init(struct ego_filter *f, const struct camera *c)
{
    *f = (struct ego_filter){.yaw.variance = square(YAW_PRIOR_RAD),
                             .pitch.variance = square((double)camera_sigma_pitch(c)),
                             .nod.variance = square(NOD_SIGMA_RAD)};
}

void ego_filter_reset(struct ego_filter *f)
{
    f->speed = f->turn = (struct glide){0};
    f->nod = (struct offset){0, square(NOD_SIGMA_RAD)};
}

/* ---- one value ----------------------------------------------------------------------------- */

static void glide_predict(struct glide *g, const struct habit *h, double dt_s)
{
    double q = square(h->unrest);

    g->x += g->rate * dt_s;
    g->rate *= exp(-dt_s / h->rate_memory_s); /* nothing goes on for long */
    g->xx += dt_s * (2 * g->xr + dt_s * g->rr) + q * dt_s * dt_s * dt_s / 3;
    g->xr += dt_s * g->rr + q * dt_s * dt_s / 2;
    g->rr = fmin(g->rr + q * dt_s, square(h->rate_sigma));
    g->xr = fmin(fmax(g->xr, -sqrt(g->xx * g->rr)), sqrt(g->xx * g->rr));
}

static void glide_begin(struct glide *g, const struct habit *h, double x, double variance)
{
    *g = (struct glide){.x = x, .xx = variance, .rr = square(h->rate_sigma), .taken = 1};
}

/* x is the mean over the last dt_s. */
static void glide_take(struct glide *g, const struct habit *h, double x, double sigma, double dt_s)
{
    double age_s = dt_s / 2, now = x + g->rate * age_s;
    double variance = square(sigma) + square(age_s) * g->rr, s = g->xx + variance, off = now - g->x;

    if (g->taken == 0 || g->refused >= REFUSED_ENOUGH) {
        glide_begin(g, h, x, variance);
        return;
    }
    if (square(off) > square(GATE) * s) {
        g->refused++;
        return;
    }
    double kx = g->xx / s, kr = g->xr / s;
    g->x += kx * off;
    g->rate += kr * off;
    g->rr -= kr * g->xr;
    g->xr -= kr * g->xx;
    g->xx -= kx * g->xx;
    g->refused = 0;
    g->taken += g->taken < TAKEN_ENOUGH;
}

/* seen is the sum of both (b may be NULL); each takes its share of the surprise. */
static void offset_take(struct offset *a, struct offset *b, double seen, double sigma)
{
    double va = a->variance, vb = b ? b->variance : 0, s = va + vb + square(sigma);
    double off = seen - a->mean - (b ? b->mean : 0);

    if (!isfinite(sigma) || square(off) > square(GATE) * s)
        return;
    a->mean += va / s * off;
    a->variance = va * (1 - va / s) + square(CALIBRATION_DRIFT_RAD);
    if (b) {
        b->mean += vb / s * off;
        b->variance = vb * (1 - vb / s);
    }
}

static void nod_predict(struct offset *n, double dt_s)
{
    double keep = exp(-dt_s / NOD_MEMORY_S);

    n->mean *= keep;
    n->variance = square(keep) * n->variance + (1 - square(keep)) * square(NOD_SIGMA_RAD);
}

/* ---- all together -------------------------------------------------------------------------- */

void ego_filter_predict(struct ego_filter *f, double dt_s)
{
    glide_predict(&f->speed, &DRIVING, dt_s);
    glide_predict(&f->turn, &TURNING, dt_s);
    nod_predict(&f->nod, dt_s);
}

static void take_speed(struct ego_filter *f, const struct ego_seen *seen)
{
    const double fast = 2; /* m/s: then the way shows where it points */

    glide_take(&f->speed, &DRIVING, seen->speed_mps,
               sqrt(SPEED_TOGETHER) * seen->speed_sigma_mps, seen->dt_s);
    if (f->speed.taken < TAKEN_ENOUGH || !(seen->speed_mps > fast))
        return;
    offset_take(&f->yaw, NULL, seen->yaw_rad, hypot(seen->yaw_sigma_rad, SLIP_SIGMA_RAD));
    offset_take(&f->pitch, &f->nod, seen->pitch_rad, seen->pitch_sigma_rad);
}

void ego_filter_update(struct ego_filter *f, const struct ego_seen *seen)
{
    if (seen->speed_known)
        take_speed(f, seen);
    if (!seen->turn_known)
        return;
    glide_take(&f->turn, &TURNING, seen->yaw_rate_radps,
               sqrt(TURN_TOGETHER) * seen->yaw_rate_sigma_radps, seen->dt_s);
    f->nod.mean += seen->nod_rad;
    f->nod.variance += square(NOD_SEEN_SIGMA_RAD);
}

struct offset ego_filter_pitch(const struct ego_filter *f)
{
    return (struct offset){f->pitch.mean + f->nod.mean, f->pitch.variance + f->nod.variance};
}

struct ego_motion ego_filter_motion(const struct ego_filter *f, const struct camera *c)
{
    struct ego_motion m = ego_unknown();
    double speed = fabs(f->speed.x), turn_sigma = sqrt(fmax(f->turn.xx, 0));
    double share = hypot((double)(camera_sigma_z(c) / c->z_m), ROAD_SHARE);
    double speed_sigma = hypot(sqrt(fmax(f->speed.xx, 0)), speed * share);

    if (f->turn.taken >= TAKEN_ENOUGH && turn_sigma < TURN_SURE_RADPS) {
        m.yaw_rate_radps = (float)f->turn.x;
        m.yaw_rate_sigma_radps = (float)turn_sigma;
        m.source = EGO_SEEN;
    }
    if (f->speed.taken >= TAKEN_ENOUGH &&
        speed_sigma < fmax(SPEED_SURE_MPS, SPEED_SURE_SHARE * speed)) {
        m.speed_mps = (float)f->speed.x;
        m.speed_sigma_mps = (float)speed_sigma;
        m.source = EGO_SEEN;
    }
    return m;
}
