#include "sim/torcs/pixels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/torcs/link.h"
#include "sim/torcs/road.h"

/* Of the camera on the bonnet, m. */
static const float NEAR_M = 0.3f, FAR_M = 600.0f;
/* A car's wings and mirrors stand out of its box; its wheels stand on the road. */
static const float AROUND_M = 0.25f, ABOVE_M = 0.4f, ROAD_M = 0.08f, IN_FRONT_M = 0.5f;

struct torcs_pixels {
    struct camera camera;
    struct rendered out;
    uint8_t *rgb;
    float *depth;
    uint32_t *ids;
    uint32_t visible[WORLD_MAX_ACTORS], silhouette[WORLD_MAX_ACTORS];
    float box[WORLD_MAX_ACTORS][4];
};

/* A car's box in vehicle axes, and where it may be in the picture. */
struct car_box {
    double centre[3], c, s; /* of its footprint; cosine and sine of its heading */
    double length, width, height;
    float px[4]; /* x1 y1 x2 y2 of its corners, outwards; empty where it is behind */
    float nearest;
};

enum err torcs_pixels_open(const struct camera *c, struct torcs_pixels **out)
{
    const size_t n = (size_t)c->width * (size_t)c->height;
    struct torcs_pixels *p = calloc(1, sizeof *p);

    *out = NULL;
    if (!p)
        return ERR_NOMEM;
    p->camera = *c;
    p->rgb = malloc(3 * n);
    p->depth = malloc(n * sizeof *p->depth);
    p->ids = malloc(n * sizeof *p->ids);
    if (!p->rgb || !p->depth || !p->ids) {
        torcs_pixels_close(p);
        return ERR_NOMEM;
    }
    p->out = (struct rendered){.width = c->width,
                               .height = c->height,
                               .rgb = p->rgb,
                               .depth = p->depth,
                               .ids = p->ids,
                               .visible = p->visible,
                               .silhouette = p->silhouette,
                               .full_box = (const float(*)[4])p->box};
    *out = p;
    return OK;
}

void torcs_pixels_close(struct torcs_pixels *p)
{
    if (!p)
        return;
    free(p->rgb);
    free(p->depth);
    free(p->ids);
    free(p);
}

/* ---- pixels -> metres -------------------------------------------------------------------------------- */
static float metres_of(float d)
{
    return d >= 1 ? INFINITY : NEAR_M * FAR_M / (FAR_M - d * (FAR_M - NEAR_M));
}

static void turn_over(struct torcs_pixels *p, const unsigned char *rgb, const unsigned char *depth)
{
    const size_t width = (size_t)p->camera.width, height = (size_t)p->camera.height;

    for (size_t y = 0; y < height; y++) {
        size_t from = (height - 1 - y) * width;

        memcpy(p->rgb + 3 * y * width, rgb + 3 * from, 3 * width);
        memcpy(p->depth + y * width, depth + from * sizeof(float), width * sizeof(float));
        for (size_t x = 0; x < width; x++)
            p->depth[y * width + x] = metres_of(p->depth[y * width + x]);
    }
}

/* Vehicle axes, of a level camera. */
static void point_of(const struct camera *c, int x, int y, float depth, double out[3])
{
    out[0] = (double)c->x_m + depth;
    out[1] = (double)c->y_m - (x + 0.5 - c->cx) / c->fx * depth;
    out[2] = (double)c->z_m - (y + 0.5 - c->cy) / c->fy * depth;
}

/* ---- cars ------------------------------------------------------------------------------------------------ */
static void corner_of(const struct car_box *b, int i, double more, double out[3])
{
    double x = (i & 1 ? 0.5 : -0.5) * (b->length + 2 * more);
    double y = (i & 2 ? 0.5 : -0.5) * (b->width + 2 * more);

    out[0] = b->centre[0] + b->c * x - b->s * y;
    out[1] = b->centre[1] + b->s * x + b->c * y;
    out[2] = b->centre[2] + (i & 4 ? b->height + more : 0);
}

static void project(const struct camera *c, struct car_box *b, double more, float px[4])
{
    px[0] = px[1] = INFINITY;
    px[2] = px[3] = -INFINITY;
    b->nearest = INFINITY;
    for (int i = 0; i < 8; i++) {
        double p[3];
        float depth, x, y;

        corner_of(b, i, more, p);
        depth = (float)(p[0] - c->x_m);
        b->nearest = fminf(b->nearest, depth);
        depth = fmaxf(depth, NEAR_M);
        x = c->cx - c->fx * (float)(p[1] - c->y_m) / depth;
        y = c->cy - c->fy * (float)(p[2] - c->z_m) / depth;
        px[0] = fminf(px[0], x);
        px[1] = fminf(px[1], y);
        px[2] = fmaxf(px[2], x);
        px[3] = fmaxf(px[3], y);
    }
}

static struct car_box box_of(const struct torcs_pixels *p, const struct world *w,
                             const struct actor *a)
{
    const double world[3] = {a->x, a->y, a->z};
    struct car_box b = {.c = cos(a->heading - w->ego.heading),
                        .s = sin(a->heading - w->ego.heading),
                        .length = a->length,
                        .width = a->width,
                        .height = a->height};

    ego_from_world(&w->ego, world, b.centre);
    project(&p->camera, &b, AROUND_M, b.px);
    return b;
}

