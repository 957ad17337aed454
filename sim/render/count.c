#include "sim/render/render_internal.h"

#include <epoxy/gl.h>
#include <string.h>

/* Where an actor's silhouette is, px, and how far away its points are, m along the axis. */
struct extent {
    float box[4], near, far;
};

static bool place(const struct render *r, const struct camera *free, struct v3 p, float px[2])
{
    float z = fmaxf(p.z, VIEW_NEAR); /* what lies behind is put just in front */

    if (!r->lens.straight)
        return camera_project(free, (float[3]){z, -p.x, -p.y}, px);
    px[0] = r->view.cx + r->view.fx * p.x / z;
    px[1] = r->view.cy + r->view.fy * p.y / z;
    return true;
}

/* Through the real lens. */
static struct extent extent_of(const struct render *r, const struct seen *s)
{
    const struct model *m = &r->model[s->name];
    struct camera free = r->camera;
    struct extent e = {{1e9f, 1e9f, -1e9f, -1e9f}, 1e9f, -1e9f};

    free.roll_rad = free.pitch_rad = free.yaw_rad = free.x_m = free.y_m = free.z_m = 0;
    for (int i = 0; i < m->n_hull; i++) {
        struct v3 p = view_turn(&r->view, pose_point(&s->dress.bone[m->hull_bone[i]], m->hull[i]));
        float px[2];

        if (!place(r, &free, p, px))
            continue;
        e.box[0] = fminf(e.box[0], px[0]);
        e.box[1] = fminf(e.box[1], px[1]);
        e.box[2] = fmaxf(e.box[2], px[0]);
        e.box[3] = fmaxf(e.box[3], px[1]);
        e.near = fminf(e.near, p.z);
        e.far = fmaxf(e.far, p.z);
    }
    return e;
}

/* Could something stand in front of it? The ground that it stands on reaches in between its nearest
 * and its furthest point; whatever else is nearer than its furthest may hide it. */
static bool maybe_hidden(const struct render *r, int actor, const struct extent *e)
{
    int x0 = (int)clampf(e->box[0] - 1, 0, (float)r->camera.width),
        x1 = (int)clampf(e->box[2] + 2, 0, (float)r->camera.width);
    int y0 = (int)clampf(e->box[1] - 1, 0, (float)r->camera.height),
        y1 = (int)clampf(e->box[3] + 2, 0, (float)r->camera.height);

    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            size_t i = (size_t)y * (size_t)r->camera.width + (size_t)x;
            uint32_t kind = r->ids[i] >> 16;
            bool flat = kind >= PIXEL_GROUND && kind <= PIXEL_PAVEMENT;

            if (r->ids[i] != PIXEL_ID(PIXEL_ACTOR, actor) &&
                r->depth[i] < (flat ? e->near - 0.5f : e->far))
                return true;
        }
    return false;
}

/* Every actor of a list alone: one bit each of 32, or'ed into a picture without depth. */
static void count_masks(struct render *r, const int *which, int n)
{
    size_t pixels = (size_t)r->camera.width * (size_t)r->camera.height;

    for (int first = 0; first < n; first += 32) {
        draw_mask(r, which + first, n - first < 32 ? n - first : 32);
        glReadPixels(0, 0, r->view.width, r->view.height, GL_RED_INTEGER, GL_UNSIGNED_INT,
                     r->spare);
        lens_ids(&r->lens, r->spare, r->mask);
        for (size_t i = 0; i < pixels; i++)
            for (uint32_t m = r->mask[i]; m; m &= m - 1)
                r->silhouette[r->seen[which[first + __builtin_ctz(m)]].index]++;
    }
}

static void count_visible(struct render *r)
{
    size_t n = (size_t)r->camera.width * (size_t)r->camera.height;

    for (size_t i = 0; i < n; i++)
        if (r->ids[i] >> 16 == PIXEL_ACTOR && (r->ids[i] & 0xffff) - 1 < WORLD_MAX_ACTORS)
            r->visible[(r->ids[i] & 0xffff) - 1]++;
}

void count_actors(struct render *r)
{
    int hidden[WORLD_MAX_ACTORS], n = 0;

    memset(r->visible, 0, sizeof r->visible);
    memset(r->silhouette, 0, sizeof r->silhouette);
    memset(r->full_box, 0, sizeof r->full_box);
    count_visible(r);
    for (int i = 0; i < r->n_front; i++) {
        int actor = r->seen[i].index;
        struct extent e = extent_of(r, &r->seen[i]);

        if (e.near > e.far)
            continue;
        memcpy(r->full_box[actor], e.box, sizeof e.box);
        if (maybe_hidden(r, actor, &e))
            hidden[n++] = i;
        else
            r->silhouette[actor] = r->visible[actor];
    }
    count_masks(r, hidden, n);
}
