#include <math.h>
#include <string.h>

#include "sim/world/build.h"

enum light_state junction_light(const struct junction *j, bool cross, double t)
{
    double green = 0.55 * j->period, f = fmod(t + j->offset, j->period);

    if (cross)
        f = fmod(f + j->period - green, j->period);
    double own = cross ? j->period - green : green; /* yellow and all red are parts of it */
    if (f < own - 6)
        return LIGHT_GREEN;
    if (f < own - 3)
        return LIGHT_YELLOW;
    return f > j->period - 1 ? LIGHT_RED_YELLOW : LIGHT_RED;
}

enum err network_build(struct build *b, struct why *why)
{
    const struct plan *plan = b->plan;
    double fast = fmax(plan->number[PLAN_SPEED], 5);
    double length = b->start + plan->number[PLAN_DURATION] * fast * 1.1 + 600;
    struct roadway *r = &b->w->roads.road[0];

    b->w->roads.n_roads = 1;
    line_build(b, r, length, b->start + random_range(&b->r, 60, 140));
    if (plan->number[PLAN_TUNNEL_LENGTH] > 0) {
        b->places->tunnel0 = fmin(b->start + plan->number[PLAN_TUNNEL_AT], r->length - 60);
        b->places->tunnel1 =
            fmin(b->places->tunnel0 + plan->number[PLAN_TUNNEL_LENGTH], r->length - 50);
    }
    if (plan->number[PLAN_CONSTRUCTION_LENGTH] > 0) {
        b->places->site0 = fmin(b->start + plan->number[PLAN_CONSTRUCTION_AT], r->length - 60);
        b->places->site1 =
            fmin(b->places->site0 + plan->number[PLAN_CONSTRUCTION_LENGTH], r->length - 50);
    }
    if (b->w->style == STYLE_URBAN)
        network_urban(b);
    else if (b->w->style == STYLE_RURAL)
        network_rural(b);
    else
        network_motorway(b);
    scenery_build(b);
    if (b->full)
        return err_say(why, ERR_LIMIT, "the scenario's road of %.1f km does not fit",
                       length / 1000);
    return OK;
}
