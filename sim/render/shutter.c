#include "sim/render/shutter.h"

#include <math.h>
#include <string.h>

#include "sim/render/render.h"

enum { MOST_TAPS = 9 };

struct motion motion_of(const struct view *v, const struct world *w, const struct camera *c)
{
    const struct ego_car *e = &w->ego;
    /* the camera sits off the rear axle and swings around it */
    double ch = cos(e->heading), sh = sin(e->heading);
    double vx = e->speed - e->yaw_rate * c->y_m, vy = e->yaw_rate * c->x_m;

    return (struct motion){
        .speed = view_turn(v, v3((float)(vx * ch - vy * sh), (float)(vx * sh + vy * ch), 0)),
        .turn = view_turn(v, v3(0, 0, (float)e->yaw_rate)),
        .world = w,
        .view = v};
}

/* px/s of what lies at (x, y). */
static void flow(const struct motion *m, float x, float y, uint32_t id, float depth, float out[2])
{
    const struct view *v = m->view;
    float u = (x - v->cx) / v->fx, w = (y - v->cy) / v->fy, inv = isinf(depth) ? 0 : 1 / depth;
    struct v3 speed = v3_scale(m->speed, -1);

    if (id >> 16 == PIXEL_ACTOR) {
        const struct actor *a = &m->world->actor[(id & 0xffff) - 1];

        speed = v3_add(speed, view_turn(v, v3((float)a->vx, (float)a->vy, 0)));
    }
    /* d/dt of (X/Z, Y/Z) where p' = speed - turn x p */
    struct v3 r = v3_cross(m->turn, v3(u, w, 1));
    float dx = speed.x * inv - r.x, dy = speed.y * inv - r.y, dz = speed.z * inv - r.z;
    out[0] = v->fx * (dx - u * dz);
    out[1] = v->fy * (dy - w * dz);
}

static void mean(const struct view *v, const uint8_t *rgba, float x, float y, float dx, float dy,
                 int taps, uint8_t *out)
{
    int sum[3] = {0, 0, 0};

    if (taps == 1) {
        int px = (int)clampf(x, 0, (float)v->width - 1),
            py = (int)clampf(y, 0, (float)v->height - 1);

        memcpy(out, rgba + 4 * ((size_t)py * (size_t)v->width + (size_t)px), 4);
        return;
    }
    for (int i = 0; i < taps; i++) {
        float t = (float)i / (float)(taps - 1) - 0.5f;
        int px = (int)clampf(x + t * dx, 0, (float)v->width - 1),
            py = (int)clampf(y + t * dy, 0, (float)v->height - 1);
        const uint8_t *p = rgba + 4 * ((size_t)py * (size_t)v->width + (size_t)px);

        for (int k = 0; k < 3; k++)
            sum[k] += p[k] * p[k]; /* light, not its root */
    }
    for (int k = 0; k < 3; k++)
        out[k] = (uint8_t)sqrtf((float)sum[k] / (float)taps);
    out[3] = 255;
}

static float lateness(const struct view *v, float rolling_s, int y)
{
    return rolling_s * (((float)y + 0.5f) / (float)v->height - 0.5f);
}

/* Each row as it was, or will be, when it was exposed: things are taken from where they are now. */
static void move_words(const struct view *v, float rolling_s, const float (*flows)[2],
                       uint32_t *words, uint32_t *spare)
{
    size_t n = (size_t)v->width * (size_t)v->height;

    for (int y = 0; y < v->height; y++) {
        float late = lateness(v, rolling_s, y);

        for (int x = 0; x < v->width; x++) {
            size_t i = (size_t)y * (size_t)v->width + (size_t)x;
            int px = (int)clampf((float)x + 0.5f - late * flows[i][0], 0, (float)v->width - 1);
            int py = (int)clampf((float)y + 0.5f - late * flows[i][1], 0, (float)v->height - 1);

            spare[i] = words[(size_t)py * (size_t)v->width + (size_t)px];
        }
    }
    memcpy(words, spare, n * sizeof *words);
}

void shutter(const struct motion *m, float exposure_s, float rolling_s, const uint8_t *rgba,
             struct shutter_words *w, uint8_t *out)
{
    const struct view *v = m->view;

    for (int y = 0; y < v->height; y++) {
        float late = lateness(v, rolling_s, y);

        for (int x = 0; x < v->width; x++) {
            size_t i = (size_t)y * (size_t)v->width + (size_t)x;
            float *d = w->flows[i], z;

            memcpy(&z, &w->depth[i], sizeof z);
            flow(m, (float)x + 0.5f, (float)y + 0.5f, w->ids[i], view_depth(z), d);
            float bx = exposure_s * d[0], by = exposure_s * d[1],
                  reach = fmaxf(fabsf(bx), fabsf(by));
            int taps = reach < 0.7f ? 1 : (int)fminf(ceilf(reach) + 1, MOST_TAPS);

            mean(v, rgba, (float)x + 0.5f - late * d[0], (float)y + 0.5f - late * d[1], bx, by,
                 taps, out + 4 * i);
        }
    }
    if (rolling_s > 0) {
        move_words(v, rolling_s, (const float(*)[2])w->flows, w->ids, w->spare);
        move_words(v, rolling_s, (const float(*)[2])w->flows, w->depth, w->spare);
    }
}
