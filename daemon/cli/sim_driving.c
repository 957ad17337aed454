#include "daemon/cli/sim_driving.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>

void driving_init(struct driving *d)
{
    *d = (struct driving){.least_gap_m = INFINITY, .least_ttc_s = INFINITY};
}

static const char *const kind_name[ACTOR_KINDS] = {
    [ACTOR_CAR] = "car",
    [ACTOR_VAN] = "van",
    [ACTOR_TRUCK] = "truck",
    [ACTOR_BUS] = "bus",
    [ACTOR_MOTORCYCLE] = "motorcycle",
    [ACTOR_CYCLIST] = "cyclist",
    [ACTOR_PEDESTRIAN] = "pedestrian",
};

/* The nearest one is what we touched, unless it is too far away for that: then something beside the
 * road. */
static void tell_collision(struct driving *d, const struct world *w)
{
    double nearest = INFINITY;

    snprintf(d->with, sizeof d->with, "something beside the road");
    for (int i = 0; i < w->n_actors; i++) {
        const struct actor *a = &w->actor[i];
        double at[3], reach = (w->ego.length + hypot(a->length, a->width)) / 2 + 1;

        ego_from_world(&w->ego, (double[3]){a->x, a->y, a->z}, at);
        at[0] -= w->ego.length / 2 - w->ego.rear_overhang; /* from the middle of the car */
        double away = hypot(at[0], at[1]) - reach;
        if (away > 0 || away >= nearest)
            continue;
        nearest = away;
        snprintf(d->with, sizeof d->with, "%s %" PRIu64 ", %.1f m %s and %.1f m to the %s",
                 kind_name[a->kind], a->id, fabs(at[0]), at[0] < 0 ? "behind" : "ahead",
                 fabs(at[1]), at[1] < 0 ? "right" : "left");
    }
}

void driving_step(struct driving *d, const struct world *w, double dt)
{
    d->driven_m += w->ego.speed * dt;
    d->driven_s += dt;
    d->hardest_mps2 = fmin(d->hardest_mps2, w->ego.acceleration);
    if (!w->collided || d->collided)
        return;
    d->collided = true;
    d->collided_s = w->t;
    d->collided_mps = w->ego.speed;
    tell_collision(d, w);
}

static void look_at_lane(struct driving *d, const struct ego_lane *l)
{
    if (isnan(l->offset_m))
        return;
    bool departed = isfinite(l->width_m) && fabsf(l->offset_m) > l->width_m / 2;
    d->departures += departed && !d->departed;
    d->departed = departed;
    d->off_middle_m = fmax(d->off_middle_m, fabs((double)l->offset_m));
}

void driving_look(struct driving *d, const struct scene *truth, const struct ego_car *car)
{
    if (!d->on)
        return;
    look_at_lane(d, &truth->ego_lane);
    for (int i = 0; i < truth->n_objects; i++) {
        const struct object *o = &truth->object[i];

        if (!o->is_lead)
            continue;
        d->least_gap_m = fmin(d->least_gap_m, (double)o->x_m - (car->length - car->rear_overhang));
        if (!isnan(o->ttc_s))
            d->least_ttc_s = fmin(d->least_ttc_s, (double)o->ttc_s);
    }
}

void driving_print(const struct driving *d, const char *who, FILE *f)
{
    fprintf(f,
            "The %s drove %.0f m in %.1f s: at most %.2f m off the middle of the lane, %d "
            "departures, %d collisions, %.1f s without a lane to follow\n",
            who, d->driven_m, d->driven_s, d->off_middle_m, d->departures, d->collided, d->blind_s);
    if (isfinite(d->least_gap_m))
        fprintf(f, "Least gap to who was ahead %.1f m, ", d->least_gap_m);
    if (isfinite(d->least_ttc_s))
        fprintf(f, "least time to contact %.1f s, ", d->least_ttc_s);
    fprintf(f, "%s braking %.1f m/s2", isfinite(d->least_gap_m) ? "hardest" : "Hardest",
            fmax(-d->hardest_mps2, 0));
    if (d->silent_s > 0)
        fprintf(f, ", %.1f s of it since no command came in time", d->silent_s);
    fputc('\n', f);
    if (d->collided)
        fprintf(f, "Collision after %.1f s at %.1f m/s: %s\n", d->collided_s, d->collided_mps,
                d->with);
}

static json_t *known(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

void driving_json(const struct driving *d, const char *who, FILE *f)
{
    json_t *j =
        json_pack("{s:s, s:f, s:f, s:f, s:i, s:o, s:o, s:f, s:f, s:f, s:b}", "driver", who,
                  "driven_m", d->driven_m, "driven_s", d->driven_s, "off_middle_m", d->off_middle_m,
                  "departures", d->departures, "least_gap_m", known(d->least_gap_m), "least_ttc_s",
                  known(d->least_ttc_s), "hardest_brake_mps2", fmax(-d->hardest_mps2, 0), "blind_s",
                  d->blind_s, "silent_s", d->silent_s, "collided", d->collided);

    if (j && d->collided) {
        json_object_set_new(j, "collided_s", json_real(d->collided_s));
        json_object_set_new(j, "collided_mps", json_real(d->collided_mps));
        json_object_set_new(j, "with", json_string(d->with));
    }
    if (j)
        json_dumpf(j, f, JSON_REAL_PRECISION(6));
    fputc('\n', f);
    json_decref(j);
}
