#include "sim/driver.h"

#include <math.h>

static const double SPRING = 0.7, DAMPING = 0.9; /* rad/s of the error's swing, of critical */
static const double HOLD_S = 1;                  /* what was heard is good for so long */
static const double BLIND_BRAKE_MPS2 = -2;
static const double LATERAL_MAX_MPS2 = 2; /* in curves */
static const double STEER_MAX_RAD = 0.6;

/* of the Intelligent Driver Model */
static const double ACCELERATION = 1.5, COMFORT = 2, HEADWAY_S = 1.6, STANDSTILL_M = 4;
static const double BRAKE_MAX_MPS2 = 8;

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

void driver_hear_objects(struct driver *d, const struct objects_message *m, double t_s)
{
    if (!usable(&m->header))
        return;
    d->lead_s = t_s;
    d->has_lead = false;
    for (int i = 0; i < m->n_objects; i++) {
        const struct object *o = &m->object[i];

        if (!o->is_lead || isnan(o->x_m))
            continue;
        d->has_lead = true;
        d->lead_m = (double)o->x_m;
        d->lead_mps = isnan(o->vx_mps) ? 0 : (double)o->vx_mps;
    }
}

static double curvature_wanted(const struct driver *d, double speed)
{
    double v = fmax(speed, 3), a = SPRING / v, b = 2 * DAMPING * SPRING / v;

    return d->curvature - a * a * d->offset - b * d->heading;
}

static double idm(const struct driver *d, double speed, double desired)
{
    double free = ACCELERATION * (1 - pow(speed / fmax(desired, 0.1), 4));

    if (!d->has_lead)
        return free;
    double gap = fmax(d->lead_m - d->front_m, 0.5), closing = -d->lead_mps;
    double wish = STANDSTILL_M +
                  fmax(speed * HEADWAY_S + speed * closing / (2 * sqrt(ACCELERATION * COMFORT)), 0);
    return free - ACCELERATION * pow(wish / gap, 2);
}

struct drive_command driver_command(struct driver *d, double t_s, double speed_mps,
                                    double desired_mps)
{
    struct drive_command c = {0};
    double k = curvature_wanted(d, speed_mps);

    if (t_s - d->lane_s > HOLD_S) { /* on in the same arc, and stop */
        k = isfinite(d->lane_s) ? d->curvature : 0;
        d->blind_steps++;
    }
    c.steer = fmin(fmax(atan(d->wheelbase * k), -STEER_MAX_RAD), STEER_MAX_RAD);
    double desired = fmin(desired_mps, sqrt(LATERAL_MAX_MPS2 / fmax(fabs(k), 1e-4)));
    c.acceleration = idm(d, speed_mps, desired);
    if (t_s - d->lane_s > HOLD_S || t_s - d->lead_s > HOLD_S)
        c.acceleration = fmin(c.acceleration, BLIND_BRAKE_MPS2);
    c.acceleration = fmax(c.acceleration, -BRAKE_MAX_MPS2);
    if (speed_mps <= 0 && c.acceleration < 0)
        c.acceleration = 0;
    return c;
}
