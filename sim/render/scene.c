#include "sim/render/scene.h"

#include <epoxy/gl.h>
#include <stdlib.h>

#include "sim/render/ground.h"
#include "sim/render/prop.h"

enum { CHUNK = 64 }; /* m */

struct making {
    struct builder layer[LAYERS];
};

static void making_clear(struct making *m, int detail)
{
    for (int i = 0; i < LAYERS; i++) {
        builder_clear(&m->layer[i]);
        m->layer[i].detail = detail;
        m->layer[i].brush = (struct brush){.shade = 255};
        m->layer[i].place = pose_identity();
    }
}

static struct chunk *chunk_add(struct scene3d *s)
{
    if (s->n_chunks == s->cap_chunks) {
        int cap = 2 * s->cap_chunks + 64;
        struct chunk *c = realloc(s->chunk, (size_t)cap * sizeof *c);

        if (!c)
            return NULL;
        s->chunk = c;
        s->cap_chunks = cap;
    }
    s->chunk[s->n_chunks] = (struct chunk){0};
    return &s->chunk[s->n_chunks++];
}

static enum err upload(struct mesh mesh[LAYERS], struct making *m, const double origin[3])
{
    for (int i = 0; i < LAYERS; i++) {
        if (m->layer[i].failed)
            return ERR_NOMEM;
        if (m->layer[i].n_indices == 0)
            continue;
        enum err e = mesh_upload(&mesh[i], &m->layer[i]);

        if (e != OK)
            return e;
        for (int k = 0; k < 3; k++)
            mesh[i].origin[k] = origin[k];
    }
    return OK;
}

static enum err add_stretch(struct scene3d *s, struct stretch *t, struct making *m)
{
    const struct road_point p = road_at(&t->world->roads.road[t->road], (t->s0 + t->s1) / 2, 0);
    struct chunk *c = chunk_add(s);
    enum err e = c ? OK : ERR_NOMEM;

    t->origin[0] = p.x;
    t->origin[1] = p.y;
    t->origin[2] = p.z;
    for (t->detail = 0; t->detail < SCENE_DETAILS && e == OK; t->detail++) {
        making_clear(m, t->detail);
        ground_road(t, &m->layer[LAYER_ROAD]);
        ground_markings(t, &m->layer[LAYER_ROAD]);
        ground_edges(t, &m->layer[LAYER_SOLID]);
        ground_terrain(t, &m->layer[LAYER_TERRAIN]);
        e = upload(c->mesh[t->detail], m, t->origin);
    }
    return e;
}

static enum err add_roads(struct scene3d *s, const struct world *w, struct making *m)
{
    enum err e = OK;

    for (int i = 0; i < w->roads.n_roads; i++)
        for (int k = 0; k * CHUNK < w->roads.road[i].length && e == OK; k++) {
            struct stretch t = {.world = w,
                                .road = i,
                                .s0 = k * CHUNK,
                                .s1 = fmin((k + 1) * CHUNK, w->roads.road[i].length)};

            e = add_stretch(s, &t, m);
        }
    return e;
}

/* Props by the cell of a grid that they stand in. */
struct standing {
    int x, y, index;
};

static int by_cell(const void *a, const void *b)
{
    const struct standing *p = a, *q = b;

    return p->x != q->x ? p->x - q->x : p->y != q->y ? p->y - q->y : p->index - q->index;
}

static enum err add_cell(struct scene3d *s, const struct world *w, const struct standing *in, int n,
                         struct making *m)
{
    const double origin[3] = {(in->x + 0.5) * CHUNK, (in->y + 0.5) * CHUNK, w->prop[in->index].z};
    struct chunk *c = chunk_add(s);
    enum err e = c ? OK : ERR_NOMEM;

