#include "sim/render/body.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { HALF = 12, RING = 2 * HALF - 1, MAX_STATIONS = 112, FASCIA_COLS = 12 };
#define ARCH_ROOM 1.17f /* radius of a wheel arch by that of the wheel */

/* ---- lines along x ------------------------------------------------------------------------------ */

static float field(const struct body_key *k, size_t offset)
{
    float v;

    memcpy(&v, (const char *)k + offset, sizeof v);
    return v;
}

/* Cubic between keys, without overshoot: the slope at a key is that of the flatter neighbour, 0 at
 * an extremum (Fritsch and Carlson 1980, simplified). */
static float slope_at(const struct body *b, int i, size_t f)
{
    if (i <= 0 || i >= b->n_keys - 1)
        return 0;
    const struct body_key *k = &b->key[i];
    float l = (field(k, f) - field(k - 1, f)) / (k->x - k[-1].x);
    float r = (field(k + 1, f) - field(k, f)) / (k[1].x - k->x);

    return l * r <= 0 ? 0 : fabsf(l) < fabsf(r) ? l : r;
}

static int key_before(const struct body *b, float x)
{
    int i = 0;

    while (i + 2 < b->n_keys && b->key[i + 1].x <= x + 1e-4f)
        i++;
    return i;
}

static float along(const struct body *b, float x, size_t f)
{
    int i = key_before(b, x);
    const struct body_key *k = &b->key[i];
    float h = k[1].x - k->x, t = clampf((x - k->x) / h, 0, 1), a = field(k, f), c = field(k + 1, f);
    float m0 = slope_at(b, i, f) * h, m1 = slope_at(b, i + 1, f) * h;
    float t2 = t * t, t3 = t2 * t;

    return a * (2 * t3 - 3 * t2 + 1) + m0 * (t3 - 2 * t2 + t) + c * (3 * t2 - 2 * t3) +
           m1 * (t3 - t2);
}

#define ALONG(b, x, name) along(b, x, offsetof(struct body_key, name))

/* ---- cross sections ----------------------------------------------------------------------------- */

static float arch(const struct body *b, float x)
{
    float r = b->wheel * ARCH_ROOM, z = -1;

    for (int i = 0; i < 2; i++) {
        float d = x - b->axle[i];

        if (fabsf(d) < r)
            z = fmaxf(z, b->wheel + sqrtf(r * r - d * d));
    }
    return z;
}

/* How far everything draws in near an end, so that corners are round. */
static float draw_in(const struct body *b, float x)
{
    float e = fminf(b->length / 2 - x, x + b->length / 2), r = 0.16f;

    if (e >= r)
        return 0;
    float u = 1 - fmaxf(e, 0) / r;
    return 0.075f * (1 - sqrtf(fmaxf(1 - u * u, 0)));
}

/* The left half of the ring, from under the sill up to the middle of the top. */
static void half_ring(const struct body *b, float x, struct v3 *p)
{
    float in = draw_in(b, x), half = ALONG(b, x, half) - in, top = ALONG(b, x, top) - in;
    float belt = fminf(ALONG(b, x, belt), top - 0.05f), roof = fminf(ALONG(b, x, roof), half) - in;
    float low = b->clearance + in, a = arch(b, x), waist = mixf(low, belt, 0.55f);
    float glass = belt + 0.88f * (top - belt), lean = 0.95f * half;
    float y[HALF] = {0.80f * half,
                     0.955f * half,
                     0.985f * half,
                     half,
                     0.992f * half,
                     lean,
                     lean,
                     lean - 0.012f,
                     0,
                     0,
                     0,
                     0};
    float z[HALF] = {
        low,          low,   low + 0.10f, waist, belt - 0.13f, belt - 0.015f, belt - 0.015f,
        belt + 0.01f, glass, 0,           0,     top};

    y[8] = mixf(lean - 0.012f, roof, 0.9f);
    y[9] = roof * 0.93f;
    z[9] = top - 0.028f - 0.01f * (top - belt);
    y[10] = roof * 0.6f;
    z[10] = top - 0.008f;
    for (int k = 0; k < HALF; k++) {
        if (k <= 4)
            z[k] = fmaxf(z[k], a + 0.001f * (float)k);
        /* rounded in plan: the sides end before the middle does */
        float end = x > 0 ? b->bow[1] : b->bow[0], reach = fabsf(x) - 0.5f * b->length + 0.8f;
        float u = half > 0 ? y[k] / half : 0,
              shift = reach > 0 ? end * u * u * reach * reach / 0.64f : 0;

        p[k] = v3(x > 0 ? x - shift : x + shift, y[k], z[k]);
    }
}

