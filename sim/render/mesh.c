#include "sim/render/mesh.h"

#include <assert.h>
#include <epoxy/gl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VERTICES = 4 << 20 };

void builder_init(struct builder *b)
{
    *b = (struct builder){.place = pose_identity()};
    b->brush.shade = 255;
}

void builder_finish(struct builder *b)
{
    free(b->vertex);
    free(b->index);
    *b = (struct builder){0};
}

void builder_clear(struct builder *b)
{
    b->n_vertices = b->n_indices = 0;
}

void builder_color(struct builder *b, uint32_t rgb, float specular, float gloss)
{
    b->brush.color[0] = (uint8_t)(rgb >> 16);
    b->brush.color[1] = (uint8_t)(rgb >> 8);
    b->brush.color[2] = (uint8_t)rgb;
    b->brush.paint = 0;
    b->brush.emission = EMIT_NONE;
    b->brush.specular = (uint8_t)(255 * specular);
    b->brush.gloss = (uint8_t)(255 * gloss);
}

static bool grow(struct builder *b, int vertices, int indices)
{
    if (b->failed)
        return false;
    if (b->n_vertices + vertices > b->cap_vertices) {
        int cap = 2 * b->cap_vertices + 1024;
        struct vertex *v = realloc(b->vertex, (size_t)cap * sizeof *v);

        b->failed = !v || cap > MAX_VERTICES;
        if (v) {
            b->vertex = v;
            b->cap_vertices = cap;
        }
    }
    if (!b->failed && b->n_indices + indices > b->cap_indices) {
        int cap = 2 * b->cap_indices + 2048;
        uint32_t *i = realloc(b->index, (size_t)cap * sizeof *i);

        b->failed = !i;
        if (i) {
            b->index = i;
            b->cap_indices = cap;
        }
    }
    return !b->failed;
}

static struct v3 turn(const struct pose *p, struct v3 n)
{
    return v3_unit(v3(p->m[0][0] * n.x + p->m[0][1] * n.y + p->m[0][2] * n.z,
                      p->m[1][0] * n.x + p->m[1][1] * n.y + p->m[1][2] * n.z,
                      p->m[2][0] * n.x + p->m[2][1] * n.y + p->m[2][2] * n.z));
}

int builder_vertex(struct builder *b, struct v3 p, struct v3 n, float u, float v)
{
    if (!grow(b, 1, 0))
        return 0;
    const struct brush *br = &b->brush;
    struct v3 q = pose_point(&b->place, p), m = turn(&b->place, n);
    struct vertex *x = &b->vertex[b->n_vertices];

    *x = (struct vertex){
        .p = {q.x, q.y, q.z},
        .n = {(int8_t)lrintf(127 * m.x), (int8_t)lrintf(127 * m.y), (int8_t)lrintf(127 * m.z)},
        .bone = br->bone,
        .uv = {u, v},
        .color = {br->color[0], br->color[1], br->color[2]},
        .paint = br->paint,
        .specular = br->specular,
        .gloss = br->gloss,
        .emission = br->emission,
        .shade = br->shade,
        .id = br->id};
    return b->n_vertices++;
}

void builder_triangle(struct builder *b, int i, int j, int k)
{
    if (!grow(b, 0, 3))
        return;
    uint32_t *x = &b->index[b->n_indices];

    x[0] = (uint32_t)i;
    x[1] = (uint32_t)j;
    x[2] = (uint32_t)k;
    b->n_indices += 3;
}

void builder_quad(struct builder *b, struct v3 p, struct v3 q, struct v3 r, struct v3 s)
{
    struct v3 n = v3_unit(v3_cross(v3_sub(r, p), v3_sub(s, q)));
    int i = builder_vertex(b, p, n, 0, 0), j = builder_vertex(b, q, n, 1, 0);
    int k = builder_vertex(b, r, n, 1, 1), l = builder_vertex(b, s, n, 0, 1);

    builder_triangle(b, i, j, k);
    builder_triangle(b, i, k, l);
}

