#include "sim/torcs/torcs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sender.h"
#include "sim/torcs/link.h"
#include "sim/torcs/pixels.h"
#include "sim/torcs/process.h"
#include "sim/torcs/road.h"

#define SECOND 1000000000LL
enum { START_S = 60, ANSWER_S = 10 };

/* Of the car that carries it, from the middle of the rear axle on the ground. */
static const float CAMERA_X_M = 2.05f, CAMERA_Z_M = 1.04f;
static const double FIELD_RAD = 67.5 * M_PI / 180; /* from the picture's top to its bottom */

struct torcs {
    struct camera camera;
    struct torcs_paths paths;
    struct torcs_process process;
    struct torcs_hello hello;
    struct torcs_frame frame;
    struct world *world;
    struct torcs_pixels *pixels;
    unsigned char *received; /* colour, then depth */
    double start_s;          /* on TORCS's clock */
    bool started;
    double length; /* of the road, once round */
    int built_at;  /* segment that the world's road begins before; -1: none */
};

struct camera torcs_camera(int width, int height)
{
    const float f = (float)(height / 2.0 / tan(FIELD_RAD / 2));

    return (struct camera){.width = width,
                           .height = height,
                           .model = CAMERA_PINHOLE,
                           .fx = f,
                           .fy = f,
                           .cx = (float)width / 2,
                           .cy = (float)height / 2,
                           .x_m = CAMERA_X_M,
                           .z_m = CAMERA_Z_M};
}

/* ---- the road ---------------------------------------------------------------------------------------- */
enum { BEHIND = 3, AHEAD = 12 }; /* segments of the ring that the world has */

static struct profile level(double v)
{
    return (struct profile){1, {{0, v}}};
}

/* Lanes, lines and edges of one piece of the ring, which has no ends that anybody sees. */
static void furnish(struct roadway *r)
{
    r->left = level(TORCS_ROAD_WIDTH / 2);
    r->right = level(-TORCS_ROAD_WIDTH / 2);
    for (int i = 0; i < 3; i++)
        r->lane[i] = (struct road_lane){.use = LANE_DRIVE,
                                        .direction = 1,
                                        .s1 = r->length,
                                        .centre = level((1 - i) * TORCS_LANE_WIDTH),
                                        .width = level(TORCS_LANE_WIDTH),
                                        .speed_limit = 30,
                                        .next_road = -1,
                                        .next_lane = -1,
                                        .left = i > 0 ? i - 1 : -1,
                                        .right = i < 2 ? i + 1 : -1};
    r->n_lanes = 3;
    for (int i = 0; i < 4; i++)
        r->marking[i] =
            (struct road_marking){.type = i == 0 || i == 3 ? MARKING_SOLID : MARKING_DASHED,
                                  .color = MARKING_WHITE,
                                  .s1 = r->length,
                                  .offset = level((1.5 - i) * TORCS_LANE_WIDTH),
                                  .width = 0.15,
                                  .dash = 6,
                                  .gap = 6,
                                  .boundary = true};
    r->n_markings = 4;
    for (int i = 0; i < 2; i++)
        r->edge[i] = (struct road_edge){.kind = EDGE_SOIL,
                                        .s1 = r->length,
                                        .offset = level((i ? -0.5 : 0.5) * TORCS_ROAD_WIDTH),
                                        .limits = true};
    r->n_edges = 2;
}

static int wrap(int i, int n)
{
    return (i % n + n) % n;
}

/* Where segment i begins, by turning and walking from the first. */
static void place_of(const struct torcs_hello *h, int i, double at[3])
{
    at[0] = h->x;
    at[1] = h->y;
    at[2] = h->heading;
    for (int k = 0; k < i; k++) {
        double l = h->segment[k].length, c = h->segment[k].curvature, turn = l * c;
        double chord = fabs(turn) > 1e-9 ? 2 / c * sin(turn / 2) : l;

        at[0] += chord * cos(at[2] + turn / 2);
        at[1] += chord * sin(at[2] + turn / 2);
        at[2] += turn;
    }
}

static enum err build_road(struct torcs *t, int segment, struct why *why)
{
    const struct torcs_hello *h = &t->hello;
    struct roadway *r = &t->world->roads.road[0];
    const int n = h->n_segments, first = wrap(segment - BEHIND, n);
    double at[3];

