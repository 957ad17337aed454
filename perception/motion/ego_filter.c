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

static double square(double x)
{
    return x * x;
}

void ego_filter_init(struct ego_filter *f)
{
    *f = (struct ego_filter){0};
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

/* ---- all together -------------------------------------------------------------------------- */

void ego_filter_predict(struct ego_filter *f, double dt_s)
{
    glide_predict(&f->speed, &DRIVING, dt_s);
    glide_predict(&f->turn, &TURNING, dt_s);
}

void ego_filter_update(struct ego_filter *f, const struct ego_seen *seen)
{
    if (seen->speed_known)
        glide_take(&f->speed, &DRIVING, seen->speed_mps,
                   sqrt(SPEED_TOGETHER) * seen->speed_sigma_mps, seen->dt_s);
    if (seen->turn_known)
        glide_take(&f->turn, &TURNING, seen->yaw_rate_radps,
                   sqrt(TURN_TOGETHER) * seen->yaw_rate_sigma_radps, seen->dt_s);
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