void builder_box(struct builder *b, struct v3 l, struct v3 h)
{
    builder_quad(b, v3(l.x, l.y, h.z), v3(h.x, l.y, h.z), v3(h.x, h.y, h.z), v3(l.x, h.y, h.z));
    builder_quad(b, v3(l.x, h.y, l.z), v3(h.x, h.y, l.z), v3(h.x, l.y, l.z), v3(l.x, l.y, l.z));
    builder_quad(b, v3(l.x, l.y, l.z), v3(h.x, l.y, l.z), v3(h.x, l.y, h.z), v3(l.x, l.y, h.z));
    builder_quad(b, v3(h.x, h.y, l.z), v3(l.x, h.y, l.z), v3(l.x, h.y, h.z), v3(h.x, h.y, h.z));
    builder_quad(b, v3(h.x, l.y, l.z), v3(h.x, h.y, l.z), v3(h.x, h.y, h.z), v3(h.x, l.y, h.z));
    builder_quad(b, v3(l.x, h.y, l.z), v3(l.x, l.y, l.z), v3(l.x, l.y, h.z), v3(l.x, h.y, h.z));
}

/* Two directions at right angles to a and to each other. */
static void across(struct v3 a, struct v3 *u, struct v3 *v)
{
    struct v3 up = fabsf(a.z) < 0.9f ? v3(0, 0, 1) : v3(1, 0, 0);

    *u = v3_unit(v3_cross(up, a));
    *v = v3_cross(a, *u);
}

/* How many sides a round thing gets; square ones stay square. */
static int coarser(const struct builder *b, int sides)
{
    int n = sides >> b->detail;

    return sides <= 5 ? sides : n < 5 ? 5 : n;
}

static struct v3 on_circle(struct v3 u, struct v3 v, int i, int sides)
{
    float a = (float)(2 * M_PI) * (float)i / (float)sides;

    return v3_add(v3_scale(u, cosf(a)), v3_scale(v, sinf(a)));
}

void builder_ring(struct builder *b, struct v3 c, struct v3 axis, float r0, float r1, int sides)
{
    struct v3 a = v3_unit(axis), u, v;

    sides = coarser(b, sides);
    across(a, &u, &v);
    for (int i = 0; i < sides; i++) {
        struct v3 d = on_circle(u, v, i, sides), e = on_circle(u, v, i + 1, sides);
        int p = builder_vertex(b, v3_add(c, v3_scale(d, r1)), a, 0, 0);
        int q = builder_vertex(b, v3_add(c, v3_scale(e, r1)), a, 0, 0);
        int r = builder_vertex(b, v3_add(c, v3_scale(e, r0)), a, 0, 0);

        builder_triangle(b, p, q, r);
        if (r0 > 0)
            builder_triangle(b, p, r, builder_vertex(b, v3_add(c, v3_scale(d, r0)), a, 0, 0));
    }
}

void builder_bar(struct builder *b, struct v3 from, struct v3 to, float r0, float r1, int sides,
                 bool caps)
{
    struct v3 a = v3_unit(v3_sub(to, from)), u, v;
    bool flat = sides <= 4; /* a square bar has edges */

    sides = coarser(b, sides);
    across(a, &u, &v);
    for (int i = 0; i < sides; i++) {
        struct v3 d = on_circle(u, v, i, sides), e = on_circle(u, v, i + 1, sides);
        struct v3 m = v3_unit(v3_add(d, e)), nd = flat ? m : d, ne = flat ? m : e;
        int p = builder_vertex(b, v3_add(from, v3_scale(d, r0)), nd, 0, 0);
        int q = builder_vertex(b, v3_add(from, v3_scale(e, r0)), ne, 0, 0);
        int r = builder_vertex(b, v3_add(to, v3_scale(e, r1)), ne, 0, 0);
        int s = builder_vertex(b, v3_add(to, v3_scale(d, r1)), nd, 0, 0);

        builder_triangle(b, p, q, r);
        builder_triangle(b, p, r, s);
    }
    if (caps) {
        builder_ring(b, to, a, 0, r1, sides);
        builder_ring(b, from, v3_scale(a, -1), 0, r0, sides);
    }
}

void builder_ellipsoid(struct builder *b, struct v3 c, struct v3 r, int rings, int sides)
{
    int first = b->n_vertices;

    sides = coarser(b, sides);
    rings = rings >> b->detail < 3 ? 3 : rings >> b->detail;
    for (int i = 0; i <= rings; i++)
        for (int j = 0; j <= sides; j++) {
            float t = (float)M_PI * (float)i / (float)rings,
                  a = (float)(2 * M_PI) * (float)j / (float)sides;
            struct v3 d = v3(sinf(t) * cosf(a), sinf(t) * sinf(a), cosf(t));

            builder_vertex(b, v3(c.x + r.x * d.x, c.y + r.y * d.y, c.z + r.z * d.z),
                           v3(d.x / r.x, d.y / r.y, d.z / r.z), (float)j / (float)sides,
                           (float)i / (float)rings);
        }
    for (int i = 0; i < rings; i++)
        for (int j = 0; j < sides; j++) {
            int p = first + i * (sides + 1) + j, q = p + sides + 1;

            builder_triangle(b, p, q, q + 1);
            builder_triangle(b, p, q + 1, p + 1);
        }
}

