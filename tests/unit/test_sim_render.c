/* The camera of the simulator against geometry: a hand-made road with a few things on it. */
#include "sim/render/render.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/road.h"

/* Calls of ours that allocate: the linker sends them here. */
static int calls;
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

void *__wrap_malloc(size_t n)
{
    calls++;
    return __real_malloc(n);
}
void *__wrap_calloc(size_t n, size_t size)
{
    calls++;
    return __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t n)
{
    calls++;
    return __real_realloc(p, n);
}
void *__wrap_aligned_alloc(size_t align, size_t n)
{
    calls++;
    return __real_aligned_alloc(align, n);
}

static struct world *w;
static struct render *r;
static struct rendered f;
static const double EGO_S = 20, RIGHT = -3.5, LEFT = 7;

static struct camera pinhole(void)
{
    return (struct camera){.width = 480,
                           .height = 288,
                           .model = CAMERA_PINHOLE,
                           .fx = 400,
                           .fy = 404,
                           .cx = 241.5f,
                           .cy = 140,
                           .x_m = 1.6f,
                           .y_m = 0.1f,
                           .z_m = 1.4f,
                           .pitch_rad = 0.02f,
                           .yaw_rad = -0.01f,
                           .roll_rad = 0.005f};
}

static void constant(struct profile *p, double v)
{
    *p = (struct profile){.n = 1, .knot = {{0, v}}};
}

static void add_marking(struct roadway *road, enum marking_type type, double d)
{
    struct road_marking *m = &road->marking[road->n_markings++];

    *m = (struct road_marking){.type = type, .s1 = road->length, .width = 0.2, .dash = 4, .gap = 8};
    constant(&m->offset, d);
}

/* Two lanes, straight for a while and then to the left, or flat and straight all the way. */
static void setup(void)
{
    w = calloc(1, sizeof *w);
    cr_assert_not_null(w);
    w->weather = (struct weather){.sun_elevation = 0.8f, .sun_azimuth = 2, .cloud = 0.2f};
    w->roads.n_roads = 1;
    struct roadway *road = &w->roads.road[0];
    cr_assert_eq(road_append(road, 100, 0, 0, 0, 0), OK);
    cr_assert_eq(road_append(road, 300, 0, 0, 0, 0), OK);
    road_finish(road, 1000, -500, 20, 0.7);
    constant(&road->left, LEFT);
    constant(&road->right, RIGHT);
    road->lane[road->n_lanes++] =
        (struct road_lane){.direction = 1, .s1 = road->length, .left = -1, .right = -1};
    constant(&road->lane[0].centre, 0);
    constant(&road->lane[0].width, 3.5);
    add_marking(road, MARKING_SOLID, -1.75);
    add_marking(road, MARKING_DASHED, 1.75);
    struct road_point at = road_at(road, EGO_S, 0);
    w->ego = (struct ego_car){.x = at.x, .y = at.y, .z = at.z, .heading = at.heading};
}

static void teardown(void)
{
    render_close(r);
    free(w);
    r = NULL;
}

TestSuite(sim_render, .init = setup, .fini = teardown);

static struct actor *add_actor(enum actor_kind kind, double s, double d, double turn,
                               const double size[3])
{
    struct road_point at = road_at(&w->roads.road[0], s, d);
    struct actor *a = &w->actor[w->n_actors++];

    *a = (struct actor){.id = (uint64_t)w->n_actors,
                        .kind = kind,
                        .look = (uint32_t)w->n_actors,
                        .x = at.x,
                        .y = at.y,
                        .z = at.z,
                        .heading = at.heading + turn,
                        .length = size[0],
                        .width = size[1],
                        .height = size[2],
                        .travelled = 3.3};
    return a;
}

static const double car_size[3] = {4.5, 1.8, 1.47};

static void draw(const struct camera *c, const struct render_options *o)
{
    struct why why = {""};
    enum err e = render_open(w, c, o, &r, &why);

    if (e == ERR_UNSUPPORTED)
        cr_skip_test("no OpenGL here: %s", why.text);
    cr_assert_eq(e, OK, "%s", why.text);
    cr_assert_eq(render_frame(r, w, &f, &why), OK, "%s", why.text);
    cr_assert(f.width == c->width && f.height == c->height);
}