    if (segment == t->built_at)
        return OK;
    memset(r, 0, sizeof *r);
    for (int i = 0; i < BEHIND + 1 + AHEAD; i++) {
        const struct torcs_segment *s = &h->segment[wrap(first + i, n)];

        if (road_append(r, s->length, s->curvature, s->curvature, 0, 0) != OK)
            return err_say(why, ERR_LIMIT, "the road has too many pieces");
    }
    place_of(h, first, at);
    road_finish(r, at[0], at[1], 0, at[2]);
    furnish(r);
    t->world->roads.n_roads = 1;
    t->built_at = segment;
    return OK;
}

static int segment_at(const struct torcs_hello *h, double s)
{
    for (int i = 0; i < h->n_segments; i++) {
        if (s < h->segment[i].length)
            return i;
        s -= h->segment[i].length;
    }
    return 0;
}

/* ---- the cars ---------------------------------------------------------------------------------------- */
static void transform(const struct torcs_car *c, const float p[3], double out[3])
{
    for (int k = 0; k < 3; k++)
        out[k] = (double)p[0] * c->pose[0][k] + (double)p[1] * c->pose[1][k] +
                 (double)p[2] * c->pose[2][k] + c->pose[3][k];
}

struct attitude {
    double heading, pitch, roll;
};

static struct attitude attitude_of(const struct torcs_car *c)
{
    return (struct attitude){atan2((double)c->pose[0][1], (double)c->pose[0][0]),
                             -asin((double)c->pose[0][2]),
                             atan2((double)c->pose[1][2], (double)c->pose[2][2])};
}

static double along(const struct torcs_car *c, const float v[3])
{
    return (double)c->pose[0][0] * v[0] + (double)c->pose[0][1] * v[1];
}

static void place_on_road(const struct world *w, double x, double y, double *s, double *d,
                          int *lane)
{
    *lane = -1;
    if (road_locate(&w->roads.road[0], x, y, NAN, s, d))
        *lane = road_lane_at(&w->roads.road[0], *s, *d, LANE_DRIVE);
}

/* The vehicle frame hangs below the eye, so that the calibration is exact on any spring. */
static void set_ego(struct world *w, const struct torcs_car *c)
{
    const float origin[3] = {c->eye[0] - CAMERA_X_M, c->eye[1], c->eye[2] - CAMERA_Z_M};
    const struct attitude a = attitude_of(c);
    struct ego_car *e = &w->ego;
    double p[3];

    transform(c, origin, p);
    *e = (struct ego_car){.x = p[0],
                          .y = p[1],
                          .z = p[2],
                          .heading = a.heading,
                          .pitch = a.pitch,
                          .roll = a.roll,
                          .speed = along(c, c->velocity),
                          .acceleration = along(c, c->acceleration),
                          .steer = c->steer,
                          .yaw_rate = c->yaw_rate,
                          .wheelbase = c->front_axle - c->rear_axle,
                          .length = c->size[0],
                          .width = c->size[1],
                          .height = c->size[2],
                          .rear_overhang = c->size[0] / 2 + origin[0] - c->centre[0]};
    place_on_road(w, e->x, e->y, &e->s, &e->d, &e->lane);
}

static void set_actor(struct world *w, const struct torcs_car *c)
{
    const struct attitude t = attitude_of(c);
    struct actor *a = &w->actor[w->n_actors++];
    double p[3];

    transform(c, c->centre, p);
    *a = (struct actor){.id = (uint64_t)c->driver + 1,
                        .kind = ACTOR_CAR,
                        .look = (uint32_t)c->driver,
                        .x = p[0],
                        .y = p[1],
                        .heading = t.heading,
                        .length = c->size[0],
                        .width = c->size[1],
                        .height = c->size[2],
                        .speed = along(c, c->velocity),
                        .acceleration = along(c, c->acceleration),
                        .vx = c->velocity[0],
                        .vy = c->velocity[1],
                        .yaw_rate = c->yaw_rate,
                        .steer = c->steer};
    place_on_road(w, a->x, a->y, &a->s, &a->d, &a->lane);
}

/* By driver, so that an actor keeps its index while places in the race change. */
static const struct torcs_car *car_of(const struct torcs_frame *f, int driver)
{
    for (int i = 0; i < f->n_cars; i++)
        if (f->car[i].driver == driver)
            return &f->car[i];
    return NULL;
}

static enum err set_world(struct torcs *t, struct why *why)
{
    const struct torcs_car *ego = car_of(&t->frame, TORCS_EGO);
    enum err e;

