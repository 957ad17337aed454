/* Triangles: put together in memory, then handed to OpenGL once. */
#ifndef OUTRIDER_SIM_RENDER_MESH_H
#define OUTRIDER_SIM_RENDER_MESH_H

#include <stdbool.h>
#include <stdint.h>

#include "perception/base/err.h"
#include "sim/render/vec.h"

/* What makes a surface shine by itself; render_frame() says how bright each channel is. */
enum emission {
    EMIT_NONE,
    EMIT_TAIL, /* tail lamp, brighter when braking */
    EMIT_BRAKE,
    EMIT_HEAD,
    EMIT_LEFT, /* indicators */
    EMIT_RIGHT,
    EMIT_WINDOW, /* of a house, a bus */
    EMIT_LAMP,   /* of a street */
    EMIT_RED,    /* of traffic lights */
    EMIT_YELLOW,
    EMIT_GREEN,
    EMIT_SIGN,   /* reflects our headlights */
    EMIT_TUNNEL, /* lamps that always shine */
    EMIT_CHANNELS = 16
};

struct vertex {
    float p[3];
    int8_t n[3];
    uint8_t bone;
    float uv[2];
    uint8_t color[3]; /* sRGB */
    uint8_t paint;    /* 0: as it is, 1..4: times the actor's paint of that number */
    uint8_t specular; /* mirrored at right angles: 0..1 as 0..255 */
    uint8_t gloss;    /* how sharp */
    uint8_t emission;
    uint8_t shade; /* ambient occlusion: 255 open */
    uint32_t id;
};

/* How what is added from now on looks. */
struct brush {
    uint8_t color[3], paint, specular, gloss, emission, shade, bone;
    uint32_t id;
    float uv[2]; /* where the shape itself does not know better */
};

struct builder {
    struct vertex *vertex;
    uint32_t *index;
    int n_vertices, n_indices, cap_vertices, cap_indices;
    bool failed; /* out of memory, or too large; nothing more is added */
    struct brush brush;
    struct pose place; /* applied to whatever is added */
    int detail;        /* 0: as asked for; 1, 2: round things get half, a quarter of their sides */
};

void builder_init(struct builder *b);
void builder_finish(struct builder *b);
void builder_clear(struct builder *b); /* empty, memory kept */
/* Colour as 0xrrggbb. */
void builder_color(struct builder *b, uint32_t rgb, float specular, float gloss);

int builder_vertex(struct builder *b, struct v3 p, struct v3 n, float u, float v);
void builder_triangle(struct builder *b, int i, int j, int k);
/* Counter-clockwise as seen from its front; flat. uv run 0..1 from a: a (0, 0), b (1, 0), c (1, 1). */
void builder_quad(struct builder *b, struct v3 p, struct v3 q, struct v3 r, struct v3 s);
void builder_box(struct builder *b, struct v3 lo, struct v3 hi);
/* A bar of square or round section between two points. sides 4..; r0, r1: radii. */
void builder_bar(struct builder *b, struct v3 from, struct v3 to, float r0, float r1, int sides,
                 bool caps);
void builder_ellipsoid(struct builder *b, struct v3 centre, struct v3 radius, int rings, int sides);
/* A disc or ring about centre with the given axis. */
void builder_ring(struct builder *b, struct v3 centre, struct v3 axis, float r0, float r1,
                  int sides);

/* A smooth surface over points (rows, cols): normals from neighbours; where two neighbours coincide
 * there is a crease. The front is where d/dcol x d/drow points. paint, called for each cell, sets
 * the brush; false leaves a hole. NULL: as it is. */
void builder_surface(struct builder *b, const struct v3 *point, int rows, int cols,
                     bool (*paint)(void *context, int row, int col, struct brush *brush),
                     void *context);

struct mesh {
    unsigned vao, vbo, ibo;
    int n_indices;
    double origin[3]; /* of its coordinates, world; 0 for actors */
    struct v3 lo, hi; /* bounds */
    float radius;     /* about the middle of its bounds */
};

/* Equal vertices are merged. An empty builder gives a mesh with no triangles. ERR_NOMEM. */
MUST_CHECK enum err mesh_upload(struct mesh *m, struct builder *b);
void mesh_finish(struct mesh *m);
void mesh_draw(const struct mesh *m);
void mesh_cover(const struct mesh *m); /* one triangle over the whole picture, from gl_VertexID */

#endif