static void draw_plain(const struct camera *c)
{
    draw(c, &(struct render_options){.quality = 0});
}

/* World -> vehicle frame of an ego that stands level. */
static void to_vehicle(const double p[3], float out[3])
{
    double dx = p[0] - w->ego.x, dy = p[1] - w->ego.y, c = cos(w->ego.heading),
           s = sin(w->ego.heading);

    out[0] = (float)(dx * c + dy * s);
    out[1] = (float)(dy * c - dx * s);
    out[2] = (float)(p[2] - w->ego.z);
}

static bool project(const struct camera *c, double x, double y, double z, float px[2])
{
    float v[3];

    to_vehicle((double[3]){x, y, z}, v);
    return camera_project(c, v, px);
}

/* The box around an actor's projected 3D box. */
static void project_box(const struct camera *c, const struct actor *a, float box[4])
{
    box[0] = box[1] = 1e9f;
    box[2] = box[3] = -1e9f;
    for (int i = 0; i < 8; i++) {
        double u = (i & 1 ? 0.5 : -0.5) * a->length, v = (i & 2 ? 0.5 : -0.5) * a->width;
        float px[2];

        cr_assert(project(c, a->x + u * cos(a->heading) - v * sin(a->heading),
                          a->y + u * sin(a->heading) + v * cos(a->heading),
                          a->z + (i & 4 ? a->height : 0), px));
        box[0] = fminf(box[0], px[0]);
        box[1] = fminf(box[1], px[1]);
        box[2] = fmaxf(box[2], px[0]);
        box[3] = fmaxf(box[3], px[1]);
    }
}

static uint32_t kind_at(int x, int y)
{
    return f.ids[y * f.width + x] >> 16;
}

static int visible_box(int actor, float box[4])
{
    int n = 0;

    box[0] = box[1] = 1e9f;
    box[2] = box[3] = -1e9f;
    for (int y = 0; y < f.height; y++)
        for (int x = 0; x < f.width; x++) {
            if (f.ids[y * f.width + x] != PIXEL_ID(PIXEL_ACTOR, actor))
                continue;
            n++;
            box[0] = fminf(box[0], (float)x);
            box[1] = fminf(box[1], (float)y);
            box[2] = fmaxf(box[2], (float)x + 1);
            box[3] = fmaxf(box[3], (float)y + 1);
        }
    return n;
}

static void check_actor(const struct camera *c, int i)
{
    float seen[4], solid[4];
    int n = visible_box(i, seen);

    cr_assert_gt(n, 20, "actor %d is in the picture", i);
    cr_expect_eq(f.visible[i], (uint32_t)n);
    cr_expect_eq(f.silhouette[i], f.visible[i], "nothing hides actor %d", i);
    project_box(c, &w->actor[i], solid);
    for (int k = 0; k < 4; k++) {
        float way = k < 2 ? 1.0f : -1.0f;

        cr_expect_geq(way * (seen[k] - solid[k]), -1, "actor %d side %d: %g, its box %g", i, k,
                      (double)seen[k], (double)solid[k]);
        cr_expect_float_eq(seen[k], f.full_box[i][k], 1, "actor %d side %d: %g, silhouette %g", i,
                           k, (double)seen[k], (double)f.full_box[i][k]);
    }
}

static void crowd(void)
{
    add_actor(ACTOR_CAR, 32, 0.3, 0, car_size);
    add_actor(ACTOR_CAR, 36, 5.6, M_PI + 0.3, (double[3]){4.1, 1.75, 1.5});
    add_actor(ACTOR_TRUCK, 85, 11, 0.1, (double[3]){16, 2.5, 3.9});
    add_actor(ACTOR_PEDESTRIAN, 31, -3.2, 1.4, (double[3]){0.6, 0.6, 1.8});
    add_actor(ACTOR_CYCLIST, 42, -2.8, 0, (double[3]){1.8, 0.6, 1.75});
    add_actor(ACTOR_VAN, 105, 0, 0, (double[3]){5.4, 2, 2.3});
    w->n_actors = 5; /* the van would be hidden by the car */
}

