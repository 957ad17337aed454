#include "perception/motion/mount.h"

/* The body nods so much and comes back in so many seconds; on a road that bends down the picture
 * nods, though nothing does. */
static const double NOD_SIGMA_RAD = 0.005, NOD_MEMORY_S = 1.5, NOD_SEEN_SIGMA_RAD = 0.001;

/* Before anything was seen: a mount that moved is nothing that the calibration's spread knows of. */
static const double YAW_PRIOR_RAD = 0.02, PITCH_PRIOR_RAD = 0.01;
static const double DRIFT_RAD = 1e-4;      /* from one picture to the next */
static const double SLIP_SIGMA_RAD = 0.01; /* of one picture: wheels slip, lanes change */
static const double FAST_MPS = 2;          /* then the way shows where it points */
static const double GATE = 4;              /* sigmas */

/* Moved: farther than that and than so many sigma; good again below half of it. A body that nods for
 * long, up a ramp, has half a degree. */
static const double PITCH_MOVED_RAD = 0.0105, YAW_MOVED_RAD = 0.017, SIGMAS = 3;
static const double ENOUGH_M = 40;
static const double PITCH_FLOOR_RAD = 0.002, YAW_FLOOR_RAD = 0.003; /* roads are not straight */

static double square(double x)
{
    return x * x;
}

static void forget_nod(struct mount *m)
{
    m->nod = m->pitch_nod = 0;
    m->nod_nod = square(NOD_SIGMA_RAD);
}

void mount_init(struct mount *m, const struct camera *c)
{
    double pitch = fmax((double)camera_sigma_pitch(c), PITCH_PRIOR_RAD);

    *m = (struct mount){.status = MOUNT_UNKNOWN,
                        .yaw_variance = square(YAW_PRIOR_RAD),
                        .pitch_pitch = square(pitch)};
    forget_nod(m);
}

void mount_pause(struct mount *m)
{
    forget_nod(m);
}

void mount_predict(struct mount *m, double dt_s)
{
    double keep = exp(-dt_s / NOD_MEMORY_S);

    m->nod *= keep;
    m->pitch_nod *= keep;
    m->nod_nod = square(keep) * m->nod_nod + (1 - square(keep)) * square(NOD_SIGMA_RAD);
}

static void take_yaw(struct mount *m, double seen, double variance)
{
    double s = m->yaw_variance + variance, off = seen - m->yaw;

    if (square(off) > square(GATE) * s)
        return;
    m->yaw += m->yaw_variance / s * off;
    m->yaw_variance *= variance / s;
    m->yaw_variance += square(DRIFT_RAD);
}

/* seen: pitch and nod together. */
static void take_pitch(struct mount *m, double seen, double variance)
{
    double p = m->pitch_pitch + m->pitch_nod, n = m->pitch_nod + m->nod_nod;
    double s = p + n + variance, off = seen - m->pitch - m->nod;

    if (square(off) > square(GATE) * s)
        return;
    m->pitch += p / s * off;
    m->nod += n / s * off;
    m->pitch_pitch -= p * p / s - square(DRIFT_RAD);
    m->pitch_nod -= p * n / s;
    m->nod_nod -= n * n / s;
}

/* 1 sigma of a mean whose samples' neighbours err alike. */
static double yaw_sigma(const struct mount *m)
{
    return hypot(sqrt(m->yaw_variance), YAW_FLOOR_RAD);
}

static double pitch_sigma(const struct mount *m)
{
    return hypot(sqrt(m->pitch_pitch), PITCH_FLOOR_RAD);
}

static bool is_off(double angle, double sigma, double limit)
{
    return fabs(angle) > limit && fabs(angle) > SIGMAS * sigma;
}

static void judge(struct mount *m)
{
    double half = m->status == MOUNT_MOVED ? 0.5 : 1;

    if (m->way_m < ENOUGH_M)
        return;
    m->status = is_off(m->pitch, pitch_sigma(m), half * PITCH_MOVED_RAD) ||
                        is_off(m->yaw, yaw_sigma(m), half * YAW_MOVED_RAD)
                    ? MOUNT_MOVED
                    : MOUNT_GOOD;
}

void mount_update(struct mount *m, const struct ego_seen *seen)
{
    if (seen->speed_known && seen->speed_mps > FAST_MPS) {
        if (isfinite(seen->yaw_sigma_rad))
            take_yaw(m, seen->yaw_rad, square(seen->yaw_sigma_rad) + square(SLIP_SIGMA_RAD));
        if (isfinite(seen->pitch_sigma_rad))
            take_pitch(m, seen->pitch_rad, square(seen->pitch_sigma_rad));
        m->way_m = fmin(m->way_m + seen->speed_mps * seen->dt_s, ENOUGH_M);
        judge(m);
    }
    if (!seen->turn_known)
        return;
    m->nod += seen->nod_rad;
    m->nod_nod += square(NOD_SEEN_SIGMA_RAD);
}

double mount_dip(const struct mount *m, double *sigma)
{
    *sigma = sqrt(fmax(m->pitch_pitch + 2 * m->pitch_nod + m->nod_nod, 0));
    return m->pitch + m->nod;
}

struct mount_state mount_state_of(const struct mount *m)
{
    struct mount_state s = mount_unknown();

    s.status = m->status;
    if (m->way_m < ENOUGH_M)
        return s;
    s.pitch_rad = (float)m->pitch;
    s.pitch_sigma_rad = (float)pitch_sigma(m);
    s.yaw_rad = (float)m->yaw;
    s.yaw_sigma_rad = (float)yaw_sigma(m);
    return s;
}
