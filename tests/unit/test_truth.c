/* Truth of small worlds that are filled in by hand. */
#include "sim/truth.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/geometry/ground.h"
#include "tests/cameras.h"

static struct world *w;
static struct truth_maker *m;
static struct truth *t;
static struct camera camera;
static const double OFF = 0.3, YAW = 0.02; /* ego: left of its lane's middle, and turned left */

static struct profile at(double v)
{
    return (struct profile){.n = 1, .knot = {{0, v}}};
}

static void add_marking(struct roadway *r, double d, enum marking_type type,
                        enum marking_color color, double s0, double s1)
{
    r->marking[r->n_markings++] = (struct road_marking){.type = type,
                                                        .color = color,
                                                        .s0 = s0,
                                                        .s1 = s1,
                                                        .offset = at(d),
                                                        .width = 0.12,
                                                        .dash = 3,
                                                        .gap = 6,
                                                        .boundary = true};
}

/* A road of one lane for each direction: dashed yellow between them, solid white outside, grass. */
static void fill_road(struct roadway *r, double length)
{
    for (int i = 0; i < 2; i++) {
        r->lane[i] = (struct road_lane){.use = LANE_DRIVE,
                                        .direction = i ? -1 : 1,
                                        .s1 = length,
                                        .centre = at(i ? 1.75 : -1.75),
                                        .width = at(3.5),
                                        .speed_limit = 20,
                                        .next_road = -1,
                                        .next_lane = -1,
                                        .left = -1,
                                        .right = -1};
        r->edge[i] = (struct road_edge){
            .kind = EDGE_SOIL, .s1 = length, .offset = at(i ? 4.5 : -4.5), .limits = true};
    }
    r->n_lanes = r->n_edges = 2;
    add_marking(r, 0, MARKING_DASHED, MARKING_YELLOW, 0, length);
    add_marking(r, -3.5, MARKING_SOLID, MARKING_WHITE, 0, length);
    add_marking(r, 3.5, MARKING_SOLID, MARKING_WHITE, 0, length);
}

static void place_ego(double s, int direction)
{
    double d = direction > 0 ? -1.75 + OFF : 1.75 - OFF;
    struct road_point p = road_at(&w->roads.road[0], s, d);

    w->ego = (struct ego_car){.x = p.x,
                              .y = p.y,
                              .z = p.z,
                              .heading = p.heading + (direction > 0 ? 0 : M_PI) + YAW,
                              .speed = 15,
                              .acceleration = -1,
                              .yaw_rate = 0.05,
                              .steer = 0.01,
                              .wheelbase = 2.8,
                              .length = 4.6,
                              .width = 1.8,
                              .height = 1.5,
                              .rear_overhang = 0.9,
                              .lane = direction > 0 ? 0 : 1,
                              .s = s,
                              .d = d};
}

static struct actor *add_actor(enum actor_kind kind, double s, double d, int lane, double speed)
{
    const struct roadway *r = &w->roads.road[0];
    struct road_point p = road_at(r, s, d);
    struct actor *a = &w->actor[w->n_actors++];
    double heading = p.heading + (lane == 1 ? M_PI : 0);

    *a = (struct actor){.id = 100 + (uint64_t)w->n_actors,
                        .kind = kind,
                        .x = p.x,
                        .y = p.y,
                        .z = p.z,
                        .heading = heading,
                        .length = 4.4,
                        .width = 1.8,
                        .height = 1.5,
                        .speed = speed,
                        .vx = speed * cos(heading),
                        .vy = speed * sin(heading),
                        .lane = lane,
                        .s = s,
                        .d = d};
    return a;
}

static void begin(double curvature)
{
    struct roadway *r;

    w = calloc(1, sizeof *w);
    t = calloc(1, sizeof *t);
    r = &w->roads.road[0];
    w->roads.n_roads = 1;
    w->t = 2.5;
    r->left = at(4.5);
    r->right = at(-4.5);
    cr_assert_eq(road_append(r, 600, curvature, curvature, 0, 0), OK);
    road_finish(r, 10, 20, 0, 0.7);
    fill_road(r, 600);
    place_ego(100, 1);
    camera = front_camera();
    cr_assert_eq(truth_open(&camera, &m), OK);
}

