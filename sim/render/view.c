#include "sim/render/view.h"

#include <string.h>

enum { BORDER_STEPS = 24 };
/* A bent picture is drawn finer than its pixels, so that the nearest one is near enough. */
static const float FINER = 1.2f;
static const float WIDEST = 3.0f; /* tangent of the widest angle of the ideal picture */

static bool straight(const struct camera *c)
{
    for (int i = 0; i < CAMERA_DISTORTION; i++)
        if (c->distortion[i] != 0)
            return false;
    return c->model == CAMERA_PINHOLE;
}

void view_fit(struct view *v, const struct camera *c)
{
    struct camera free = *c;
    float lo[2] = {0, 0}, hi[2] = {0, 0};

    *v = (struct view){c->width, c->height, c->fx, c->fy, c->cx, c->cy, {0}, {{0}}};
    if (straight(c))
        return;
    free.roll_rad = free.pitch_rad = free.yaw_rad = 0;
    for (int i = 0; i <= BORDER_STEPS; i++)
        for (int j = 0; j <= BORDER_STEPS; j++) {
            float px[2] = {(float)(c->width * i) / BORDER_STEPS,
                           (float)(c->height * j) / BORDER_STEPS},
                  ray[3];

            if (!camera_ray(&free, px, ray))
                continue;
            float x = fmaxf(ray[0], 1e-3f), at[2] = {-ray[1] / x, -ray[2] / x};
            for (int k = 0; k < 2; k++) {
                lo[k] = fmaxf(fminf(lo[k], at[k]), -WIDEST);
                hi[k] = fminf(fmaxf(hi[k], at[k]), WIDEST);
            }
        }
    float room = 2.0f * (float)c->width / ((hi[0] - lo[0]) * c->fx);
    float k = fminf(FINER, fminf(room, 2.0f * (float)c->height / ((hi[1] - lo[1]) * c->fy)));

    v->fx = k * c->fx;
    v->fy = k * c->fy;
    v->cx = 1 - lo[0] * v->fx;
    v->cy = 1 - lo[1] * v->fy;
    v->width = (int)ceilf((hi[0] - lo[0]) * v->fx) + 2;
    v->height = (int)ceilf((hi[1] - lo[1]) * v->fy) + 2;
}

struct ego_car view_ego(const struct ego_car *now, double dt)
{
    struct ego_car e = *now;
    double h = e.heading + 0.5 * e.yaw_rate * dt;

    e.x += e.speed * dt * cos(h);
    e.y += e.speed * dt * sin(h);
    e.heading += e.yaw_rate * dt;
    return e;
}

static struct pose turned(double heading, double pitch, double roll)
{
    struct pose z = pose_turn_z((float)heading), y = pose_turn_y((float)pitch),
                x = pose_turn_x((float)roll);
    struct pose zy = pose_mul(&z, &y);

    return pose_mul(&zy, &x);
}

void view_place(struct view *v, const struct camera *c, const struct ego_car *ego)
{
    struct pose car = turned(ego->heading, ego->pitch, ego->roll);
    struct pose mount = turned(c->yaw_rad, c->pitch_rad, c->roll_rad), all = pose_mul(&car, &mount);
    struct v3 at = pose_point(&car, v3(c->x_m, c->y_m, c->z_m));

    v->eye[0] = ego->x + at.x;
    v->eye[1] = ego->y + at.y;
    v->eye[2] = ego->z + at.z;
    for (int i = 0; i < 3; i++) {
        v->axes[0][i] = -all.m[i][1];
        v->axes[1][i] = -all.m[i][2];
        v->axes[2][i] = all.m[i][0];
    }
}

struct pose view_actor(const struct view *v, const struct actor *a, double dt)
{
    struct pose p = turned(a->heading + a->yaw_rate * dt, a->pitch, a->roll);

    p.m[0][3] = (float)(a->x + a->vx * dt - v->eye[0]);
    p.m[1][3] = (float)(a->y + a->vy * dt - v->eye[1]);
    p.m[2][3] = (float)(a->z - v->eye[2]);
    return p;
}

void view_fill(const struct view *v, struct frame_block *f)
{
    float w = (float)v->width, h = (float)v->height, n = VIEW_NEAR, far = VIEW_FAR;

    for (int i = 0; i < 4; i++) { /* column i multiplies component i of the point */
        float r = i < 3 ? v->axes[0][i] : 0, d = i < 3 ? v->axes[1][i] : 0,
              z = i < 3 ? v->axes[2][i] : 0;

        /* row 0 is the top of the picture, so that reading back needs no turning over */
        f->view[4 * i] = 2 * (v->fx * r + v->cx * z) / w - z;
        f->view[4 * i + 1] = 2 * (v->fy * d + v->cy * z) / h - z;
        f->view[4 * i + 2] = z * (far + n) / (far - n) - (i == 3 ? 2 * far * n / (far - n) : 0);
        f->view[4 * i + 3] = z;
    }
    for (int i = 0; i < 3; i++) {
        f->ray[0][i] = v->axes[0][i] * w / (2 * v->fx);
        f->ray[1][i] = v->axes[1][i] * h / (2 * v->fy);
        f->ray[2][i] = v->axes[2][i] + v->axes[0][i] * (w / 2 - v->cx) / v->fx +
                       v->axes[1][i] * (h / 2 - v->cy) / v->fy;
        f->eye[i] = (float)v->eye[i];
    }
}

struct v3 view_turn(const struct view *v, struct v3 p)
{
    return v3(v->axes[0][0] * p.x + v->axes[0][1] * p.y + v->axes[0][2] * p.z,
              v->axes[1][0] * p.x + v->axes[1][1] * p.y + v->axes[1][2] * p.z,
              v->axes[2][0] * p.x + v->axes[2][1] * p.y + v->axes[2][2] * p.z);
}

/* Distance of the ball's centre to each side plane of the pyramid. */
bool view_sees(const struct view *v, struct v3 centre, float radius)
{
    struct v3 p = view_turn(v, centre);
    float l = v->cx / v->fx, r = ((float)v->width - v->cx) / v->fx;
    float u = v->cy / v->fy, d = ((float)v->height - v->cy) / v->fy;

    return p.z > VIEW_NEAR - radius && p.x + l * p.z > -radius * sqrtf(1 + l * l) &&
           -p.x + r * p.z > -radius * sqrtf(1 + r * r) &&
           p.y + u * p.z > -radius * sqrtf(1 + u * u) &&
           -p.y + d * p.z > -radius * sqrtf(1 + d * d);
}

float view_depth(float z)
{
    const float n = VIEW_NEAR, far = VIEW_FAR;

    if (z >= 1)
        return INFINITY;
    return 2 * far * n / (far + n - (2 * z - 1) * (far - n));
}