static bool apart(struct v3 a, struct v3 b)
{
    return v3_length(v3_sub(a, b)) > 1e-5f;
}

/* The slope along one direction of the grid at i of n, not across a crease. cell: the cell whose
 * corner this is (i or i - 1), which says on which side of a crease we are. */
static struct v3 slope(const struct v3 *p, int stride, int i, int n, int cell)
{
    const struct v3 *at = p + (ptrdiff_t)i * stride;
    bool before = i > 0 && apart(at[0], at[-stride]), after = i + 1 < n && apart(at[0], at[stride]);

    if (cell == i && !before && after) /* the first on this side */
        return v3_sub(at[stride], at[0]);
    if (cell == i - 1 && !after && before)
        return v3_sub(at[0], at[-stride]);
    if (before && after)
        return v3_sub(at[stride], at[-stride]);
    return after ? v3_sub(at[stride], at[0]) : before ? v3_sub(at[0], at[-stride]) : v3(0, 0, 0);
}

static int corner(struct builder *b, const struct v3 *point, int rows, int cols, int row, int col,
                  int cell_row, int cell_col)
{
    struct v3 du = slope(point + (ptrdiff_t)row * cols, 1, col, cols, cell_col);
    struct v3 dv = slope(point + col, cols, row, rows, cell_row);
    struct v3 n = v3_cross(du, dv);

    if (v3_length(n) < 1e-9f) { /* a pole: take the cell's own */
        const struct v3 *c = point + (ptrdiff_t)cell_row * cols + cell_col;

        n = v3_cross(v3_sub(c[cols + 1], c[0]), v3_sub(c[cols], c[1]));
    }
    return builder_vertex(b, point[(ptrdiff_t)row * cols + col], n, (float)col, (float)row);
}

void builder_surface(struct builder *b, const struct v3 *point, int rows, int cols,
                     bool (*paint)(void *context, int row, int col, struct brush *brush),
                     void *context)
{
    for (int i = 0; i + 1 < rows; i++)
        for (int j = 0; j + 1 < cols; j++) {
            const struct v3 *c = point + (ptrdiff_t)i * cols + j;

            if ((!apart(c[0], c[1]) && !apart(c[cols], c[cols + 1])) ||
                (!apart(c[0], c[cols]) && !apart(c[1], c[cols + 1])))
                continue; /* the crease itself */
            if (paint && !paint(context, i, j, &b->brush))
                continue;
            int p = corner(b, point, rows, cols, i, j, i, j);
            int q = corner(b, point, rows, cols, i, j + 1, i, j);
            int r = corner(b, point, rows, cols, i + 1, j + 1, i, j);
            int s = corner(b, point, rows, cols, i + 1, j, i, j);

            builder_triangle(b, p, q, r);
            builder_triangle(b, p, r, s);
        }
}

/* ---- to OpenGL --------------------------------------------------------------------------------- */

static uint32_t vertex_hash(const struct vertex *v)
{
    const unsigned char *c = (const unsigned char *)v;
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < sizeof *v; i++)
        h = (h ^ c[i]) * 16777619u;
    return h ^ h >> 15;
}

/* Equal vertices become one, in place. */
static bool merge(struct builder *b)
{
    size_t size = 64;

    while (size < 2 * (size_t)b->n_vertices)
        size *= 2;
    int *table = malloc(size * sizeof *table),
        *now = malloc(((size_t)b->n_vertices + 1) * sizeof *now);

    if (!table || !now) {
        free(table);
        free(now);
        return false;
    }
    memset(table, 0xff, size * sizeof *table);
    int n = 0;
    for (int i = 0; i < b->n_vertices; i++) {
        size_t at = vertex_hash(&b->vertex[i]) & (size - 1);

        /* compared as bytes: 0 and -0 may stay apart */
        while (table[at] >= 0 && /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
               memcmp(&b->vertex[table[at]], &b->vertex[i], sizeof *b->vertex) != 0)
            at = (at + 1) & (size - 1);
        if (table[at] < 0) {
            b->vertex[n] = b->vertex[i];
            table[at] = n++;
        }
        now[i] = table[at];
    }
    for (int i = 0; i < b->n_indices; i++)
        b->index[i] = (uint32_t)now[b->index[i]];
    b->n_vertices = n;
    free(table);
    free(now);
    return true;
}