static void end(void)
{
    truth_close(m);
    free(w);
    free(t);
}

static const struct lane_boundary *boundary(int role)
{
    const struct lane_boundary *found = NULL;

    for (int i = 0; i < t->scene.n_lanes; i++)
        if (t->scene.lane[i].role == role) {
            cr_assert_null(found, "two of role %d", role);
            found = &t->scene.lane[i];
        }
    cr_assert(found, "no boundary of role %d", role);
    return found;
}

/* ---- lanes --------------------------------------------------------------------------------- */

Test(truth, lines_of_a_straight_road)
{
    begin(0);
    truth_frame(m, w, NULL, t);
    cr_assert_eq(t->scene.n_lanes, 5);
    cr_expect_eq(t->scene.lane[0].kind, LANE_ROAD_EDGE, "left to right");
    cr_expect_eq(t->scene.lane[4].kind, LANE_ROAD_EDGE);
    cr_expect_eq(t->scene.lane[0].role, 0);
    const struct lane_boundary *l = boundary(1);
    cr_expect_eq(l->types[0].type, LANE_TYPE_DASHED);
    cr_expect_eq(l->colors[0].color, LANE_COLOR_YELLOW);
    cr_expect_eq(boundary(-1)->types[0].type, LANE_TYPE_SOLID);
    cr_expect_eq(boundary(2)->colors[0].color, LANE_COLOR_WHITE);
    cr_assert(l->has_metres);
    for (int i = 0; i < SCENE_STATIONS; i++) {
        /* 1.75 - 0.3 m to our left, and our way turns 0.02 rad towards it */
        double x = (double)SCENE_STATION_M[i], y = 1.45 / cos(YAW) - x * tan(YAW);

        cr_expect_float_eq(l->station[i].y_m, y, 2e-3, "at %g m: %g", x, l->station[i].y_m);
        double cubic = l->cubic[0] + x * (l->cubic[1] + x * (l->cubic[2] + x * l->cubic[3]));
        cr_expect_float_eq(cubic, y, 5e-3);
        cr_expect_eq(l->station[i].sigma_y_m, 0);
    }
    cr_expect_eq(l->x_max_m, 100);
    end();
}

Test(truth, our_lane)
{
    begin(1 / 400.0);
    truth_frame(m, w, NULL, t);
    const struct ego_lane *l = &t->scene.ego_lane;
    cr_expect_float_eq(l->offset_m, OFF, 2e-3, "%g", l->offset_m);
    cr_expect_float_eq(l->heading_rad, YAW, 1e-6);
    cr_expect_float_eq(l->curvature_1pm, 1 / 401.75, 1e-6, "the lane lies outside of the line");
    cr_expect_float_eq(l->width_m, 3.5, 2e-3);
    /* 1.75 - 0.3 - 0.95 m at 15 sin(0.02) m/s */
    cr_expect_float_eq(l->time_to_departure_s, 0.5 / (15 * sin(YAW)), 0.02, "%g",
                       l->time_to_departure_s);
    end();
}

Test(truth, a_bend)
{
    const double radius = 300;

    begin(-1 / radius);
    place_ego(100, 1);
    truth_frame(m, w, NULL, t);
    const struct lane_boundary *l = boundary(-1);
    for (int i = 0; i < SCENE_STATIONS; i++) {
        /* The middle of the bend lies to our right, at 300 m from the line; turned by our heading. */
        double from_us = radius - 1.75 + OFF, cx = -from_us * sin(YAW), cy = -from_us * cos(YAW);
        double x = (double)SCENE_STATION_M[i] - cx, r = radius - 3.5, y = cy + sqrt(r * r - x * x);

        cr_expect_float_eq(l->station[i].y_m, y, 3e-3, "at %g m: %g, not %g", SCENE_STATION_M[i],
                           l->station[i].y_m, y);
    }
    end();
}

