#include "sim/render/render_internal.h"

#include <epoxy/gl.h>
#include <string.h>

/* ---- what is counted ----------------------------------------------------------------------------- */

/* Every actor alone: one bit each of 32, or'ed into a picture of integers without depth. */
static void count_silhouettes(struct render *r)
{
    size_t n = (size_t)r->camera.width * (size_t)r->camera.height;

    for (int first = 0; first < r->n_front; first += 32) {
        draw_mask(r, first);
        glReadPixels(0, 0, r->view.width, r->view.height, GL_RED_INTEGER, GL_UNSIGNED_INT,
                     r->raw_ids);
        lens_ids(&r->lens, r->raw_ids, r->mask);
        for (size_t i = 0; i < n; i++)
            for (uint32_t m = r->mask[i]; m; m &= m - 1)
                r->silhouette[r->seen[first + __builtin_ctz(m)].index]++;
    }
}

static void count_visible(struct render *r)
{
    size_t n = (size_t)r->camera.width * (size_t)r->camera.height;

    for (size_t i = 0; i < n; i++)
        if (r->ids[i] >> 16 == PIXEL_ACTOR && (r->ids[i] & 0xffff) - 1 < WORLD_MAX_ACTORS)
            r->visible[(r->ids[i] & 0xffff) - 1]++;
}

/* Through the real lens; what lies behind it is put just in front. */
static void box_one(struct render *r, const struct seen *s, float box[4])
{
    const struct model *m = &r->model[s->name];
    struct camera free = r->camera;
    bool any = false;

    free.roll_rad = free.pitch_rad = free.yaw_rad = free.x_m = free.y_m = free.z_m = 0;
    for (int i = 0; i < m->n_hull; i++) {
        struct v3 p = view_turn(&r->view, pose_point(&s->dress.bone[m->hull_bone[i]], m->hull[i]));
        float at[3] = {fmaxf(p.z, VIEW_NEAR), -p.x, -p.y}, px[2];

        if (!camera_project(&free, at, px))
            continue;
        box[0] = any ? fminf(box[0], px[0]) : px[0];
        box[1] = any ? fminf(box[1], px[1]) : px[1];
        box[2] = any ? fmaxf(box[2], px[0]) : px[0];
        box[3] = any ? fmaxf(box[3], px[1]) : px[1];
        any = true;
    }
}

void count_actors(struct render *r)
{
    memset(r->visible, 0, sizeof r->visible);
    memset(r->silhouette, 0, sizeof r->silhouette);
    memset(r->full_box, 0, sizeof r->full_box);
    count_visible(r);
    count_silhouettes(r);
    for (int i = 0; i < r->n_front; i++)
        box_one(r, &r->seen[i], r->full_box[r->seen[i].index]);
}