static bool inside(const struct car_box *b, const double p[3])
{
    double x = p[0] - b->centre[0], y = p[1] - b->centre[1], z = p[2] - b->centre[2];

    return fabs(b->c * x + b->s * y) < b->length / 2 + AROUND_M &&
           fabs(b->c * y - b->s * x) < b->width / 2 + AROUND_M && z > ROAD_M &&
           z < b->height + ABOVE_M;
}

/* Its pixels, their box, and how many are hidden by what is nearer. */
static void mark_car(struct torcs_pixels *p, int index, const struct car_box *b)
{
    const struct camera *c = &p->camera;
    int x1 = (int)fmaxf(0, b->px[0]), x2 = (int)fminf((float)c->width - 1, b->px[2]);
    int y1 = (int)fmaxf(0, b->px[1]), y2 = (int)fminf((float)c->height - 1, b->px[3]);
    float *box = p->box[index];
    uint32_t hidden = 0;

    box[0] = box[1] = INFINITY;
    box[2] = box[3] = -INFINITY;
    for (int y = y1; y <= y2; y++)
        for (int x = x1; x <= x2; x++) {
            size_t i = (size_t)y * (size_t)c->width + (size_t)x;
            double point[3];

            hidden += p->depth[i] < b->nearest - IN_FRONT_M;
            if (!(p->depth[i] < FAR_M))
                continue;
            point_of(c, x, y, p->depth[i], point);
            if (!inside(b, point))
                continue;
            p->ids[i] = PIXEL_ID(PIXEL_ACTOR, index);
            p->visible[index]++;
            box[0] = fminf(box[0], (float)x);
            box[1] = fminf(box[1], (float)y);
            box[2] = fmaxf(box[2], (float)x + 1);
            box[3] = fmaxf(box[3], (float)y + 1);
        }
    p->silhouette[index] = p->visible[index] + hidden;
}

/* Where something hides a part of it or the picture ends, the box is that of its corners. */
static void whole_box(struct torcs_pixels *p, int index, struct car_box *b)
{
    float *box = p->box[index], corners[4];
    bool hidden = p->silhouette[index] > p->visible[index] + p->visible[index] / 20;
    bool cut = box[0] <= 0 || box[1] <= 0 || box[2] >= (float)p->camera.width ||
               box[3] >= (float)p->camera.height;

    if (b->nearest <= 0 || !p->silhouette[index]) {
        memset(box, 0, sizeof p->box[index]);
        p->visible[index] = p->silhouette[index] = 0;
        return;
    }
    if (!hidden && !cut && p->visible[index])
        return;
    project(&p->camera, b, 0, corners);
    for (int i = 0; i < 4; i++)
        box[i] = i < 2 ? fminf(box[i], corners[i]) : fmaxf(box[i], corners[i]);
}

/* ---- the rest -------------------------------------------------------------------------------------------- */
static uint32_t kind_of(const struct world *w, const double p[3], double *s)
{
    double world[3], d;

    ego_to_world(&w->ego, p, world);
    if (world[2] > 0.5)
        return PIXEL_ID(PIXEL_PROP, -1);
    if (!road_locate(&w->roads.road[0], world[0], world[1], *s, s, &d))
        return PIXEL_ID(PIXEL_GROUND, -1);
    if (fabs(d) > TORCS_ROAD_WIDTH / 2)
        return PIXEL_ID(world[2] > 0.15 ? PIXEL_EDGE : PIXEL_GROUND, -1);
    return PIXEL_ID(world[2] > 0.15 ? PIXEL_PROP : PIXEL_ROAD, -1);
}

static void mark_rest(struct torcs_pixels *p, const struct world *w)
{
    const struct camera *c = &p->camera;

    for (int y = 0; y < c->height; y++) {
        double s = NAN;

        for (int x = 0; x < c->width; x++) {
            size_t i = (size_t)y * (size_t)c->width + (size_t)x;
            double point[3];

            if (!(p->depth[i] < FAR_M)) {
                p->ids[i] = PIXEL_ID(PIXEL_SKY, -1);
                continue;
            }
            point_of(c, x, y, p->depth[i], point);
            p->ids[i] = kind_of(w, point, &s);
        }
    }
}

void torcs_pixels_take(struct torcs_pixels *p, const struct world *w, const unsigned char *rgb,
                       const unsigned char *depth)
{
    turn_over(p, rgb, depth);
    mark_rest(p, w);
    memset(p->visible, 0, sizeof p->visible);
    memset(p->silhouette, 0, sizeof p->silhouette);
    p->out.n_actors = w->n_actors;
    for (int i = 0; i < w->n_actors; i++) {
        struct car_box b = box_of(p, w, &w->actor[i]);

        mark_car(p, i, &b);
        whole_box(p, i, &b);
    }
}

const struct rendered *torcs_pixels_picture(const struct torcs_pixels *p)
{
    return &p->out;
}