static void bounds(struct mesh *m, const struct builder *b)
{
    m->lo = v3(0, 0, 0);
    m->hi = v3(0, 0, 0);
    for (int i = 0; i < b->n_vertices; i++) {
        const float *p = b->vertex[i].p;

        if (i == 0)
            m->lo = m->hi = v3(p[0], p[1], p[2]);
        m->lo = v3(fminf(m->lo.x, p[0]), fminf(m->lo.y, p[1]), fminf(m->lo.z, p[2]));
        m->hi = v3(fmaxf(m->hi.x, p[0]), fmaxf(m->hi.y, p[1]), fmaxf(m->hi.z, p[2]));
    }
    m->radius = 0.5f * v3_length(v3_sub(m->hi, m->lo));
}

static void attribute(unsigned at, int n, unsigned type, bool normalised, size_t offset)
{
    glEnableVertexAttribArray(at);
    glVertexAttribPointer(at, n, type, normalised, sizeof(struct vertex),
                          (const void *)offset); /* NOLINT: an offset, as OpenGL wants it */
}

enum err mesh_upload(struct mesh *m, struct builder *b)
{
    if (b->failed || !merge(b))
        return ERR_NOMEM;
    bounds(m, b);
    m->n_indices = b->n_indices;
    glGenVertexArrays(1, &m->vao);
    glGenBuffers(1, &m->vbo);
    glGenBuffers(1, &m->ibo);
    glBindVertexArray(m->vao);
    glBindBuffer(GL_ARRAY_BUFFER, m->vbo);
    glBufferData(GL_ARRAY_BUFFER, (GLsizeiptr)((size_t)b->n_vertices * sizeof *b->vertex),
                 b->vertex, GL_STATIC_DRAW);
    glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, m->ibo);
    glBufferData(GL_ELEMENT_ARRAY_BUFFER, (GLsizeiptr)((size_t)b->n_indices * sizeof *b->index),
                 b->index, GL_STATIC_DRAW);
    attribute(0, 3, GL_FLOAT, false, offsetof(struct vertex, p));
    attribute(1, 3, GL_BYTE, true, offsetof(struct vertex, n));
    attribute(2, 2, GL_FLOAT, false, offsetof(struct vertex, uv));
    attribute(3, 3, GL_UNSIGNED_BYTE, true, offsetof(struct vertex, color));
    attribute(4, 4, GL_UNSIGNED_BYTE, true, offsetof(struct vertex, specular));
    glEnableVertexAttribArray(5);
    glVertexAttribIPointer(5, 1, GL_UNSIGNED_BYTE, sizeof(struct vertex),
                           (const void *)offsetof(struct vertex, bone));
    glEnableVertexAttribArray(6);
    glVertexAttribIPointer(6, 1, GL_UNSIGNED_BYTE, sizeof(struct vertex),
                           (const void *)offsetof(struct vertex, paint));
    glEnableVertexAttribArray(7);
    glVertexAttribIPointer(7, 1, GL_UNSIGNED_INT, sizeof(struct vertex),
                           (const void *)offsetof(struct vertex, id));
    glBindVertexArray(0);
    return glGetError() == GL_OUT_OF_MEMORY ? ERR_NOMEM : OK;
}

void mesh_finish(struct mesh *m)
{
    if (m->vao) {
        glDeleteVertexArrays(1, &m->vao);
        glDeleteBuffers(1, &m->vbo);
        glDeleteBuffers(1, &m->ibo);
    }
    *m = (struct mesh){0};
}

void mesh_draw(const struct mesh *m)
{
    if (m->n_indices == 0)
        return;
    glBindVertexArray(m->vao);
    glDrawElements(GL_TRIANGLES, m->n_indices, GL_UNSIGNED_INT, NULL);
}

void mesh_cover(const struct mesh *m)
{
    glBindVertexArray(m->vao); /* core OpenGL wants one, whatever is in it */
    glDrawArrays(GL_TRIANGLES, 0, 3);
}
