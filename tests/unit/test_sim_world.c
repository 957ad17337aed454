#include "sim/world/world.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/world/scenario.h"

static struct why why;

static struct world *begin(const char *name, uint64_t seed)
{
    struct scenario *s;
    struct world *w;

    cr_assert_eq(scenario_open(name, &s, &why), OK, "%s", why.text);
    cr_assert_eq(world_open(s, seed, &w, &why), OK, "%s", why.text);
    scenario_close(s);
    return w;
}

static void run(struct world *w, double seconds)
{
    for (int i = 0; i < (int)(seconds * 10 + 0.5); i++)
        world_step(w, 0.1, NULL);
}

/* Half sizes overlap along both of a's axes and b's middle line lies within: a strict test that
 * says "touching" only of boxes that really do. */
static bool overlap(const struct actor *a, const struct actor *b)
{
    double c = cos(a->heading), s = sin(a->heading);

    for (int k = -2; k <= 2; k++) {
        double x = b->x + 0.25 * k * b->length * cos(b->heading) - a->x;
        double y = b->y + 0.25 * k * b->length * sin(b->heading) - a->y;

        if (fabs(x * c + y * s) < a->length / 2 && fabs(y * c - x * s) < a->width / 2)
            return true;
    }
    return false;
}

static int collisions(const struct world *w)
{
    int n = 0;

    for (int i = 0; i < w->n_actors; i++)
        for (int k = 0; k < i; k++) {
            const struct actor *a = &w->actor[i], *b = &w->actor[k];
            bool feet = a->kind == ACTOR_PEDESTRIAN || b->kind == ACTOR_PEDESTRIAN;

            if (!feet && hypot(a->x - b->x, a->y - b->y) < 20 && overlap(a, b)) {
                printf(
                    "t %.1f: %d (road %d lane %d s %.1f d %.1f v %.1f) and %d (road %d lane %d s "
                    "%.1f d %.1f v %.1f)\n",
                    w->t, (int)a->id, a->road, a->lane, a->s, a->d, a->speed, (int)b->id, b->road,
                    b->lane, b->s, b->d, b->speed);
                n++;
            }
        }
    return n;
}

Test(sim_world, nobody_drives_into_anybody)
{
    for (int i = 0; scenario_builtin(i); i++)
        for (uint64_t seed = 1; seed <= 2; seed++) {
            struct world *w = begin(scenario_builtin(i), seed);
            int n = 0, most = 0;

            cr_expect_eq(w->roads.road[0].lane[w->ego.lane].direction, 1);

            for (int k = 0; k < 400; k++) {
                world_step(w, 0.1, NULL);
                n += collisions(w);
                most = w->n_actors > most ? w->n_actors : most;
            }
            cr_expect_eq(n, 0, "%s, seed %d: %d overlaps", scenario_builtin(i), (int)seed, n);
            cr_expect_not(w->collided, "%s, seed %d", scenario_builtin(i), (int)seed);
            printf("%s %d: at most %d actors, ego drove %.0f m\n", scenario_builtin(i), (int)seed,
                   most, w->ego.s - 300);
            world_close(w);
        }
}

Test(sim_world, two_runs_are_equal_bit_by_bit)
{
    struct world *a = begin("curve", 7), *b = begin("curve", 7), *c = begin("curve", 8);

    for (int i = 0; i < 600; i++) {
        world_step(a, 0.1, NULL);
        world_step(b, 0.1, NULL);
        cr_assert_eq(a->n_actors, b->n_actors);
        cr_assert_arr_eq(a->actor, b->actor, (size_t)a->n_actors * sizeof *a->actor);
        cr_assert_arr_eq(&a->ego, &b->ego, sizeof a->ego);
    }
    run(c, 5);
    cr_expect_neq(memcmp(&a->roads, &c->roads, sizeof a->roads), 0);
    world_close(a);
    world_close(b);
    world_close(c);
}

Test(sim_world, ego_keeps_its_lane)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct world *w = begin(seed & 1 ? "curve" : "empty_road", seed);
        double worst = 0;

        for (int i = 0; i < 500; i++) {
            world_step(w, 0.1, NULL);
            cr_assert_geq(w->ego.lane, 0, "seed %d at %.1f s", (int)seed, w->t);
            const struct road_lane *l = &w->roads.road[0].lane[w->ego.lane];
            worst = fmax(worst, fabs(w->ego.d - profile_at(&l->centre, w->ego.s)));
        }
        cr_expect_lt(worst, 0.5, "seed %d: %g m from the lane's middle", (int)seed, worst);
        cr_expect_gt(w->ego.s, 300 + 50 * 8.0);
        world_close(w);
    }
}

