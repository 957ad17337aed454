#include "sim/render/ground.h"

#include <stddef.h>

#include "sim/render/render.h"

/* A section across an edge: metres outwards from it and up; the material of the face that follows. */
struct section {
    int n;
    struct {
        float out, up;
    } at[8];
};

/* Which way is away from the road at this edge. */
static float outwards(const struct roadway *r, const struct road_edge *e, double s)
{
    double middle = (profile_at(&r->left, s) + profile_at(&r->right, s)) / 2;

    return profile_at(&e->offset, s) >= middle ? 1.0f : -1.0f;
}

enum { MAX_SECTION_POINTS = 8, MAX_ROWS = 64 };

/* Draw the section along the edge, creased at its corners when it has any. */
static void extrude(const struct stretch *t, struct builder *b, const struct road_edge *e,
                    const struct section *c, bool creased)
{
    const struct roadway *r = &t->world->roads.road[t->road];
    double s0 = fmax(e->s0, t->s0), s1 = fmin(e->s1, t->s1);
    int rows = stretch_rows(t, s0, s1) + 1;
    struct v3 grid[MAX_ROWS * 2 * MAX_SECTION_POINTS];
    int cols = 0;

    if (s1 <= s0 || rows > MAX_ROWS)
        return;
    for (int i = 0; i < rows; i++) {
        double s = s0 + (s1 - s0) * i / (rows - 1), d = profile_at(&e->offset, s);
        float side = outwards(r, e, s);

        cols = 0;
        for (int k = 0; k < c->n; k++) {
            /* from right to left, so that the front is up and towards the road */
            int from = side > 0 ? k : c->n - 1 - k;
            struct v3 p = stretch_point(t, s, d + side * c->at[from].out, c->at[from].up);

            grid[i * (creased ? 2 * c->n : c->n) + cols++] = p;
            if (creased)
                grid[i * 2 * c->n + cols++] = p;
        }
    }
    /* transposed: columns run across, rows along; d/dcol x d/drow points down, so swap */
    struct v3 flip[MAX_ROWS * 2 * MAX_SECTION_POINTS];
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < cols; k++)
            flip[k * rows + i] = grid[i * cols + k];
    builder_surface(b, flip, cols, rows, NULL, NULL);
}

static void posts(const struct stretch *t, struct builder *b, const struct road_edge *e,
                  double spacing, float out, float height, float half)
{
    const struct roadway *r = &t->world->roads.road[t->road];

    int first = (int)ceil(fmax(e->s0, t->s0) / spacing);

    for (int i = first; i * spacing < fmin(e->s1, t->s1); i++) {
        double s = i * spacing;
        double d = profile_at(&e->offset, s) + outwards(r, e, s) * out;

        builder_bar(b, stretch_point(t, s, d, -0.1), stretch_point(t, s, d, height), half, half, 4,
                    true);
    }
}

static void guard_rail(const struct stretch *t, struct builder *b, const struct road_edge *e)
{
    float h = (float)e->height;
    /* the W of the beam, 31 cm high */
    const struct section flat = {2, {{0.02f, h - 0.31f}, {0.02f, h}}};
    const struct section beam = {8,
                                 {{0.04f, h - 0.31f},
                                  {0.0f, h - 0.27f},
                                  {0.0f, h - 0.22f},
                                  {0.07f, h - 0.17f},
                                  {0.07f, h - 0.14f},
                                  {0.0f, h - 0.09f},
                                  {0.0f, h - 0.04f},
                                  {0.04f, h}}};

    builder_color(b, 0x9a9c9e, 0.25f, 0.35f);
    b->brush.id = PIXEL_ID(PIXEL_EDGE, -1);
    extrude(t, b, e, t->detail > 0 ? &flat : &beam, false);
    builder_color(b, 0x77797b, 0.1f, 0.2f);
    if (t->detail < 2)
        posts(t, b, e, 4, 0.14f, h - 0.02f, 0.05f);
}

static void fence(const struct stretch *t, struct builder *b, const struct road_edge *e)
{
    float h = (float)e->height;

    builder_color(b, 0x6b5a48, 0.02f, 0.1f);
    posts(t, b, e, 3, 0, h, 0.05f);
    for (int i = 1; i <= 3; i++) {
        float z = h * (float)i / 3 - 0.06f;
        const struct section rail = {
            5, {{0, z}, {0, z + 0.09f}, {0.03f, z + 0.09f}, {0.03f, z}, {0, z}}};

        extrude(t, b, e, &rail, true);
    }
}

static void edge(const struct stretch *t, struct builder *b, const struct road_edge *e)
{
    float h = (float)e->height;

    b->brush.id = PIXEL_ID(PIXEL_EDGE, -1);
    switch (e->kind) {
    case EDGE_SOIL:
        break;
    case EDGE_KERB:
        builder_color(b, 0x9c9a94, 0.02f, 0.1f);
        extrude(t, b, e,
                &(struct section){
                    5, {{0, -0.05f}, {0.02f, h}, {0.15f, h}, {0.16f, 0.0f}, {0.16f, -0.1f}}},
                true);
        break;
    case EDGE_GUARD_RAIL:
        guard_rail(t, b, e);
        break;
    case EDGE_CONCRETE:
        builder_color(b, 0xa8a59d, 0.02f, 0.1f);
        extrude(t, b, e,
                &(struct section){8,
                                  {{0, -0.1f},
                                   {0, 0.09f * h},
                                   {0.17f, 0.4f * h},
                                   {0.22f, h},
                                   {0.38f, h},
                                   {0.43f, 0.4f * h},
                                   {0.6f, 0.09f * h},
                                   {0.6f, -0.1f}}},
                true);
        break;
    case EDGE_WALL:
        builder_color(b, 0x8e8b85, 0.02f, 0.1f);
        extrude(t, b, e, &(struct section){4, {{0, -0.2f}, {0, h}, {0.3f, h}, {0.3f, -0.2f}}},
                true);
        break;
    case EDGE_FENCE:
        fence(t, b, e);
        break;
    }
}

void ground_edges(const struct stretch *t, struct builder *b)
{
    const struct roadway *r = &t->world->roads.road[t->road];

    for (int i = 0; i < r->n_edges; i++)
        if (r->edge[i].s0 < t->s1 && r->edge[i].s1 > t->s0)
            edge(t, b, &r->edge[i]);
}