Test(sim_render, an_actors_pixels_lie_in_its_box_and_fill_its_silhouette)
{
    struct camera c = pinhole();

    crowd();
    draw_plain(&c);
    for (int i = 0; i < w->n_actors; i++)
        check_actor(&c, i);
}

Test(sim_render, so_they_do_through_a_bent_lens)
{
    struct camera c = pinhole();

    c.fx = c.fy = 300;
    memcpy(c.distortion, (float[]){-0.28f, 0.07f, 0.001f, -0.0005f}, 4 * sizeof(float));
    crowd();
    draw_plain(&c);
    for (int i = 0; i < w->n_actors; i++)
        check_actor(&c, i);
}

Test(sim_render, and_through_a_fisheye)
{
    struct camera c = pinhole();

    c.model = CAMERA_FISHEYE;
    c.fx = c.fy = 210;
    c.distortion[0] = 0.02f;
    w->n_actors = 0;
    add_actor(ACTOR_CAR, 29, 2, 0.4, car_size);
    draw_plain(&c);
    check_actor(&c, 0);
}

Test(sim_render, who_stands_behind_is_hidden_and_counted_so)
{
    struct camera c = pinhole();

    add_actor(ACTOR_VAN, 32, 0, 0, (double[3]){5.4, 2, 2.3});
    add_actor(ACTOR_CAR, 45, 0.8, 0, car_size);
    add_actor(ACTOR_CAR, 10, 0, 0, car_size); /* behind us */
    draw_plain(&c);
    cr_expect_gt(f.silhouette[1], f.visible[1] + 50);
    cr_expect_eq(f.silhouette[0], f.visible[0]);
    cr_expect_eq(f.silhouette[2], 0);
    cr_expect_eq(f.visible[2], 0);
    uint32_t hidden = f.silhouette[1];
    w->actor[0] = w->actor[1];
    w->n_actors = 1;
    cr_assert_eq(render_frame(r, w, &f, NULL), OK);
    cr_expect_eq(f.visible[0], hidden, "alone it has %u pixels, its silhouette was %u",
                 f.visible[0], hidden);
}

/* Where the ray of a pixel meets the plane of the road: depth along the axis, s and d. False above
 * the horizon. */
static bool on_plane(const struct camera *c, int x, int y, double *depth, double *s, double *d)
{
    float px[2] = {(float)x + 0.5f, (float)y + 0.5f}, ray[3], axis[3], mid[2] = {c->cx, c->cy};

    if (!camera_ray(c, px, ray) || !camera_ray(c, mid, axis) || ray[2] > -0.02f)
        return false;
    double t = -c->z_m / (double)ray[2];
    *depth = t * ((double)ray[0] * axis[0] + (double)ray[1] * axis[1] + (double)ray[2] * axis[2]);
    *s = EGO_S + c->x_m + t * ray[0];
    *d = c->y_m + t * ray[1];
    return true;
}

Test(sim_render, depth_and_road_agree_with_geometry)
{
    struct camera c = pinhole();
    int n = 0;

    draw_plain(&c);
    for (int y = 0; y < f.height; y++)
        for (int x = 0; x < f.width; x++) {
            double depth, s, d;
            uint32_t kind = kind_at(x, y);

            if (!on_plane(&c, x, y, &depth, &s, &d))
                continue;
            double px = depth / c.fx; /* m of one pixel */
            bool road = kind == PIXEL_ROAD || kind == PIXEL_MARKING;
            if (d > RIGHT + px && d < LEFT - px)
                cr_assert(road, "(%d, %d) at s %g d %g is %u", x, y, s, d, kind);
            if (d < RIGHT - px || d > LEFT + px)
                cr_assert(!road, "(%d, %d) at s %g d %g is road", x, y, s, d);
            if (kind == PIXEL_ROAD) {
                cr_assert_float_eq(f.depth[y * f.width + x], depth, 2e-3 * depth, "(%d, %d)", x, y);
                n++;
            }
        }
    cr_assert_gt(n, 20000);
    cr_expect(isinf(f.depth[f.width / 2]) && f.depth[f.width / 2] > 0, "the sky is far away");
}

