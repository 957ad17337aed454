/* Many worlds, each driven for a while: they open, stay finite, and nobody is in anybody. The few
 * seeds of a test are enough to notice that something broke. OUTRIDER_SWEEP=N in the environment
 * drives N seeds of each scenario and ten times as many of `random`, OUTRIDER_SWEEP_FROM=SEED
 * begins elsewhere, OUTRIDER_SWEEP_ONLY=NAME takes one scenario. */
#include "sim/world/scenario.h"
#include "sim/world/world.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/stage.h"
#include "sim/truth.h"

static const double SECONDS = 30, STEP_S = 0.1;

struct box2 {
    double x, y, c, s, half_length, half_width;
};

static struct box2 box_of(const struct actor *a)
{
    return (struct box2){a->x, a->y, cos(a->heading), sin(a->heading), a->length / 2, a->width / 2};
}

/* How far they are apart along the axis, < 0: how deep their shadows on it overlap. */
static double parted(const struct box2 *a, const struct box2 *b, double ux, double uy)
{
    double ra =
        a->half_length * fabs(a->c * ux + a->s * uy) + a->half_width * fabs(a->c * uy - a->s * ux);
    double rb =
        b->half_length * fabs(b->c * ux + b->s * uy) + b->half_width * fabs(b->c * uy - b->s * ux);

    return fabs((b->x - a->x) * ux + (b->y - a->y) * uy) - ra - rb;
}

static double clearance(const struct box2 *a, const struct box2 *b)
{
    return fmax(fmax(parted(a, b, a->c, a->s), parted(a, b, -a->s, a->c)),
                fmax(parted(a, b, b->c, b->s), parted(a, b, -b->s, b->c)));
}

static void tell(const struct world *w, const struct actor *a)
{
    const struct road_lane *l = &w->roads.road[a->road].lane[a->lane < 0 ? 0 : a->lane];

    printf("  %d: kind %d road %d lane %d s %.1f d %.2f v %.2f%s, %.0f m from ego\n", (int)a->id,
           (int)a->kind, a->road, a->lane, a->s, a->d, a->speed, a->parked ? " parked" : "",
           hypot(a->x - w->ego.x, a->y - w->ego.y));
    if (a->lane >= 0)
        printf("     its lane: s %.1f to %.1f, d %.2f, %.2f m wide\n", l->s0, l->s1,
               profile_at(&l->centre, a->s), profile_at(&l->width, a->s));
}

/* People on the same pavement may pass through each other's elbows; whoever drives may not touch. */
static int overlaps(const struct world *w, const char *name, uint64_t seed)
{
    int n = 0;

    for (int i = 0; i < w->n_actors; i++)
        for (int k = 0; k < i; k++) {
            const struct actor *a = &w->actor[i], *b = &w->actor[k];

            if ((a->kind == ACTOR_PEDESTRIAN && b->kind == ACTOR_PEDESTRIAN) ||
                fabs(a->x - b->x) > 20 || fabs(a->y - b->y) > 20)
                continue;
            struct box2 p = box_of(a), q = box_of(b);
            if (clearance(&p, &q) > -0.02)
                continue;
            printf("%s %d at %.1f s: two in one place\n", name, (int)seed, w->t);
            tell(w, a);
            tell(w, b);
            n++;
        }
    return n;
}

static bool finite_world(const struct world *w)
{
    const struct ego_car *e = &w->ego;
    double sum = e->x + e->y + e->z + e->heading + e->pitch + e->roll + e->speed + e->acceleration +
                 e->yaw_rate + e->s + e->d;

    for (int i = 0; i < w->n_actors; i++) {
        const struct actor *a = &w->actor[i];

        sum += a->x + a->y + a->z + a->heading + a->pitch + a->roll + a->speed + a->acceleration +
               a->vx + a->vy + a->yaw_rate + a->s + a->d + a->steer + a->travelled;
    }
    return isfinite(sum);
}

static bool finite_truth(const struct truth *t)
{
    double sum = 0;

    for (int i = 0; i < t->scene.n_objects; i++) {
        const struct truth_object *o = &t->object[i];
        const struct object *s = &t->scene.object[i];

        sum += (double)(o->x_m + o->y_m + o->z_m + o->yaw_rad + o->vx_mps + o->vy_mps + o->ax_mps2 +
                        o->ay_mps2 + o->distance_m + s->x_m + s->y_m + s->box_px.x1 + s->box_px.y1 +
                        s->box_px.x2 + s->box_px.y2);
    }
    return isfinite(sum);
}

struct tally {
    int drives, overlaps, bumps, broken, longest;
};

static void drive(const char *name, uint64_t seed, struct truth_maker *maker, struct tally *t)
{
    static struct truth truth;
    struct scenario *s;
    struct world *w;
    struct why why;

    cr_assert_eq(scenario_open(name, &s, &why), OK, "%s", why.text);
    enum err e = world_open(s, seed, &w, &why);
    scenario_close(s);
    cr_assert_eq(e, OK, "%s %d: %s", name, (int)seed, why.text);
    int bad = overlaps(w, name, seed);
    for (int i = 0; i < (int)(SECONDS / STEP_S) && !bad; i++) {
        world_step(w, STEP_S, NULL);
        if (i % 10 == 0) {
            truth_frame(maker, w, NULL, &truth);
            t->broken += !finite_truth(&truth);
        }
        t->broken += !finite_world(w);
        bad = overlaps(w, name, seed);
        if (w->collided) {
            printf("%s %d at %.1f s: ego touched something, s %.1f d %.2f v %.1f\n", name,
                   (int)seed, w->t, w->ego.s, w->ego.d, w->ego.speed);
            t->bumps++;
            break;
        }
    }
    t->overlaps += bad > 0;
    t->drives++;
    world_close(w);
}

Test(sim_sweep, every_scenario_is_sound)
{
    const char *many = getenv("OUTRIDER_SWEEP"), *only = getenv("OUTRIDER_SWEEP_ONLY"), *name;
    const char *from = getenv("OUTRIDER_SWEEP_FROM");
    const uint64_t first = from ? strtoull(from, NULL, 10) : many ? 1 : 45;
    const struct camera camera = stage_camera(640, 384);
    struct truth_maker *maker;

    cr_assert_eq(truth_open(&camera, &maker), OK);
    for (int i = 0; (name = scenario_builtin(i)); i++) {
        int seeds = (many ? atoi(many) : 2) * (strcmp(name, "random") ? 1 : 10);
        struct tally t = {0};

        if (only && strcmp(only, name) != 0)
            continue;
        for (int k = 0; k < seeds; k++)
            drive(name, first + (uint64_t)k, maker, &t);
        printf("%-20s %d drives, %d with overlaps, %d with bumps, %d not finite\n", name, t.drives,
               t.overlaps, t.bumps, t.broken);
        fflush(stdout);
        cr_expect_eq(t.overlaps, 0, "%s: %d drives with overlaps", name, t.overlaps);
        cr_expect_eq(t.bumps, 0, "%s: ego touched something in %d drives", name, t.bumps);
        cr_expect_eq(t.broken, 0, "%s: %d states not finite", name, t.broken);
    }
    truth_close(maker);
}
