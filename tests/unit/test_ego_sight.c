/* Our own motion in pictures of a small world drawn by casting rays: a road between two walls, each
 * with a pattern or bare, seen by a pinhole camera. */
#include "perception/motion/ego_sight.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "sim/world/random.h"

enum { W = 480, H = 288, DROPS = 40 };

static const double DT_S = 0.1, WALL_M = 7;

struct look_of {             /* the world's */
    bool rough, walls, line; /* the road has a pattern; there are walls; one bare line */
    double studs_m;          /* between studs beside us; 0: none */
    int drops;               /* on the lens */
};

struct pose {
    double x_m, y_m, heading;
};

static uint8_t pixels[2][W * H * 3];
static struct camera camera;

static struct camera small_camera(void)
{
    return (struct camera){.width = W,
                           .height = H,
                           .model = CAMERA_PINHOLE,
                           .fx = 400,
                           .fy = 400,
                           .cx = W / 2.0f,
                           .cy = H / 2.0f,
                           .x_m = 1.6f,
                           .z_m = 1.4f};
}

static double corner_value(long a, long b)
{
    return random_unit_of(random_mix((uint64_t)a * 0x9e3779b97f4a7c15u ^ random_mix((uint64_t)b)));
}

/* A smooth random pattern with blobs of `size`, 0..1. */
static double pattern(double a, double b, double size)
{
    double u = a / size, v = b / size, i = floor(u), k = floor(v);
    double s = u - i, t = v - k;
    long ii = (long)i, kk = (long)k;

    s = s * s * (3 - 2 * s);
    t = t * t * (3 - 2 * t);
    return (1 - t) * ((1 - s) * corner_value(ii, kk) + s * corner_value(ii + 1, kk)) +
           t * ((1 - s) * corner_value(ii, kk + 1) + s * corner_value(ii + 1, kk + 1));
}

static double road_shade(const struct look_of *w, double x, double y)
{
    double shade = 90;

    if (w->rough)
        shade += 60 * (pattern(x, y, 0.4) - 0.5) + 60 * (pattern(x, y, 1.5) - 0.5);
    if (w->line && fabs(y - 1.7) < 0.08)
        shade = 220;
    if (w->studs_m > 0 && fabs(fabs(y) - 1.7) < 0.12 && fabs(remainder(x, w->studs_m)) < 0.12)
        shade = 240;
    return shade;
}

static double shade_of_ray(const struct look_of *w, const struct pose *p, const float ray[3])
{
    double c = cos(p->heading), s = sin(p->heading);
    double d[3] = {c * ray[0] - s * ray[1], s * ray[0] + c * ray[1], ray[2]};
    double from[2] = {p->x_m + c * camera.x_m, p->y_m + s * camera.x_m}, z = camera.z_m;
    double to_road = d[2] < -1e-6 ? -z / d[2] : INFINITY;
    double to_wall =
        w->walls && fabs(d[1]) > 1e-6 ? ((d[1] > 0 ? WALL_M : -WALL_M) - from[1]) / d[1] : INFINITY;

    if (to_road < to_wall && to_road < 80)
        return road_shade(w, from[0] + to_road * d[0], from[1] + to_road * d[1]);
    double up = z + to_wall * d[2], along = from[0] + to_wall * d[0];
    if (to_wall < 80 && up < 5)
        return 120 + 110 * (pattern(along + (d[1] > 0 ? 1000 : 0), up, 0.6) - 0.5);
    return 200;
}

static void add_drops(int n, uint8_t *px)
{
    struct random r;

    random_seed(&r, 3, 0);
    for (int i = 0; i < n; i++) {
        int x0 = random_index(&r, W - 8), y0 = H / 2 + random_index(&r, H / 2 - 8);

        for (int y = y0; y < y0 + 7; y++)
            for (int x = x0; x < x0 + 7; x++)
                for (int k = 0; k < 3; k++)
                    px[3 * (y * W + x) + k] = (uint8_t)(30 + 30 * ((x + y + i) % 3));
    }
}