Test(sim_render, markings_lie_where_the_road_has_them)
{
    struct camera c = pinhole();
    int solid = 0, dashed = 0;

    draw_plain(&c);
    for (int y = 0; y < f.height; y++)
        for (int x = 0; x < f.width; x++) {
            double depth, s, d;

            if (!on_plane(&c, x, y, &depth, &s, &d))
                continue;
            double px = depth / c.fx,
                   along = px * depth / c.z_m; /* m of one pixel, across and along */
            double off = fabs(d - (d < 0 ? -1.75 : 1.75)), at = fmod(s, 12);
            bool marked = kind_at(x, y) == PIXEL_MARKING;
            bool there = off < 0.1 - px && (d < 0 || (at > along && at < 4 - along));
            bool near = off < 0.1 + px && (d < 0 || at < 4 + along || at > 12 - along);

            cr_assert(!there || marked, "(%d, %d): s %g d %g should be marked", x, y, s, d);
            cr_assert(!marked || near, "(%d, %d): s %g d %g should not be", x, y, s, d);
            solid += marked && d < 0;
            dashed += marked && d > 0;
        }
    cr_expect_gt(solid, 200);
    cr_expect_gt(dashed, 50);
}

Test(sim_render, an_edge_of_a_curve_lies_within_a_pixel)
{
    struct camera c = pinhole();
    struct roadway *road = &w->roads.road[0];

    *road = (struct roadway){.left = road->left, .right = road->right};
    cr_assert_eq(road_append(road, 60, 0, 0.006, 0, 0), OK);
    cr_assert_eq(road_append(road, 300, 0.006, 0.006, 0, 0), OK);
    road_finish(road, 0, 0, 0, 0);
    struct road_point at = road_at(road, EGO_S, 0);
    w->ego = (struct ego_car){.x = at.x, .y = at.y, .z = at.z, .heading = at.heading};
    draw_plain(&c);
    int n = 0;
    for (double s = EGO_S + 8; s < EGO_S + 60; s += 0.5) {
        struct road_point p = road_at(road, s, RIGHT);
        struct road_point q = road_at(road, s + 0.1, RIGHT);
        float px[2], next[2];

        if (!project(&c, p.x, p.y, p.z, px) || !project(&c, q.x, q.y, q.z, next) || px[0] < 4 ||
            px[0] > 476 || px[1] > 284)
            continue;
        float u = next[1] - px[1], v = px[0] - next[0],
              l = hypotf(u, v); /* across it, to the left */
        u *= 1.2f / l;
        v *= 1.2f / l;
        cr_expect_eq(kind_at((int)(px[0] + u), (int)(px[1] + v)), PIXEL_ROAD,
                     "left of the edge at s %g", s);
        cr_expect_eq(kind_at((int)(px[0] - u), (int)(px[1] - v)), PIXEL_GROUND,
                     "right of the edge at s %g", s);
        n++;
    }
    cr_assert_gt(n, 30);
}

Test(sim_render, the_same_world_gives_the_same_picture_and_night_is_darker)
{
    struct camera c = pinhole();
    struct render_options o = {.quality = 1,
                               .shadows = true,
                               .seed = 5,
                               .lens = {.noise = 0.02f, .vignette = 0.4f, .jpeg_quality = 80}};
    size_t size = (size_t)3 * (size_t)c.width * (size_t)c.height;
    uint8_t *first = malloc(size);
    double day = 0, night = 0;

    cr_assert_not_null(first);
    crowd();
    draw(&c, &o);
    memcpy(first, f.rgb, size);
    render_close(r);
    draw(&c, &o);
    cr_expect_arr_eq(first, f.rgb, size);
    w->weather.sun_elevation = -0.4f;
    cr_assert_eq(render_frame(r, w, &f, NULL), OK);
    for (size_t i = 0; i < size; i++) {
        day += first[i];
        night += f.rgb[i];
    }
    cr_expect_lt(night, 0.8 * day);
    free(first);
}