Test(truth, against_the_line_left_is_still_left)
{
    begin(0);
    place_ego(400, -1);
    truth_frame(m, w, NULL, t);
    cr_expect_eq(boundary(1)->colors[0].color, LANE_COLOR_YELLOW);
    cr_expect_float_eq(boundary(1)->station[0].y_m, 1.45, 0.01);
    cr_expect_float_eq(boundary(-1)->station[0].y_m, -2.05, 0.01);
    cr_expect_float_eq(t->scene.ego_lane.offset_m, OFF, 2e-3);
    cr_expect_float_eq(t->scene.ego_lane.heading_rad, YAW, 1e-6);
    end();
}

Test(truth, a_line_goes_on_behind_the_end_of_a_marking_and_of_the_road)
{
    struct roadway *r, *next;

    begin(0);
    r = &w->roads.road[0];
    next = &w->roads.road[1];
    w->roads.n_roads = 2;
    /* solid from 140 m on, and the road ends at 150 m: its lane goes on on another one */
    r->n_markings = 0;
    add_marking(r, 0, MARKING_DASHED, MARKING_YELLOW, 0, 140);
    add_marking(r, -3.5, MARKING_SOLID, MARKING_WHITE, 0, 150);
    add_marking(r, 3.5, MARKING_SOLID, MARKING_WHITE, 0, 150);
    add_marking(r, 0, MARKING_SOLID, MARKING_YELLOW, 140, 150);
    r->lane[0].s1 = r->lane[1].s1 = r->length = r->piece[0].length = 150;
    r->edge[0].s1 = r->edge[1].s1 = 150;
    r->lane[0].next_road = 1;
    r->lane[0].next_lane = 0;
    r->lane[0].next_s = 0;
    cr_assert_eq(road_append(next, 400, 0, 0, 0, 0), OK);
    struct road_point p = road_at(r, 150, 0);
    road_finish(next, p.x, p.y, p.z, p.heading);
    fill_road(next, 400);
    truth_frame(m, w, NULL, t);
    cr_assert_eq(t->scene.n_lanes, 5);
    const struct lane_boundary *l = boundary(1);
    cr_expect_eq(l->types[0].type, LANE_TYPE_DASHED, "what it is beside us");
    for (int i = 0; i < SCENE_STATIONS; i++) {
        double x = (double)SCENE_STATION_M[i];

        cr_expect_float_eq(l->station[i].y_m, 1.45 / cos(YAW) - x * tan(YAW), 3e-3, "at %g m", x);
    }
    end();
}

Test(truth, a_line_is_what_one_sees_of_it)
{
    begin(0);
    struct roadway *r = &w->roads.road[0];
    r->marking[0].s1 = 103; /* dashed yellow behind us, and then: */
    add_marking(r, 0, MARKING_DOUBLE, MARKING_WHITE, 103, 600);
    truth_frame(m, w, NULL, t);
    cr_expect_eq(boundary(1)->types[0].type, LANE_TYPE_DOUBLE);
    cr_expect_eq(boundary(1)->colors[0].color, LANE_COLOR_WHITE);
    cr_expect_float_eq(boundary(1)->station[0].y_m, 1.45, 0.01);
    end();
}

Test(truth, temporary_lines_replace_the_others)
{
    begin(0);
    add_marking(&w->roads.road[0], -0.4, MARKING_SOLID, MARKING_YELLOW, 50, 300);
    w->roads.road[0].marking[3].temporary = true;
    truth_frame(m, w, NULL, t);
    cr_expect_float_eq(boundary(1)->station[0].y_m, 1.05, 0.01);
    cr_expect_eq(t->scene.n_lanes, 3, "one line and two edges");
    end();
}