static struct image draw(const struct look_of *w, const struct pose *p, int which)
{
    uint8_t *px = pixels[which];

    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            const float at[2] = {(float)x + 0.5f, (float)y + 0.5f};
            float ray[3];

            cr_assert(camera_ray(&camera, at, ray));
            double shade = fmin(fmax(shade_of_ray(w, p, ray), 0), 255);
            for (int k = 0; k < 3; k++)
                px[3 * (y * W + x) + k] = (uint8_t)lround(shade);
        }
    add_drops(w->drops, px);
    return (struct image){.data = px, .width = W, .height = H, .stride_bytes = 3 * W};
}

/* Two pictures, the second after driving so for DT_S; what is expected of us is unknown. */
static struct ego_seen drive(const struct look_of *w, double speed_mps, double yaw_rate_radps)
{
    struct ego_look look = {.camera = &camera,
                            .speed_mps = NAN,
                            .yaw_rate_radps = NAN,
                            .yaw_sigma_rad = 0.02f,
                            .pitch_sigma_rad = 0.01f};
    struct pose p = {0, 0, 0};
    struct ego_sight *s;
    struct ego_seen seen;

    cr_assert_eq(ego_sight_open(&s), OK);
    for (int i = 0; i < 2; i++) {
        struct image rgb = draw(w, &p, i);

        look.rgb = &rgb;
        look.t_ns = (int64_t)(i * DT_S * 1e9);
        ego_sight_step(s, &look, &seen);
        double turn = yaw_rate_radps * DT_S, way = speed_mps * DT_S;
        p.x_m += way * cos(p.heading + turn / 2);
        p.y_m += way * sin(p.heading + turn / 2);
        p.heading += turn;
    }
    ego_sight_close(s);
    return seen;
}

static void setup(void)
{
    camera = small_camera();
}

TestSuite(ego_sight, .init = setup);

Test(ego_sight, finds_speed_and_turn_from_two_pictures)
{
    static const double motion[][2] = {{0, 0}, {3, 0.1}, {8, 0}, {14, -0.06}, {25, 0.02}};
    const struct look_of w = {.rough = true, .walls = true};

    for (size_t i = 0; i < sizeof motion / sizeof *motion; i++) {
        double v = motion[i][0], turn = motion[i][1];
        struct ego_seen seen = drive(&w, v, turn);

        cr_expect(seen.speed_known && seen.turn_known, "%g m/s: %d places on the road, %d others",
                  v, seen.road, seen.other);
        cr_expect_float_eq(seen.speed_mps, v, 0.05 + 0.02 * v, "%g, not %g m/s", seen.speed_mps, v);
        cr_expect_float_eq(seen.yaw_rate_radps, turn, 0.008, "%g, not %g rad/s",
                           seen.yaw_rate_radps, turn);
        cr_expect_lt(fabs(seen.speed_mps - v), 4 * seen.speed_sigma_mps + 0.05);
    }
}

Test(ego_sight, finds_where_a_camera_really_points)
{
    const struct look_of w = {.rough = true, .walls = true};
    struct camera real = small_camera();
    struct ego_look look = {.camera = &real,
                            .speed_mps = NAN,
                            .yaw_rate_radps = NAN,
                            .yaw_sigma_rad = 0.02f,
                            .pitch_sigma_rad = 0.01f};
    struct ego_sight *s;
    struct ego_seen seen;

    camera.yaw_rad = 0.03f; /* as it is; stated is 0 */
    camera.pitch_rad = -0.015f;
    cr_assert_eq(ego_sight_open(&s), OK);
    for (int i = 0; i < 2; i++) {
        const struct pose p = {1.2 * i, 0, 0};
        struct image rgb = draw(&w, &p, i);

        look.rgb = &rgb;
        look.t_ns = i * 100000000;
        ego_sight_step(s, &look, &seen);
    }
    cr_expect(seen.speed_known);
    cr_expect_float_eq(seen.yaw_rad, 0.03, 3 * seen.yaw_sigma_rad, "%g, sigma %g", seen.yaw_rad,
                       seen.yaw_sigma_rad);
    cr_expect_float_eq(seen.pitch_rad, -0.015, 3 * seen.pitch_sigma_rad, "%g, sigma %g",
                       seen.pitch_rad, seen.pitch_sigma_rad);
    cr_expect(seen.yaw_sigma_rad < 0.01 && seen.pitch_sigma_rad < 0.005);
    cr_expect_float_eq(seen.speed_mps, 12, 0.6, "%g", seen.speed_mps);
    ego_sight_close(s);
}

