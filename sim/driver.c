#include "sim/driver.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const double SPRING = 0.7, DAMPING = 0.9; /* rad/s of the error's swing, of critical */
static const double HOLD_S = 1;                  /* what was heard is good for so long */
static const double BLIND_BRAKE_MPS2 = -2;
static const double LATERAL_MAX_MPS2 = 2; /* in curves */
static const double STEER_MAX_RAD = 0.6;

/* of the Intelligent Driver Model */
static const double ACCELERATION = 1.5, COMFORT = 2, HEADWAY_S = 1.6, STANDSTILL_M = 4;
static const double BRAKE_MAX_MPS2 = 8;

/* Our way: half a car, half of what crosses it, and air. Who moves across more slowly than this, or
 * less surely, keeps to its lane. */
static const double WAY_HALF_M = 1.6, ACROSS_MIN_MPS = 0.4;

void driver_init(struct driver *d, const struct ego_car *car)
{
    *d = (struct driver){.wheelbase = car->wheelbase,
                         .front_m = car->length - car->rear_overhang,
                         .lane_s = -INFINITY,
                         .lead_s = -INFINITY};
}

static bool usable(const struct header *h)
{
    return h->qualifier == QUALIFIER_AVAILABLE || h->qualifier == QUALIFIER_AVAILABLE_REDUCED;
}

void driver_hear_lanes(struct driver *d, const struct lanes_message *m, double t_s)
{
    const struct ego_lane *l = &m->ego_lane;

    if (!usable(&m->header) || isnan(l->offset_m) || isnan(l->heading_rad))
        return;
    d->lane_s = t_s;
    d->offset = (double)l->offset_m;
    d->heading = (double)l->heading_rad;
    d->curvature = isnan(l->curvature_1pm) ? 0 : (double)l->curvature_1pm;
}

static double off_our_way(const struct driver *d, double x, double y)
{
    return y - (-d->offset - d->heading * x + 0.5 * d->curvature * x * x);
}

/* By its predicted path: it moves towards our way, surely, and is in it before the path ends. */
static bool comes_in_our_way(const struct driver *d, const struct object *o)
{
    enum { VAR_VY = 15 }; /* place in the upper triangle of (x y vx vy ax ay) */
    double now = off_our_way(d, (double)o->x_m, (double)o->y_m), across = (double)o->vy_mps;
    double sigma = sqrt((double)o->covariance[VAR_VY]);

    if (fabs(now) > WAY_HALF_M && !(now * across < 0))
        return false; /* goes away, or is not known to come */
    if (!(fabs(across) > fmax(ACROSS_MIN_MPS, sigma)))
        return false;
    for (int i = 0; i < o->n_path; i++) {
        const struct path_point *p = &o->path[i];

        if (fabs(off_our_way(d, (double)p->x_m, (double)p->y_m)) < WAY_HALF_M)
            return true;
    }
    return false;
}

void driver_hear_objects(struct driver *d, const struct objects_message *m, double t_s)
{
    if (!usable(&m->header))
        return;
    d->lead_s = t_s;
    d->n_ahead = 0;
    for (int i = 0; i < m->n_objects; i++) {
        const struct object *o = &m->object[i];

        if (isnan(o->x_m) || (double)o->x_m <= d->front_m)
            continue;
        if (o->is_lead || comes_in_our_way(d, o))
            d->ahead[d->n_ahead++] = (struct driver_ahead){
                (double)o->x_m, isnan(o->vx_mps) ? 0 : (double)o->vx_mps, o->is_lead, o->id};
    }
}

static double curvature_wanted(const struct driver *d, double speed)
{
    double v = fmax(speed, 3), a = SPRING / v, b = 2 * DAMPING * SPRING / v;

    return d->curvature - a * a * d->offset - b * d->heading;
}

/* What one ahead of us takes from the free road's acceleration. */
static double interaction(const struct driver *d, const struct driver_ahead *a, double speed)
{
    double gap = fmax(a->x_m - d->front_m, 0.5), closing = -a->speed_mps;
    double wish = STANDSTILL_M +
                  fmax(speed * HEADWAY_S + speed * closing / (2 * sqrt(ACCELERATION * COMFORT)), 0);

    return ACCELERATION * pow(wish / gap, 2);
}

static double idm(struct driver *d, double speed, double desired)
{
    double free = ACCELERATION * (1 - pow(speed / fmax(desired, 0.1), 4)), most = 0;
    const struct driver_ahead *who = NULL;

    for (int i = 0; i < d->n_ahead; i++) {
        double takes = interaction(d, &d->ahead[i], speed);

        if (takes > most) {
            most = takes;
            who = &d->ahead[i];
        }
    }
    if (who && free - most < 0)
        snprintf(d->reason, sizeof d->reason, "%s %" PRIu64 " at %.1f m, %+.1f m/s",
                 who->is_lead ? "lead" : "comes into our way:", who->id, who->x_m, who->speed_mps);
    return free - most;
}

struct drive_command driver_command(struct driver *d, double t_s, double speed_mps,
                                    double desired_mps)
{
    struct drive_command c = {0};
    double k = curvature_wanted(d, speed_mps);

    d->reason[0] = '\0';

    if (t_s - d->lane_s > HOLD_S) { /* on in the same arc, and stop */
        k = isfinite(d->lane_s) ? d->curvature : 0;
        d->blind_steps++;
    }
    c.steer = fmin(fmax(atan(d->wheelbase * k), -STEER_MAX_RAD), STEER_MAX_RAD);
    double desired = fmin(desired_mps, sqrt(LATERAL_MAX_MPS2 / fmax(fabs(k), 1e-4)));
    c.acceleration = idm(d, speed_mps, desired);
    if (t_s - d->lane_s > HOLD_S || t_s - d->lead_s > HOLD_S) {
        c.acceleration = fmin(c.acceleration, BLIND_BRAKE_MPS2);
        snprintf(d->reason, sizeof d->reason, "no usable %s",
                 t_s - d->lane_s > HOLD_S ? "lane" : "objects");
    }
    c.acceleration = fmax(c.acceleration, -BRAKE_MAX_MPS2);
    if (speed_mps <= 0 && c.acceleration < 0)
        c.acceleration = 0;
    return c;
}