Test(truth, pixels_lie_on_the_line)
{
    begin(1 / 250.0);
    truth_frame(m, w, NULL, t);
    const struct lane_boundary *l = boundary(-1);
    cr_assert_gt(l->n_pixels, 20);
    for (int i = 0; i < l->n_pixels; i++) {
        const float px[2] = {l->pixel[i].x, l->pixel[i].y}, sigma[2] = {0, 0};
        struct ground_point g;

        cr_assert(ground_from_pixel(&camera, px, sigma, &g));
        const double v[3] = {g.x_m, g.y_m, 0};
        double world[3], s, d;
        ego_to_world(&w->ego, v, world);
        cr_assert(road_locate(&w->roads.road[0], world[0], world[1], 100, &s, &d));
        /* half a pixel's width at that distance */
        cr_expect_float_eq(d, -3.5, 0.02 + 0.5 * g.x_m / 721.5 + 1e-4 * g.x_m * g.x_m, "%g at %g m",
                           d, g.x_m);
        if (i > 0)
            cr_expect_leq(l->pixel[i].y, l->pixel[i - 1].y, "from the bottom upwards");
    }
    end();
}

/* ---- objects ------------------------------------------------------------------------------- */

static const struct object *object(uint64_t id)
{
    for (int i = 0; i < t->scene.n_objects; i++)
        if (t->scene.object[i].id == id)
            return &t->scene.object[i];
    cr_assert_fail("no object %d", (int)id);
    return NULL;
}

/* It lies at s of the road, in the middle of our lane, seen from where we are when we go on as we do. */
static void check_path(const struct path_point *p, double on_road_m)
{
    const double v[3] = {p->x_m, p->y_m, 0};
    struct ego_car then = w->ego;
    double world[3], s, d;

    for (int i = 0; i < (int)(1000 * p->t_s); i++) {
        then.heading += 0.001 * then.yaw_rate;
        then.x += 0.001 * then.speed * cos(then.heading);
        then.y += 0.001 * then.speed * sin(then.heading);
    }
    ego_to_world(&then, v, world);
    cr_assert(road_locate(&w->roads.road[0], world[0], world[1], on_road_m, &s, &d));
    cr_expect_float_eq(s, on_road_m, 0.1, "%g, not %g", s, on_road_m);
    cr_expect_float_eq(d, -1.75, 0.1, "%g", d);
}

Test(truth, a_lead_in_metres)
{
    begin(0);
    w->ego.heading -= YAW;
    add_actor(ACTOR_VAN, 130, -1.75, 0, 10)->acceleration = 0.5;
    add_actor(ACTOR_CAR, 160, 1.75, 1, 12);
    add_actor(ACTOR_TRUCK, 190, -1.75, 0, 15);
    truth_frame(m, w, NULL, t);
    cr_assert_eq(t->scene.n_objects, 3);
    cr_expect_gt(t->scene.object[2].occlusion, 0.5, "the truck is behind the van");
    cr_expect_not(t->scene.object[2].is_lead);
    const struct object *o = object(101);
    cr_expect_eq(o->classes[0].class, OBJECT_CAR, "a van is a car");
    cr_expect_eq(o->ground_truth_id, 101);
    cr_expect_float_eq(o->x_m, 30 - 2.2, 1e-4);
    cr_expect_float_eq(o->y_m, -OFF, 1e-4);
    cr_expect_float_eq(o->vx_mps, -5, 1e-4);
    cr_expect_float_eq(o->ax_mps2, 1.5, 1e-4);
    cr_expect_float_eq(o->yaw_rad, 0, 1e-6);
    cr_expect_float_eq(o->ttc_s, (30 - 2.2 - camera.x_m) / 5, 1e-3);
    cr_expect(o->is_lead && o->in_path == 1 && o->has_lane && o->lane == 0);
    cr_expect_float_eq(o->path[1].t_s, 1, 1e-6);
    check_path(&o->path[1], 130 - 2.2 + 10);
    check_path(&o->path[5], 130 - 2.2 + 30);
    o = object(102);
    cr_expect_float_eq(fabsf(o->yaw_rad), M_PI, 1e-6);
    cr_expect_float_eq(o->x_m, 60 - 2.2, 1e-4, "the face towards us is its front");
    cr_expect_float_eq(o->y_m, 3.5 - OFF, 1e-4);
    cr_expect_float_eq(o->vx_mps, -27, 1e-4);
    cr_expect(!o->is_lead && o->in_path == 0 && o->has_lane && o->lane == 1);
    cr_expect_float_eq(t->object[1].vx_mps, -12, 1e-4, "over ground");
    cr_expect_float_eq(t->object[1].x_m, 60, 1e-4);
    cr_expect_float_eq(t->ego.speed_mps, 15, 0);
    end();
}