/* Each of these once led astray: a bare line looks the same wherever along it one looks, and studs
 * repeat. */
Test(ego_sight, what_tells_no_speed_is_not_taken_for_one)
{
    const struct look_of line = {.walls = true, .line = true};
    const struct look_of bare = {.walls = true};
    const struct look_of *world[] = {&line, &bare};

    for (int i = 0; i < 2; i++) {
        struct ego_seen seen = drive(world[i], 18, 0);

        cr_expect_not(seen.speed_known, "world %d: %g m/s from %d places", i, seen.speed_mps,
                      seen.road);
        cr_expect(seen.turn_known && fabs(seen.yaw_rate_radps) < 0.01, "world %d: turn %g", i,
                  seen.yaw_rate_radps);
    }
}

Test(ego_sight, studs_that_repeat_tell_no_wrong_speed)
{
    const struct look_of studs = {.walls = true, .studs_m = 1.5};

    for (double v = 2; v < 32; v += 3) {
        struct ego_seen seen = drive(&studs, v, 0);

        cr_expect(!seen.speed_known || fabs(seen.speed_mps - v) < 0.1 * v + 0.5, "%g m/s, said %g",
                  v, seen.speed_mps);
    }
}

Test(ego_sight, drops_on_the_lens_do_not_stop_us)
{
    const struct look_of w = {.rough = true, .walls = true, .drops = DROPS};
    struct ego_seen seen = drive(&w, 12, 0);

    cr_expect(seen.turn_known);
    cr_expect(!seen.speed_known || fabs(seen.speed_mps - 12) < 0.7, "%g m/s", seen.speed_mps);
}

Test(ego_sight, says_nothing_of_pictures_that_do_not_belong_together)
{
    const struct look_of w = {.rough = true, .walls = true};
    const struct pose p = {0, 0, 0};
    struct image rgb = draw(&w, &p, 0), small = rgb;
    struct ego_look look = {.camera = &camera,
                            .rgb = &rgb,
                            .speed_mps = NAN,
                            .yaw_rate_radps = NAN,
                            .yaw_sigma_rad = 0.02f,
                            .pitch_sigma_rad = 0.01f};
    struct ego_sight *s;
    struct ego_seen seen;

    cr_assert_eq(ego_sight_open(&s), OK);
    ego_sight_step(s, &look, &seen);
    cr_expect(!seen.speed_known && !seen.turn_known, "the first");
    look.t_ns = 2000000000;
    ego_sight_step(s, &look, &seen);
    cr_expect(!seen.speed_known && !seen.turn_known, "two seconds later");
    ego_sight_reset(s);
    look.t_ns += 100000000;
    ego_sight_step(s, &look, &seen);
    cr_expect(!seen.speed_known && !seen.turn_known, "after a reset");
    small.width = small.height = 60;
    look.rgb = &small;
    look.t_ns += 100000000;
    ego_sight_step(s, &look, &seen);
    cr_expect(!seen.speed_known && !seen.turn_known, "too small");
    look.rgb = &rgb;
    look.t_ns += 100000000;
    ego_sight_step(s, &look, &seen);
    cr_expect(!seen.speed_known && !seen.turn_known, "the first of its size");
    camera.yaw_rad = 1.5f;
    for (int i = 0; i < 2; i++) {
        look.t_ns += 100000000;
        ego_sight_step(s, &look, &seen);
    }
    cr_expect_not(seen.speed_known, "it looks aside");
    ego_sight_close(s);
}