Test(sim_world, commands_drive_ego)
{
    struct world *w = begin("empty_road", 3);
    double v = w->ego.speed;

    for (int i = 0; i < 10; i++)
        world_step(w, 0.1, &(struct drive_command){-3, 0});
    cr_expect_float_eq(w->ego.speed, v - 3, 1e-9);
    for (int i = 0; i < 20; i++)
        world_step(w, 0.1, &(struct drive_command){-100, 0}); /* limited to 9 m/s^2 */
    cr_expect_float_eq(w->ego.speed, fmax(v - 3 - 18, 0), 1e-9);
    world_close(w);

    w = begin("empty_road", 3);
    double heading = w->ego.heading;
    for (int i = 0; i < 5; i++)
        world_step(w, 0.1, &(struct drive_command){0, 0.02});
    cr_expect_gt(remainder(w->ego.heading - heading, 2 * M_PI), 0.02);
    cr_expect_gt(w->ego.yaw_rate, 0);
    for (int i = 0; i < 300 && !w->collided; i++)
        world_step(w, 0.1, &(struct drive_command){0, 0.02});
    world_close(w);
}

Test(sim_world, vehicle_frame_and_back)
{
    struct ego_car e = {.x = 5, .y = -3, .z = 1, .heading = 0.8, .pitch = 0.1, .roll = -0.05};
    double p[3] = {20, 4, 2}, v[3], q[3], r[9];

    ego_from_world(&e, p, v);
    ego_to_world(&e, v, q);
    for (int i = 0; i < 3; i++)
        cr_expect_float_eq(p[i], q[i], 1e-12);
    e.heading = e.roll = 0;
    ego_rotation(&e, r);
    cr_expect_lt(r[6], 0, "pitch > 0 is nose down");
    e.pitch = 0;
    e.roll = 0.1;
    ego_rotation(&e, r);
    cr_expect_gt(r[7], 0, "roll > 0 is left side up");
}

static enum err parse(const char *text)
{
    struct scenario *s;
    enum err e = scenario_parse(text, strlen(text), "dir/s.yaml", &s, &why);

    scenario_close(s);
    return e;
}

Test(sim_scenario, what_can_be_wrong)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"", "no 'key: value' lines"},
        {"- 1\n", "no 'key: value' lines"},
        {"about: [\n", "dir/s.yaml:2: "},
        {"style: city\n", "dir/s.yaml:1: style: 'city' is none of its words"},
        {"style: []\n", "dir/s.yaml:1: style: "},
        {"about: a\nspeed: fast\n", "dir/s.yaml:2: speed: 'fast' is no number"},
        {"speed: [3, 2]\n", "larger one"},
        {"speed: [1, 2, 3]\n", "neither a number nor [low, high]"},
        {"speed: 900\n", "dir/s.yaml:1: speed: 900 is not within 0 and 60"},
        {"speed: .nan\n", "'.nan' is no number"},
        {"traffic: 5\n", "traffic: '5' is no 'key: value' pairs"},
        {"traffic: {cars: 5}\n", "dir/s.yaml:1: traffic: 'cars' is no key of it"},
        {"colour: red\n", "'colour' is no key of it"},
        {"actors: 3\n", "actors: '3' is no list"},
        {"actors:\n- {kind: car}\n- {kind: tank}\n", "dir/s.yaml:3: kind: 'tank' is none"},
        {"actors: [{kind: car, at: {t: -1}}]\n", "t: -1 is not within"},
        {"actors: [[1]]\n", "no 'key: value' pairs"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_neq(parse(bad[i].text), OK, "%s", bad[i].text);
        cr_expect(strstr(why.text, bad[i].word), "%s", why.text);
    }
    cr_expect_eq(parse("about: fine\nactors: [{kind: [car, van], gap: [10, 20], do: brake}]\n"), OK,
                 "%s", why.text);
}

Test(sim_scenario, names)
{
    struct scenario *s;

    cr_assert_eq(scenario_open("curve", &s, &why), OK, "%s", why.text);
    cr_expect_str_eq(scenario_name(s), "curve");
    cr_expect_eq(scenario_duration(s), 60);
    scenario_close(s);
    cr_assert_eq(scenario_open("sim/scenarios/curve.yaml", &s, &why), OK, "%s", why.text);
    cr_expect_str_eq(scenario_name(s), "curve");
    scenario_close(s);
    cr_expect_eq(scenario_open("no_such", &s, &why), ERR_IO);
    cr_expect_eq(scenario_open("no/such.yaml", &s, &why), ERR_IO);
}