Test(truth, the_way_of_an_object_follows_the_bend)
{
    begin(1 / 200.0);
    add_actor(ACTOR_CAR, 120, -1.75, 0, 20);
    truth_frame(m, w, NULL, t);
    check_path(&object(101)->path[5], 120 + 60 - 2.2);
    end();
}

Test(truth, boxes_without_a_picture)
{
    begin(0);
    w->ego.heading -= YAW;
    add_actor(ACTOR_CAR, 130, -1.75, 0, 10);
    truth_frame(m, w, NULL, t);
    const struct box b = object(101)->box_px;
    /* The near face spans 1.8 m at 27.8 - 1.7 m: 721.5 * 1.8 / 26.1 px. */
    cr_expect_float_eq(b.x2 - b.x1, 49.8, 0.5, "%g", b.x2 - b.x1);
    cr_expect_float_eq(b.y2, 172.9 + 721.5 * 1.65 / 26.1, 0.5);
    cr_expect_eq(object(101)->occlusion, 0);
    cr_expect_eq(object(101)->truncation, 0);
    end();
}

/* ---- with a picture ------------------------------------------------------------------------ */

enum { W = 1242, H = 375 };
static uint32_t *ids;
static float *depth;
static uint32_t visible[2], silhouette[2];
static float full_box[2][4];

static void paint(uint32_t id, int x1, int y1, int x2, int y2, float z)
{
    for (int y = y1; y < y2; y++)
        for (int x = x1; x < x2; x++) {
            ids[y * W + x] = id;
            depth[y * W + x] = z;
        }
}

static struct rendered picture(void)
{
    ids = calloc(W * H, sizeof *ids);
    depth = calloc(W * H, sizeof *depth);
    paint(PIXEL_ID(PIXEL_SKY, -1), 0, 0, W, 173, INFINITY);
    paint(PIXEL_ID(PIXEL_ROAD, -1), 0, 173, W, H, 1000);
    return (struct rendered){.width = W,
                             .height = H,
                             .depth = depth,
                             .ids = ids,
                             .n_actors = 2,
                             .visible = visible,
                             .silhouette = silhouette,
                             .full_box = (const float(*)[4])full_box};
}

Test(truth, boxes_are_tight_around_their_pixels)
{
    begin(0);
    add_actor(ACTOR_CAR, 130, -1.75, 0, 10);
    add_actor(ACTOR_CAR, 120, 1.75, 1, 10);
    struct rendered p = picture();
    paint(PIXEL_ID(PIXEL_ACTOR, 0), 600, 150, 650, 210, 28);
    paint(PIXEL_ID(PIXEL_PROP, 5), 600, 150, 610, 210, 20); /* hides its left sixth */
    paint(PIXEL_ID(PIXEL_ACTOR, 1), 0, 100, 50, 300, 18);
    silhouette[0] = 3000;
    silhouette[1] = 10000;
    memcpy(full_box[0], (float[]){600, 150, 650, 210}, sizeof full_box[0]);
    memcpy(full_box[1], (float[]){-50, 100, 50, 300}, sizeof full_box[1]);
    truth_frame(m, w, &p, t);
    cr_assert_eq(t->scene.n_objects, 2);
    const struct object *o = object(101);
    cr_expect_eq(o->box_px.x1, 610);
    cr_expect_eq(o->box_px.y1, 150);
    cr_expect_eq(o->box_px.x2, 650);
    cr_expect_eq(o->box_px.y2, 210);
    cr_expect_float_eq(o->occlusion, 0.2, 1e-6);
    cr_expect_eq(o->truncation, 0);
    cr_expect_eq(t->object[1].visible_px, 2400);
    cr_expect_eq(t->object[1].full_px.x1, 600);
    cr_expect_float_eq(object(102)->truncation, 0.5, 1e-6);
    cr_expect_eq(object(102)->occlusion, 0);
    cr_assert(t->road);
    cr_expect_eq(t->road[200 * W + 630], 0);
    cr_expect_eq(t->road[200 * W + 700], 255);
    cr_expect_eq(t->scene.road.width, SCENE_ROAD_WIDTH);
    cr_expect_eq(t->scene.road.probability[0], 0);
    cr_expect_eq(t->scene.road.probability[SCENE_ROAD_WIDTH * SCENE_ROAD_HEIGHT - 1], 255);
    free(ids);
    free(depth);
    end();
}