Test(sim_render, a_frame_costs_time_not_memory)
{
    struct camera c = pinhole();
    struct render_options o = {.quality = 1,
                               .shadows = true,
                               .lens = {.exposure_s = 0.01f,
                                        .rolling_s = 0.01f,
                                        .noise = 0.01f,
                                        .jpeg_quality = 90,
                                        .flare = 1}};

    crowd();
    w->weather.rain = 0.5f;
    w->weather.dirt = 0.5f;
    draw(&c, &o);
    calls = 0;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(render_frame(r, w, &f, NULL), OK);
    cr_expect_eq(calls, 0, "%d allocations", calls);
}

/* How much the lower half changes from row to row. */
static double sharpness(void)
{
    double sum = 0;

    for (int y = f.height / 2; y + 1 < f.height; y++)
        for (int x = 0; x < f.width; x++)
            sum += abs(f.rgb[3 * (y * f.width + x)] - f.rgb[3 * ((y + 1) * f.width + x)]);
    return sum;
}

Test(sim_render, a_long_exposure_blurs_what_passes_by)
{
    struct camera c = pinhole();
    double sharp;

    draw_plain(&c);
    sharp = sharpness();
    render_close(r);
    w->ego.speed = 30;
    draw(&c, &(struct render_options){.lens = {.exposure_s = 0.02f}});
    cr_expect_lt(sharpness(), 0.8 * sharp);
}

/* Leftmost pixel of actor 0 in a row, -1: none. */
static int left_end(int y)
{
    for (int x = 0; x < f.width; x++)
        if (f.ids[y * f.width + x] == PIXEL_ID(PIXEL_ACTOR, 0))
            return x;
    return -1;
}

Test(sim_render, late_rows_lean_while_we_turn)
{
    struct camera c = pinhole();
    struct render_options o = {.lens = {.rolling_s = 0.04f}};
    float box[4];

    c.roll_rad = 0;
    add_actor(ACTOR_TRUCK, 36, 0, 0, (double[3]){8, 2.5, 3.8});
    draw(&c, &o);
    visible_box(0, box);
    int top = (int)box[1] + 12, low = (int)box[3] - 25;
    int straight = left_end(low) - left_end(top);
    w->ego.yaw_rate = 0.8;
    cr_assert_eq(render_frame(r, w, &f, NULL), OK);
    /* turning left, what we see moves to the right, and low rows are later */
    double lean = c.fx * 0.8 * 0.04 * (low - top) / c.height;
    cr_assert_gt(lean, 3);
    cr_expect_float_eq(left_end(low) - left_end(top) - straight, lean, 2);
}

/* Mean red less mean green over a prop's brightest pixels. */
static double redness(int prop)
{
    int most = -255, least = 255;

    for (int i = 0; i < f.width * f.height; i++) {
        if (f.ids[i] != PIXEL_ID(PIXEL_PROP, prop))
            continue;
        int d = f.rgb[3 * i] - f.rgb[3 * i + 1];

        most = d > most ? d : most;
        least = d < least ? d : least;
    }
    return most + least;
}

Test(sim_render, a_traffic_light_shows_its_state)
{
    struct camera c = pinhole();
    struct road_point at = road_at(&w->roads.road[0], 32, -3);

    w->prop[0] = (struct prop){.id = 1,
                               .kind = PROP_TRAFFIC_LIGHT,
                               .x = at.x,
                               .y = at.y,
                               .z = at.z,
                               .heading = at.heading + M_PI,
                               .height = 3,
                               .state = LIGHT_RED};
    w->n_props = 1;
    draw_plain(&c);
    cr_expect_gt(redness(0), 40);
    w->prop[0].state = LIGHT_GREEN;
    cr_assert_eq(render_frame(r, w, &f, NULL), OK);
    cr_expect_lt(redness(0), 0);
}

Test(sim_render, a_camera_that_is_none_is_refused)
{
    struct camera c = pinhole();
    struct why why = {""};

    c.fx = 0;
    cr_expect_neq(render_open(w, &c, &(struct render_options){0}, &r, &why), OK);
    cr_expect_null(r);
    cr_expect_neq(why.text[0], 0);
}