/* ---- the loft ----------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

/* detail 0 is all there is; 1 and 2 are for cars that are small in the picture. */
static int stations(const struct body *b, int detail, float *x)
{
    static const float ends[] = {0, 0.16f, 0.07f, 0.03f, 0.008f};
    float l = b->length / 2, r = b->wheel * ARCH_ROOM;
    int n = 0, m = 0, n_ends = detail == 0 ? 5 : detail == 1 ? 2 : 1, steps = 10 >> detail;

    for (int i = 0; i < n_ends; i++) {
        x[n++] = -l + ends[i];
        x[n++] = l - ends[i];
    }
    for (int i = 0; i < b->n_keys; i++)
        x[n++] = b->key[i].x;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j <= steps; j++)
            x[n++] = b->axle[i] - r * 0.9995f * cosf((float)M_PI * (float)j / (float)steps);
    for (int i = 0; detail == 0 && (float)i * 0.22f < 2 * l - 0.5f && n < MAX_STATIONS - 1; i++)
        x[n++] = -l + 0.3f + (float)i * 0.22f;
    qsort(x, (size_t)n, sizeof *x, ascending);
    for (int i = 0; i < n; i++)
        if (m == 0 || x[i] - x[m - 1] > 0.006f)
            x[m++] = clampf(x[i], -l, l);
    return m;
}