    for (int k = 0; k < SCENE_DETAILS && e == OK; k++) {
        making_clear(m, k);
        for (int i = 0; i < n; i++)
            prop_build(w, in[i].index, origin, &m->layer[LAYER_SOLID], &m->layer[LAYER_LEAVES]);
        e = upload(c->mesh[k], m, origin);
    }
    return e;
}

static enum err add_props(struct scene3d *s, const struct world *w, struct making *m)
{
    struct standing *order = malloc(((size_t)w->n_props + 1) * sizeof *order);
    enum err e = OK;

    if (!order)
        return ERR_NOMEM;
    for (int i = 0; i < w->n_props; i++)
        order[i] = (struct standing){(int)floor(w->prop[i].x / CHUNK),
                                     (int)floor(w->prop[i].y / CHUNK), i};
    qsort(order, (size_t)w->n_props, sizeof *order, by_cell);
    for (int i = 0, j; i < w->n_props && e == OK; i = j) {
        for (j = i; j < w->n_props && order[j].x == order[i].x && order[j].y == order[i].y; j++)
            ;
        e = add_cell(s, w, order + i, j - i, m);
    }
    free(order);
    return e;
}

enum err scene3d_open(struct scene3d *s, const struct world *w, struct why *why)
{
    struct making m;
    enum err e;

    *s = (struct scene3d){0};
    for (int i = 0; i < LAYERS; i++)
        builder_init(&m.layer[i]);
    e = add_roads(s, w, &m);
    if (e == OK)
        e = add_props(s, w, &m);
    for (int i = 0; i < LAYERS; i++)
        builder_finish(&m.layer[i]);
    return e == OK ? OK : err_say(why, e, "meshes of the roads");
}

void scene3d_close(struct scene3d *s)
{
    for (int i = 0; i < s->n_chunks; i++)
        for (int k = 0; k < SCENE_DETAILS * LAYERS; k++)
            mesh_finish(&s->chunk[i].mesh[k / LAYERS][k % LAYERS]);
    free(s->chunk);
    *s = (struct scene3d){0};
}

static struct v3 offset_of(const struct mesh *m, const struct view *v)
{
    return v3((float)(m->origin[0] - v->eye[0]), (float)(m->origin[1] - v->eye[1]),
              (float)(m->origin[2] - v->eye[2]));
}

static struct v3 middle_of(const struct mesh *m, struct v3 offset)
{
    return v3_add(offset, v3_scale(v3_add(m->lo, m->hi), 0.5f));
}

/* How fine a mesh needs to be whose nearest end is so far away, m: what it leaves out is less than a pixel. */
static int detail_at(float nearest)
{
    return nearest < 60 ? 0 : nearest < 220 ? 1 : 2;
}

void scene3d_draw(const struct scene3d *s, enum layer layer, const struct programs *p,
                  enum program with, const struct view *v, float reach)
{
    for (int i = 0; i < s->n_chunks; i++) {
        const struct mesh *m = &s->chunk[i].mesh[0][layer];
        struct v3 offset = offset_of(m, v), middle = middle_of(m, offset);

        if (m->n_indices == 0 || v3_length(middle) > reach + m->radius ||
            !view_sees(v, middle, m->radius))
            continue;
        m = &s->chunk[i].mesh[detail_at(v3_length(middle) - m->radius)][layer];
        glUniform3f(p->offset[with], offset.x, offset.y, offset.z);
        mesh_draw(m);
    }
}

void scene3d_draw_near(const struct scene3d *s, enum layer layer, const struct programs *p,
                       enum program with, const struct view *v, struct v3 centre, float radius)
{
    for (int i = 0; i < s->n_chunks; i++) {
        const struct mesh *m = &s->chunk[i].mesh[1][layer]; /* shadows need less */
        struct v3 offset = offset_of(m, v), middle = middle_of(m, offset);

        if (m->n_indices == 0 || v3_length(v3_sub(middle, centre)) > radius + m->radius)
            continue;
        glUniform3f(p->offset[with], offset.x, offset.y, offset.z);
        mesh_draw(m);
    }
}