    if (!ego)
        return err_say(why, ERR_FORMAT, "TORCS sent a frame without ego");
    if ((e = build_road(t, segment_at(&t->hello, fmod(ego->s + t->length, t->length)), why)) != OK)
        return e;
    if (!t->started)
        t->start_s = t->frame.t;
    t->started = true;
    t->world->t = t->frame.t - t->start_s;
    t->world->n_actors = 0;
    set_ego(t->world, ego);
    for (int i = 0; i < TORCS_MAX_CARS; i++) {
        const struct torcs_car *c = i == TORCS_EGO ? NULL : car_of(&t->frame, i);

        if (c)
            set_actor(t->world, c);
    }
    return OK;
}

/* ---- frames ------------------------------------------------------------------------------------------ */
static enum err take_frame(struct torcs *t, int seconds, struct why *why)
{
    const size_t n = (size_t)t->camera.width * (size_t)t->camera.height;
    const int64_t deadline = sender_now_ns() + seconds * SECOND;
    struct torcs_frame *f = &t->frame;
    enum err e = torcs_process_get(&t->process, &t->paths, f, sizeof *f, deadline, why);

    if (e != OK)
        return e;
    if (f->magic != TORCS_MAGIC || f->width != t->camera.width || f->height != t->camera.height ||
        f->n_cars < 0 || f->n_cars > TORCS_MAX_CARS)
        return err_say(why, ERR_FORMAT, "TORCS sent a frame of %d x %d pixels, %d cars", f->width,
                       f->height, f->n_cars);
    if ((e = torcs_process_get(&t->process, &t->paths, t->received, 7 * n, deadline, why)) != OK ||
        (e = set_world(t, why)) != OK)
        return e;
    torcs_pixels_take(t->pixels, t->world, t->received, t->received + 3 * n);
    return OK;
}

enum err torcs_open(const struct camera *c, struct torcs **out, struct why *why)
{
    struct torcs *t = calloc(1, sizeof *t);
    enum err e;

    *out = NULL;
    if (!t)
        return err_say(why, ERR_NOMEM, "no memory");
    t->camera = *c;
    t->process.fd = -1;
    t->built_at = -1;
    t->world = calloc(1, sizeof *t->world);
    t->received = malloc((size_t)c->width * (size_t)c->height * 7);
    if (!t->world || !t->received || torcs_pixels_open(c, &t->pixels) != OK) {
        e = err_say(why, ERR_NOMEM, "no memory");
        goto fail;
    }
    t->world->style = STYLE_MOTORWAY;
    t->world->weather = (struct weather){.sun_elevation = 0.5f, .cloud = 0.2f};
    if ((e = torcs_files_make(&t->paths, c->width, c->height, why)) != OK ||
        (e = torcs_process_start(&t->paths, c->width, c->height, &t->process, why)) != OK ||
        (e = torcs_process_get(&t->process, &t->paths, &t->hello, sizeof t->hello,
                               sender_now_ns() + START_S * SECOND, why)) != OK)
        goto fail;
    if (t->hello.magic != TORCS_MAGIC || t->hello.n_segments < 1 ||
        t->hello.n_segments > TORCS_MAX_SEGMENTS) {
        e = err_say(why, ERR_FORMAT, "TORCS described a road of %d pieces", t->hello.n_segments);
        goto fail;
    }
    for (int i = 0; i < t->hello.n_segments; i++)
        t->length += t->hello.segment[i].length;
    if ((e = take_frame(t, START_S, why)) != OK)
        goto fail;
    *out = t;
    return OK;
fail:
    torcs_close(t);
    return e;
}

void torcs_close(struct torcs *t)
{
    if (!t)
        return;
    torcs_process_end(&t->process);
    torcs_files_remove(&t->paths);
    torcs_pixels_close(t->pixels);
    free(t->received);
    free(t->world);
    free(t);
}

enum err torcs_step(struct torcs *t, double dt, const struct drive_command *command,
                    struct why *why)
{
    struct torcs_order o = {.dt = fmin(fmax(dt, 0.002), 1), .driven = command != NULL};
    enum err e;

    if (command) {
        o.acceleration = (float)command->acceleration;
        o.steer = (float)command->steer;
    }
    e = torcs_process_put(&t->process, &o, sizeof o, why);
    return e == OK ? take_frame(t, ANSWER_S, why) : e;
}

const struct world *torcs_world(const struct torcs *t)
{
    return t->world;
}

const struct rendered *torcs_picture(const struct torcs *t)
{
    return torcs_pixels_picture(t->pixels);
}