Test(truth, of_a_sign_the_plate_counts)
{
    begin(0);
    w->ego.heading -= YAW;
    struct rendered p = picture();
    struct road_point at_sign = road_at(&w->roads.road[0], 120, -6);
    w->prop[w->n_props++] = (struct prop){.id = 9,
                                          .kind = PROP_SIGN,
                                          .x = at_sign.x,
                                          .y = at_sign.y,
                                          .z = at_sign.z,
                                          .heading = at_sign.heading + M_PI,
                                          .length = 0.1,
                                          .width = 0.7,
                                          .height = 2.6};
    /* 18.25 m ahead of the lens: plate from 2.6 to 1.8 m, its pole down to the ground */
    paint(PIXEL_ID(PIXEL_PROP, 0), 775, 136, 803, 167, 18);
    paint(PIXEL_ID(PIXEL_PROP, 0), 788, 167, 791, 238, 18);
    truth_frame(m, w, &p, t);
    cr_assert_eq(t->scene.n_objects, 1);
    const struct object *o = object(9);
    cr_expect_eq(o->classes[0].class, OBJECT_TRAFFIC_SIGN);
    cr_expect_eq(o->box_px.y1, 136);
    cr_expect_float_eq(o->box_px.y2, 167, 1.01, "%g", o->box_px.y2);
    cr_expect_eq(o->box_px.x2, 803);
    cr_expect_float_eq(o->vx_mps, -15, 1e-6);
    w->prop[0].heading += M_PI; /* its back */
    truth_frame(m, w, &p, t);
    cr_expect_eq(t->scene.n_objects, 0);
    free(ids);
    free(depth);
    end();
}

Test(truth, what_stands_before_a_line_hides_it_and_a_hill_ends_it)
{
    begin(0);
    struct rendered p = picture();
    /* A wall across the picture at 25 m, above the rows of the road up to 25 m. */
    paint(PIXEL_ID(PIXEL_PROP, 5), 0, 100, W, 173 + 46, 25);
    truth_frame(m, w, &p, t);
    const struct lane_boundary *l = boundary(1);
    cr_expect_eq(l->station[8].visible, 1, "16 m");
    cr_expect_eq(l->station[14].visible, 0, "30 m");
    cr_expect_float_eq(l->station[14].y_m, 1.45 - 30 * tan(YAW), 0.01, "it is there all the same");
    float top = l->pixel[l->n_pixels - 1].y;
    cr_expect_lt(top, 195, "the polyline goes on behind cars: %g", top);
    /* The same, but it is the road that rises. */
    paint(PIXEL_ID(PIXEL_ROAD, -1), 0, 100, W, 173 + 46, 25);
    truth_frame(m, w, &p, t);
    l = boundary(1);
    top = l->pixel[l->n_pixels - 1].y;
    cr_expect(top > 215 && top < 225, "it ends at the crest: %g", top);
    free(ids);
    free(depth);
    end();
}

Test(truth, at_most_64_objects_nearest_first)
{
    begin(0);
    for (int i = 0; i < 120; i++)
        add_actor(ACTOR_PEDESTRIAN, 110 + 0.9 * ((37 * i) % 120), -6 - (i % 9), -1, 0)->width = 0.5;
    truth_frame(m, w, NULL, t);
    cr_assert_leq(t->scene.n_objects, SCENE_MAX_OBJECTS);
    cr_assert_gt(t->scene.n_objects, 10);
    for (int i = 1; i < t->scene.n_objects; i++)
        cr_expect(hypotf(t->scene.object[i - 1].x_m, t->scene.object[i - 1].y_m) <=
                  hypotf(t->scene.object[i].x_m, t->scene.object[i].y_m) + 1e-4f);
    end();
}