/* Which points of the ring are used, and from which its faces take their looks. */
struct outline {
    int n;
    int point[HALF], looks[HALF];
};
static const struct outline outlines[3] = {
    {HALF, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
    {8, {1, 2, 4, 6, 7, 8, 9, 11}, {1, 2, 4, 6, 7, 8, 9}},
    {5, {1, 4, 7, 9, 11}, {2, 2, 7, 9}},
};

static void sheet(struct brush *br)
{
    memcpy(br->color, (uint8_t[]){255, 255, 255}, 3);
    br->paint = 1;
    br->specular = 11;
    br->gloss = 205;
    br->emission = EMIT_NONE;
}
static void matter(struct brush *br, uint32_t rgb, uint8_t specular, uint8_t gloss)
{
    br->color[0] = (uint8_t)(rgb >> 16);
    br->color[1] = (uint8_t)(rgb >> 8);
    br->color[2] = (uint8_t)rgb;
    br->paint = 0;
    br->specular = specular;
    br->gloss = gloss;
    br->emission = EMIT_NONE;
}
static void glass(struct brush *br)
{
    matter(br, 0x15191b, 22, 235);
}

struct loft {
    const struct body *body;
    const struct outline *outline;
    const float *x;
};

static bool paint_loft(void *context, int row, int col, struct brush *br)
{
    const struct loft *l = context;
    const struct body_key *key =
        &l->body->key[key_before(l->body, (l->x[col] + l->x[col + 1]) / 2)];
    int last = 2 * (l->outline->n - 1) - 1;
    int k = l->outline->looks[row <= last / 2 ? row : last - row];

    br->shade = k == 0 ? 90 : k == 1 ? 150 : k == 2 ? 215 : 255;
    bool window = (k == 7 && key->beside == SIDE_GLASS) || (k >= 9 && key->above == TOP_GLASS);
    bool black = (k == 7 && key->beside == SIDE_BLACK) || (k >= 9 && key->above == TOP_BLACK);

    sheet(br);
    if (k == 0)
        matter(br, 0x141414, 4, 20);
    else if (k == 1)
        matter(br, l->body->trim, 8, 60);
    else if (k == 6)
        matter(br, 0x1a1a1a, 10, 120); /* the rubber under the windows */
    else if (window)
        glass(br);
    else if (black)
        matter(br, 0x131415, 12, 155);
    return true;
}

/* Rows from left to right over the top, columns forwards: d/dcol x d/drow points outwards. */
static void loft(struct builder *b, const struct body *body, const float *x, int n, int detail)
{
    const struct outline *o = &outlines[detail];
    struct v3 grid[RING * MAX_STATIONS], half[HALF];
    int rows = 2 * o->n - 1;

    for (int i = 0; i < n; i++) {
        half_ring(body, x[i], half);
        for (int k = 0; k < o->n; k++) {
            struct v3 p = half[o->point[k]];

            grid[k * n + i] = v3(p.x, -p.y, p.z);
            grid[(rows - 1 - k) * n + i] = p;
        }
    }
    builder_surface(b, grid, rows, n, paint_loft, &(struct loft){body, o, x});
}

/* ---- the ends ----------------------------------------------------------------------------------- */

struct fascia {
    const char *const *row;
    int n_rows;
    bool front;
};

/* From the middle outwards. */
static int column_of(int col)
{
    return col < FASCIA_COLS ? FASCIA_COLS - 1 - col : col - FASCIA_COLS;
}
static char look_at(const struct fascia *f, int row, int col)
{
    return f->row[row][column_of(col)];
}

static bool paint_fascia(void *context, int row, int col, struct brush *br)
{
    const struct fascia *f = context;
    bool left = f->front ? col < FASCIA_COLS : col >= FASCIA_COLS;

    br->shade = row > f->n_rows - 3 ? 190 : 255;
    switch (look_at(f, row, col)) {
    case 'k':
        matter(br, 0x1c1d1e, 9, 70);
        break;
    case 'g':
        glass(br);
        break;
    case 'c':
        matter(br, 0xb8bcc0, 140, 200);
        break;
    case 'm':
        matter(br, (row + col) % 2 ? 0x0c0c0d : 0x242526, 10, 90);
        break;
    case 'l':
        matter(br, f->front ? 0xc9ced2 : 0x9c1414, f->front ? 60 : 14, 220);
        br->emission = f->front ? EMIT_HEAD : EMIT_TAIL;
        break;
    case 's': /* brake lamp that does not shine otherwise */
        matter(br, 0x8a1010, 14, 220);
        br->emission = EMIT_BRAKE;
        break;
    case 'i':
        matter(br, 0xd27a18, 14, 200);
        br->emission = left ? EMIT_LEFT : EMIT_RIGHT;
        break;
    case 'p':
        matter(br, 0xe4e6e4, 6, 60);
        br->emission = EMIT_SIGN;
        break;
    case 't': /* letters on it */
        matter(br, 0x5a5c60, 6, 60);
        br->emission = EMIT_SIGN;
        break;
    case 'r':
        matter(br, 0x7c1212, 20, 160);
        break;
    case 'f':
        matter(br, 0x90959a, 60, 200);
        break;
    default:
        sheet(br);
    }
    return true;
}

/* Half the width of the end at height z, off its ring. */
static float ring_width(const struct v3 *ring, float z)
{
    for (int k = 1; k + 1 < HALF; k++)
        if (ring[k + 1].z >= z && ring[k + 1].z > ring[k].z)
            return mixf(ring[k].y, ring[k + 1].y,
                        clampf((z - ring[k].z) / (ring[k + 1].z - ring[k].z), 0, 1));
    return ring[HALF - 2].y;
}

/* Cells that look alike become one. */
static void end_coarse(struct builder *b, struct fascia *f, const struct v3 *grid, int cols)
{
    for (int i = 0, below; i < f->n_rows; i = below) {
        for (below = i + 1; below < f->n_rows && strcmp(f->row[below], f->row[i]) == 0;)
            below++;
        for (int j = 0, next; j + 1 < cols; j = next) {
            for (next = j + 1; next + 1 < cols && column_of(next) != 0 &&
                               look_at(f, i, next) == look_at(f, i, j);)
                next++;
            const struct v3 *p = grid + (ptrdiff_t)i * cols, *q = grid + (ptrdiff_t)below * cols;

            paint_fascia(f, i, j, &b->brush);
            builder_quad(b, p[j], p[next], q[next], q[j]);
        }
    }
}

static void end(struct builder *b, const struct body *body, bool front, int detail)
{
    struct fascia f = {front ? body->front : body->rear, 0, front};
    struct v3 ring[HALF], grid[(FASCIA_ROWS + 1) * (2 * FASCIA_COLS + 1)];
    float x = (front ? 1.0f : -1.0f) * body->length / 2;
    float bow = body->bow[front];
    int cols = 2 * FASCIA_COLS + 1;

    while (f.n_rows < FASCIA_ROWS && f.row[f.n_rows])
        f.n_rows++;
    half_ring(body, x, ring);
    for (int i = 0; i <= f.n_rows; i++) {
        float z = mixf(ring[HALF - 1].z, ring[1].z, (float)i / (float)f.n_rows);
        float wide = i == 0 ? ring[HALF - 2].y * 0.9f : ring_width(ring, z);

        for (int j = 0; j < cols; j++) {
            float y = wide * ((float)j / FASCIA_COLS - 1) * (front ? -1 : 1);
            float half = ring[3].y, u = half > 0 ? y / half : 0;
            float shift = bow * u * u;

            grid[i * cols + j] = v3(front ? x - shift : x + shift, y, z);
        }
    }
    if (detail > 0)
        end_coarse(b, &f, grid, cols);
    else
        builder_surface(b, grid, f.n_rows + 1, cols, paint_fascia, &f);
}

/* ---- what is put on ----------------------------------------------------------------------------- */

/* A dark line down the side at x, one ring segment at a time. */
static void seam(struct builder *b, const struct body *body, float x, int from, int to)
{
    struct v3 p[HALF], q[HALF];

    half_ring(body, x - 0.006f, p);
    half_ring(body, x + 0.006f, q);
    for (int side = 1; side >= -1; side -= 2)
        for (int k = from; k < to; k++) {
            struct v3 c[4] = {p[k], q[k], q[k + 1], p[k + 1]};

            for (int i = 0; i < 4; i++) {
                c[i].y += 0.003f;
                c[i].y *= (float)side;
            }
            if (c[0].z + 0.005f >= c[3].z)
                continue;
            if (side > 0)
                builder_quad(b, c[1], c[0], c[3], c[2]);
            else
                builder_quad(b, c[0], c[1], c[2], c[3]);
        }
}

static void doors(struct builder *b, const struct body *body)
{
    const float handle = 0.11f;
    struct v3 p[HALF];

    for (int i = 0; i < body->n_keys; i++) {
        bool before = i > 0 && body->key[i - 1].beside == SIDE_GLASS;
        bool after = body->key[i].beside == SIDE_GLASS;
        float x = body->key[i].x;

        if (!before && !after)
            continue;
        matter(&b->brush, 0x0c0c0c, 4, 20);
        if (before != after || body->key[i].beside == SIDE_BLACK)
            seam(b, body, x, 2, 5);
        if (!before || x < body->axle[0] + 0.45f || x - body->key[i - 1].x < 0.45f)
            continue;
        x = body->key[i - 1].x + 0.10f; /* a handle at the rear edge of each door */
        half_ring(body, x, p);
        sheet(&b->brush);
        for (int side = -1; side <= 1; side += 2) {
            float y = (float)side * p[4].y;

            builder_box(b, v3(x, y - 0.022f, p[4].z - 0.02f),
                        v3(x + 2 * handle, y + 0.022f, p[4].z + 0.015f));
        }
    }
}

static void mirrors(struct builder *b, const struct body *body)
{
    int i = body->n_keys - 1;

    while (i > 0 && body->key[i - 1].beside != SIDE_GLASS)
        i--;
    float x = body->key[i].x - 0.28f, y = body->width / 2 - 0.055f,
          z = ALONG(body, x, belt) + 0.07f;

    for (int side = -1; side <= 1; side += 2) {
        sheet(&b->brush);
        builder_ellipsoid(b, v3(x, (float)side * (y - 0.02f), z), v3(0.07f, 0.075f, 0.065f), 6, 10);
    }
}

static void underneath(struct builder *b, const struct body *body)
{
    float l = body->length / 2 - 0.25f, w = body->width / 2 * 0.74f;

    matter(&b->brush, 0x0b0b0b, 2, 10);
    b->brush.shade = 80;
    builder_box(b, v3(-l, -w, body->clearance), v3(l, w, body->clearance + 0.42f));
    b->brush.shade = 255;
}

/* ---- wheels ------------------------------------------------------------------------------------- */

static void spokes(struct builder *b, struct v3 c, float r, float out, int style)
{
    int n = style == 0 ? 5 : style == 1 ? 7 : 10;

    for (int i = 0; i < n; i++) {
        float a = (float)(2 * M_PI) * (float)i / (float)n, w = style == 2 ? 0.018f : 0.032f;
        struct v3 d = v3(cosf(a), 0, sinf(a)), e = v3(-sinf(a), 0, cosf(a));
        struct v3 p[4] = {
            v3_add(v3_scale(d, 0.04f), v3_scale(e, -w)), v3_add(v3_scale(d, r), v3_scale(e, -w)),
            v3_add(v3_scale(d, r), v3_scale(e, w)), v3_add(v3_scale(d, 0.04f), v3_scale(e, w))};

        for (int k = 0; k < 4; k++)
            p[k] = v3_add(c, v3_add(p[k], v3(0, out * 0.012f, 0)));
        if (out < 0)
            builder_quad(b, p[0], p[1], p[2], p[3]);
        else
            builder_quad(b, p[3], p[2], p[1], p[0]);
    }
}

void wheel_build(struct builder *b, struct v3 c, float radius, float width, float out, int style)
{
    struct v3 axis = v3(0, out, 0), outer = v3(c.x, c.y, c.z),
              inner = v3(c.x, c.y - out * width, c.z);
    struct v3 lip = v3(c.x, c.y - out * 0.02f, c.z), face = v3(c.x, c.y - out * 0.03f, c.z);
    float rim = radius * 0.68f;

    b->brush.shade = 200;
    matter(&b->brush, 0x17171a, 5, 30);
    builder_bar(b, inner, lip, radius, radius, 20, false);
    builder_bar(b, lip, outer, radius, radius * 0.95f, 20, false);
    builder_ring(b, outer, axis, rim, radius * 0.95f, 20);
    builder_ring(b, inner, v3_scale(axis, -1), 0, radius, 20);
    matter(&b->brush, 0x0d0d0e, 5, 40);
    builder_ring(b, face, axis, 0, rim, 20);
    matter(&b->brush, b->detail ? 0x6a6d70 : 0x9a9da1, 110, 150);
    builder_ring(b, v3_add(face, v3_scale(axis, 0.018f)), axis, rim * 0.86f, rim, 20);
    if (b->detail == 0)
        spokes(b, face, rim * 0.9f, out, style);
    else
        builder_ring(b, v3_add(face, v3_scale(axis, 0.01f)), axis, 0, rim * 0.8f, 20);
    builder_ring(b, v3_add(face, v3_scale(axis, 0.015f)), axis, 0, rim * 0.22f, 10);
    b->brush.shade = 255;
}

static void wheels(struct builder *b, const struct body *body)
{
    for (int i = 0; i < 4; i++) {
        float side = i & 1 ? -1.0f : 1.0f;
        bool front = i >= 2;

        b->brush.bone = (uint8_t)(!front ? BONE_REAR : side > 0 ? BONE_LEFT : BONE_RIGHT);
        wheel_build(b, v3(body->axle[front], side * (body->width / 2 * 0.965f), body->wheel),
                    body->wheel, body->tyre, side, (int)(body->wheel * 1000) % 3);
    }
    b->brush.bone = BONE_BODY;
}

void body_build(struct builder *b, const struct body *body, int detail)
{
    float x[MAX_STATIONS];
    int n = stations(body, detail, x);

    b->brush.bone = BONE_BODY;
    loft(b, body, x, n, detail);
    end(b, body, false, detail);
    end(b, body, true, detail);
    underneath(b, body);
    if (detail == 0)
        doors(b, body);
    if (detail < 2)
        mirrors(b, body);
    wheels(b, body);
}
