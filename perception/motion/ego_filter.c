#include "perception/motion/ego_filter.h"

#include <math.h>

/* How motion changes, per square root of a second. */
static const double JERK = 2.5, TURN_CHANGE = 0.15; /* m/s^2, rad/s */
static const double ACCELERATION_SIGMA = 2.5;       /* of anybody, m/s^2 */

static const double GATE = 4;         /* sigmas */
static const int REFUSED_ENOUGH = 5;  /* in a row: it is us who are wrong */
static const int TAKEN_ENOUGH = 3;    /* before anything is said */
static const double SPEED_SURE_MPS = 0.7, SPEED_SURE_SHARE = 0.08, TURN_SURE_RADPS = 0.03;

/* Errors of neighbouring pictures go together: the nod of the body, the same patches. As if so many
 * times the variance were new in each. */
static const double TOGETHER = 4;

static const double NOD_SIGMA_RAD = 0.004, SLIP_SIGMA_RAD = 0.01; /* of one picture, besides */
static const double CALIBRATION_DRIFT = 1e-4;                      /* rad per square root of a picture */
static const double YAW_PRIOR_RAD = 0.02;

void ego_filter_init(struct ego_filter *f, const struct camera *c)
{
    double pitch = (double)camera_sigma_pitch(c);

    *f = (struct ego_filter){.yaw_variance = YAW_PRIOR_RAD * YAW_PRIOR_RAD,
                             .pitch_variance = 4 * pitch * pitch};
}

void ego_filter_reset(struct ego_filter *f)
{
    f->speeds = f->turns = f->refused = 0;
}

void ego_filter_predict(struct ego_filter *f, double dt_s)
{
    double q = JERK * JERK;

    f->v += f->a * dt_s;
    f->a *= exp(-dt_s / 2); /* nobody goes on for long */
    f->vv += dt_s * (2 * f->va + dt_s * f->aa) + q * dt_s * dt_s * dt_s / 3;
    f->va += dt_s * f->aa + q * dt_s * dt_s / 2;
    f->aa = fmin(f->aa + q * dt_s, ACCELERATION_SIGMA * ACCELERATION_SIGMA);
    f->ww += TURN_CHANGE * TURN_CHANGE * dt_s;
}

static void begin_speed(struct ego_filter *f, double v, double variance)
{
    f->v = v;
    f->a = 0;
    f->vv = variance;
    f->va = 0;
    f->aa = ACCELERATION_SIGMA * ACCELERATION_SIGMA;
    f->speeds = 1;
    f->refused = 0;
}

static void take_speed(struct ego_filter *f, double v, double variance)
{
    double s = f->vv + variance, off = v - f->v;

    if (f->speeds == 0 || f->refused >= REFUSED_ENOUGH) {
        begin_speed(f, v, variance);
        return;
    }
    if (off * off > GATE * GATE * s) {
        f->refused++;
        return;
    }
    double kv = f->vv / s, ka = f->va / s;
    f->v += kv * off;
    f->a += ka * off;
    f->aa -= ka * f->va;
    f->va -= ka * f->vv;
    f->vv -= kv * f->vv;
    f->refused = 0;
    f->speeds += f->speeds < TAKEN_ENOUGH;
}

static void take_turn(struct ego_filter *f, double w, double variance)
{
    double s = f->ww + variance, off = w - f->w;

    if (f->turns == 0 || off * off > 4 * GATE * GATE * s) { /* a turn may well begin at once */
        f->w = w;
        f->ww = variance;
    } else {
        f->w += f->ww / s * off;
        f->ww *= variance / s;
    }
    f->turns += f->turns < TAKEN_ENOUGH;
}

static void take_angle(double *mean, double *variance, double seen, double sigma, double more)
{
    double s = *variance + sigma * sigma + more * more, off = seen - *mean;

    if (!isfinite(sigma) || off * off > GATE * GATE * s)
        return;
    *variance += CALIBRATION_DRIFT * CALIBRATION_DRIFT;
    *mean += *variance / s * off;
    *variance *= 1 - *variance / s;
}

void ego_filter_update(struct ego_filter *f, const struct ego_seen *seen)
{
    double age_s = seen->dt_s / 2; /* it was the mean since the picture before */

    if (seen->turn_known)
        take_turn(f, seen->yaw_rate_radps,
                  seen->yaw_rate_sigma_radps * seen->yaw_rate_sigma_radps +
                      TURN_CHANGE * TURN_CHANGE * age_s);
    if (!seen->speed_known)
        return;
    take_speed(f, seen->speed_mps + f->a * age_s,
               TOGETHER * seen->speed_sigma_mps * seen->speed_sigma_mps + f->aa * age_s * age_s);
    if (f->speeds < TAKEN_ENOUGH || !(seen->speed_mps > 2))
        return;
    take_angle(&f->yaw, &f->yaw_variance, seen->yaw_rad, seen->yaw_sigma_rad, SLIP_SIGMA_RAD);
    take_angle(&f->pitch, &f->pitch_variance, seen->pitch_rad, seen->pitch_sigma_rad,
               NOD_SIGMA_RAD);
}

struct ego_motion ego_filter_motion(const struct ego_filter *f, const struct camera *c)
{
    struct ego_motion m = ego_unknown();
    double height = f->v * (double)(camera_sigma_z(c) / c->z_m);
    double speed_sigma = hypot(sqrt(fmax(f->vv, 0)), height), turn_sigma = sqrt(fmax(f->ww, 0));

    if (f->turns >= TAKEN_ENOUGH && turn_sigma < TURN_SURE_RADPS) {
        m.yaw_rate_radps = (float)f->w;
        m.yaw_rate_sigma_radps = (float)turn_sigma;
    }
    if (f->speeds >= TAKEN_ENOUGH &&
        speed_sigma < fmax(SPEED_SURE_MPS, SPEED_SURE_SHARE * fabs(f->v))) {
        m.speed_mps = (float)f->v;
        m.speed_sigma_mps = (float)speed_sigma;
    }
    m.source = isnan(m.speed_mps) && isnan(m.yaw_rate_radps) ? EGO_UNKNOWN : EGO_SEEN;
    return m;
}
