#include "sim/world/traffic.h"

struct kind {
    double length[2], width[2], height[2];
    double a, b, headway, speed; /* speed: the most it drives, m/s */
};

static const struct kind kinds[ACTOR_KINDS] = {
    [ACTOR_CAR] = {{3.6, 4.95}, {1.65, 1.92}, {1.4, 1.75}, 1.5, 2.0, 1.3, 60},
    [ACTOR_VAN] = {{4.9, 6.4}, {1.9, 2.06}, {1.95, 2.75}, 1.3, 2.0, 1.4, 40},
    [ACTOR_TRUCK] = {{7.0, 9.5}, {2.45, 2.55}, {3.1, 4.0}, 0.8, 1.8, 1.8, 24.5},
    [ACTOR_BUS] = {{10.5, 13.0}, {2.5, 2.55}, {3.0, 3.4}, 0.9, 1.8, 1.6, 26},
    [ACTOR_MOTORCYCLE] = {{1.95, 2.3}, {0.75, 0.9}, {1.35, 1.65}, 2.2, 2.5, 1.2, 60},
    [ACTOR_CYCLIST] = {{1.65, 1.85}, {0.55, 0.7}, {1.6, 1.9}, 0.8, 1.5, 1.2, 7},
    [ACTOR_PEDESTRIAN] = {{0.35, 0.6}, {0.45, 0.6}, {1.5, 1.95}, 1, 2, 1, 1.8},
};

static double between(const double range[2], uint64_t *bits)
{
    *bits = random_mix(*bits);
    return range[0] + (range[1] - range[0]) * random_unit_of(*bits);
}

/* All from the look, so that the same look is the same thing. */
void kind_size(enum actor_kind kind, uint32_t look, struct actor *out)
{
    const struct kind *k = &kinds[kind];
    uint64_t bits = look;

    out->length = between(k->length, &bits);
    out->width = between(k->width, &bits);
    out->height = between(k->height, &bits);
    if (kind == ACTOR_TRUCK && look % 3 != 0) { /* articulated */
        const double artic[2] = {13.6, 16.5};
        out->length = between(artic, &bits);
    }
    if (kind == ACTOR_PEDESTRIAN && look % 8 == 0) { /* a child */
        const double child[2] = {1.0, 1.5};
        out->height = between(child, &bits);
        out->width *= 0.75;
        out->length *= 0.75;
    }
}

void mind_draw(struct random *r, enum actor_kind kind, struct mind *out)
{
    const struct kind *k = &kinds[kind];

    *out = (struct mind){.v0 = k->speed,
                         .headway = k->headway * random_range(r, 0.8, 1.25),
                         .gap0 = random_range(r, 1.6, 2.6),
                         .a = k->a * random_range(r, 0.85, 1.2),
                         .b = k->b,
                         .politeness = random_range(r, 0.1, 0.5),
                         .from_lane = -1,
                         .aside_rate = 0.5,
                         .wander = random_range(r, 0.02, k->width[0] > 2.2 ? 0.05 : 0.13),
                         .wander_phase = random_range(r, 0, 100),
                         .leaves = random_chance(r, 0.2),
                         .script = -1,
                         .way = random_chance(r, 0.5) ? 1 : -1,
                         .zebra = -1};
    if (kind == ACTOR_CYCLIST)
        out->v0 = random_range(r, 3.5, 7);
    if (kind == ACTOR_PEDESTRIAN)
        out->v0 = random_range(r, 0.9, 1.7);
}
