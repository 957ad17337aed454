#include "sim/render/lamps.h"

#include <epoxy/gl.h>
#include <stddef.h>

#include "sim/render/render.h"

void lamps_open(struct lamps *l)
{
    *l = (struct lamps){0};
    glGenVertexArrays(1, &l->vao);
    glGenBuffers(1, &l->vbo);
    glBindVertexArray(l->vao);
    glBindBuffer(GL_ARRAY_BUFFER, l->vbo);
    glBufferData(GL_ARRAY_BUFFER, sizeof l->glow, NULL, GL_DYNAMIC_DRAW);
    for (unsigned i = 0; i < 2; i++) {
        glEnableVertexAttribArray(i);
        glVertexAttribPointer(i, 4, GL_FLOAT, GL_FALSE, sizeof(struct glow),
                              (const void *)(i * offsetof(struct glow, color))); /* NOLINT */
        glVertexAttribDivisor(i, 1);
    }
    glBindVertexArray(0);
}

void lamps_close(struct lamps *l)
{
    if (l->vao) {
        glDeleteVertexArrays(1, &l->vao);
        glDeleteBuffers(1, &l->vbo);
    }
    *l = (struct lamps){0};
}

static void add_lamp(struct frame_block *f, struct v3 at, float range, struct v3 axis, float angle,
                     struct v3 color, bool beam)
{
    int i = (int)f->lamps[0];

    if (i == MAX_LAMPS)
        return;
    axis = v3_unit(axis);
    const float place[4] = {at.x, at.y, at.z, range},
                way[4] = {axis.x, axis.y, axis.z, cosf(angle)};
    const float light[4] = {color.x, color.y, color.z, beam};
    for (int k = 0; k < 4; k++) {
        f->lamp_place[i][k] = place[k];
        f->lamp_axis[i][k] = way[k];
        f->lamp_color[i][k] = light[k];
    }
    f->lamps[0] = (float)(i + 1);
}

static void add_glow(struct lamps *l, struct v3 at, float radius, struct v3 color)
{
    if (l->n_glows == MAX_GLOWS)
        return;
    l->glow[l->n_glows++] =
        (struct glow){{at.x, at.y, at.z}, radius, {color.x, color.y, color.z, 1}};
}

static struct v3 forward_of(double heading)
{
    return v3(cosf((float)heading), sinf((float)heading), 0);
}

/* Headlamps dipped: the beam ends at the horizon. */
static void beam(struct frame_block *f, struct v3 at, struct v3 forward, float strength)
{
    add_lamp(f, at, 13, v3_add(forward, v3(0, 0, -0.05f)), 1.0f,
             v3_scale(v3(5.5f, 5.1f, 4.3f), strength), true);
}

static void car_glows(struct lamps *l, const struct actor *a, const struct pose *root, float night,
                      double t)
{
    float x = (float)a->length / 2 + 0.06f, y = (float)a->width / 2 * 0.76f;
    float front = fminf(0.46f * (float)a->height, 0.85f),
          back = fminf(0.6f * (float)a->height, 1.0f), k = 0.12f + night;
    bool blink = fmod(t, 0.72) < 0.38;

    for (int s = -1; s <= 1; s += 2) {
        struct v3 head = pose_point(root, v3(x, (float)s * y, front)),
                  tail = pose_point(root, v3(-x, (float)s * y, back));
        /* only those that look our way */
        struct v3 fwd = v3(root->m[0][0], root->m[1][0], root->m[2][0]);
        float towards = -v3_dot(v3_unit(head), fwd);

        if (a->headlights && towards > 0.1f)
            add_glow(l, head, 0.35f + 0.5f * night, v3_scale(v3(1.0f, 0.95f, 0.82f), k * towards));
        if (towards < -0.1f && (a->brake || a->headlights))
            add_glow(l, tail, a->brake ? 0.32f : 0.22f,
                     v3_scale(v3(1, 0.10f, 0.06f), (a->brake ? 0.55f : 0.25f) * k));
        if (blink && a->indicator == s && fabsf(towards) > 0.1f)
            add_glow(l, towards > 0 ? head : tail, 0.2f,
                     v3_scale(v3(1, 0.5f, 0.08f), 0.4f * k + 0.1f));
    }
}

static void actors(struct lamps *l, const struct world *w, const struct view *v,
                   struct frame_block *f)
{
    for (int i = 0; i < w->n_actors; i++) {
        const struct actor *a = &w->actor[i];
        struct pose root = view_actor(v, a, 0);
        struct v3 at = v3(root.m[0][3], root.m[1][3], root.m[2][3]);

        if (a->kind >= ACTOR_MOTORCYCLE || a->parked || v3_length(at) > 300)
            continue;
        if (view_sees(v, at, 3))
            car_glows(l, a, &root, f->air[3], w->t);
        if (a->headlights && v3_length(at) < 45 && f->air[3] > 0.05f)
            beam(f, pose_point(&root, v3((float)a->length / 2, 0, 0.65f)), forward_of(a->heading),
                 f->air[3]);
    }
}

static void streets(struct lamps *l, const struct world *w, const struct view *v,
                    struct frame_block *f)
{
    for (int i = 0; i < w->n_props; i++) {
        const struct prop *p = &w->prop[i];
        float h = (float)p->height > 0 ? (float)p->height : 8;
        struct v3 foot =
            v3((float)(p->x - v->eye[0]), (float)(p->y - v->eye[1]), (float)(p->z - v->eye[2]));

        if (p->kind != PROP_LAMP || v3_length(foot) > 250)
            continue;
        struct v3 at =
            v3_add(foot, v3_add(v3_scale(forward_of(p->heading), 1.65f), v3(0, 0, h - 0.1f)));
        if (view_sees(v, at, 1))
            add_glow(l, at, 0.8f, v3_scale(v3(1, 0.75f, 0.42f), 0.8f * f->air[3]));
        if (v3_length(foot) < 40)
            add_lamp(f, at, 5, v3(0, 0, -1), 1.25f, v3_scale(v3(2.6f, 2.0f, 1.2f), f->air[3]),
                     false);
    }
}

void lamps_gather(struct lamps *l, const struct world *w, const struct view *v,
                  const struct ego_car *ego, struct frame_block *f)
{
    float night = f->air[3];
    struct v3 forward = forward_of(ego->heading);
    struct v3 at =
        v3((float)(ego->x - v->eye[0]), (float)(ego->y - v->eye[1]), (float)(ego->z - v->eye[2]));

    l->n_glows = 0;
    f->lamps[0] = 0;
    if (night > 0.02f)
        beam(f,
             v3_add(at, v3_add(v3_scale(forward, (float)(ego->length - ego->rear_overhang)),
                               v3(0, 0, 0.65f))),
             forward, night);
    actors(l, w, v, f);
    if (night > 0.02f)
        streets(l, w, v, f);
}

void lamps_draw(struct lamps *l)
{
    if (l->n_glows == 0)
        return;
    glBindVertexArray(l->vao);
    glBindBuffer(GL_ARRAY_BUFFER, l->vbo);
    glBufferSubData(GL_ARRAY_BUFFER, 0, (GLsizeiptr)((size_t)l->n_glows * sizeof *l->glow),
                    l->glow);
    glDrawArraysInstanced(GL_TRIANGLE_FAN, 0, 4, l->n_glows);
}
