#include "perception/train/compose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "perception/heads/outrider.h"
#include "perception/train/graph.h"

enum { GREY = 128, LEAST_PX = 4, MAX_TILES = 4 };
static const float USUAL_FOCAL = 0.9f; /* widths, where a set does not say */

struct canvas_memory {
    int width, height;
    uint8_t *rgb, *other; /* (height, width, 3) */
};

struct canvas_memory *canvas_open(int width, int height)
{
    struct canvas_memory *m = calloc(1, sizeof *m);
    const size_t n = 3 * (size_t)width * (size_t)height;

    if (!m)
        return NULL;
    *m = (struct canvas_memory){width, height, malloc(n), malloc(n)};
    if (m->rgb && m->other)
        return m;
    canvas_close(m);
    return NULL;
}

void canvas_close(struct canvas_memory *m)
{
    if (!m)
        return;
    free(m->rgb);
    free(m->other);
    free(m);
}

/* ---- chance -------------------------------------------------------------------------------- */

struct dice {
    uint64_t seed, at;
};

static float uniform(struct dice *d, float from, float to)
{
    return from + (to - from) * (float)(random_bits(d->seed, 77, d->at++) >> 40) * 0x1p-24f;
}

static bool chance(struct dice *d, float p)
{
    return uniform(d, 0, 1) < p;
}

/* ---- where a picture lies ------------------------------------------------------------------ */

struct tile {
    int x0, y0, x1, y1; /* of the input, which it may draw on */
    /* Homographies of source px to input px, and back; (0, 0) is the corner of the first pixel on both sides. The
     * last row of `to` says how much deeper a point of the source is to the turned camera. */
    float to[3][3], back[3][3];
    float scale; /* input px for a source px, but for the turn */
    bool mirrored;
    const struct sample *from;
};

static void product(const float a[3][3], const float b[3][3], float out[3][3])
{
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            out[i][k] = a[i][0] * b[0][k] + a[i][1] * b[1][k] + a[i][2] * b[2][k];
}

static void invert(const float m[3][3], float out[3][3])
{
    float det = 0;

    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            const int r = (k + 1) % 3, s = (k + 2) % 3, u = (i + 1) % 3, v = (i + 2) % 3;

            out[i][k] = m[r][u] * m[s][v] - m[r][v] * m[s][u];
        }
    for (int k = 0; k < 3; k++)
        det += m[0][k] * out[k][0];
    for (int i = 0; i < 9; i++)
        out[i / 3][i % 3] /= det;
}

static float depth(const float m[3][3], const float p[2])
{
    return m[2][0] * p[0] + m[2][1] * p[1] + m[2][2];
}

static void map(const float m[3][3], const float p[2], float out[2])
{
    const float x = p[0], y = p[1], w = depth(m, p);

    for (int i = 0; i < 2; i++)
        out[i] = (m[i][0] * x + m[i][1] * y + m[i][2]) / w;
}

struct turn { /* of the camera, radians */
    float pitch, yaw, roll;
};

/* What a pinhole camera with that focal length sees, turned about its centre: K R K^-1 (Hartley and Zisserman
 * 2004, 8.4). Roll is left to the placing. */
static void turned(const struct image *im, float focal, const struct turn *t, float out[3][3])
{
    const float cx = (float)im->width / 2, cy = (float)im->height / 2;
    const float k[3][3] = {{focal, 0, cx}, {0, focal, cy}, {0, 0, 1}};
    const float yaw[3][3] = {
        {cosf(t->yaw), 0, sinf(t->yaw)}, {0, 1, 0}, {-sinf(t->yaw), 0, cosf(t->yaw)}};
    const float pitch[3][3] = {
        {1, 0, 0}, {0, cosf(t->pitch), -sinf(t->pitch)}, {0, sinf(t->pitch), cosf(t->pitch)}};
    float a[3][3], b[3][3], k_back[3][3];

    invert(k, k_back);
    product(pitch, yaw, a);
    product(a, k_back, b);
    product(k, b, out);
}

/* The source's centre comes to `centre`, scaled by sx, sy, seen by the turned camera. */
static void place(struct tile *t, float sx, float sy, const struct turn *turn,
                  const float centre[2])
{
    const struct image *im = &t->from->rgb;
    const float mid[2] = {(float)im->width / 2, (float)im->height / 2};
    const float focal = t->from->focal_px > 0 ? t->from->focal_px : USUAL_FOCAL * (float)im->width;
    const float side = t->mirrored ? -1 : 1, c = cosf(turn->roll), s = sinf(turn->roll);
    float flat[3][3] = {{side * sx * c, -sy * s, 0}, {side * sx * s, sy * c, 0}, {0, 0, 1}};
    float view[3][3];

    for (int i = 0; i < 2; i++)
        flat[i][2] = centre[i] - flat[i][0] * mid[0] - flat[i][1] * mid[1];
    turned(im, focal, turn, view);
    product(flat, view, t->to);
    invert(t->to, t->back);
    t->scale = sx;
}

static float fit_of(const struct compose *c, const struct image *im)
{
    return fminf((float)c->width / (float)im->width, (float)c->height / (float)im->height);
}

/* As when it is used: the whole picture at the top left. */
static void place_plain(const struct compose *c, struct tile *t)
{
    const struct image *im = &t->from->rgb;
    const float s = fit_of(c, im);

    place(t, s, s, &(struct turn){0},
          (float[2]){s * (float)im->width / 2, s * (float)im->height / 2});
}

static void place_anyhow(const struct compose *c, struct tile *t, struct dice *d)
{
    const struct image *im = &t->from->rgb;
    const bool forward = t->from->forward;
    const float k = c->strength, fit = fit_of(c, im);
    float s = fit * expf(forward ? uniform(d, -0.35f, 0.55f) * k : uniform(d, -0.7f, 0.5f) * k);
    float stretch = expf(uniform(d, -0.12f, 0.12f) * k), w = s * stretch * (float)im->width,
          h = s / stretch * (float)im->height;
    float room[2] = {(float)c->width - w, (float)c->height - h};
    struct turn turn = {.roll = uniform(d, -0.04f, 0.04f) * k};
    float centre[2];

    centre[0] = w / 2 + room[0] * uniform(d, 0, 1);
    centre[1] = h / 2 + room[1] * uniform(d, forward ? 0.25f : 0, forward ? 0.75f : 1);
    if (forward) { /* another mounting of the camera; what moves by it has moved already, what leans has not */
        turn.pitch = uniform(d, -0.04f, 0.04f) * k;
        turn.yaw = uniform(d, -0.07f, 0.07f) * k;
    }
    place(t, s * stretch, s / stretch, &turn, centre);
}

/* A quarter of a mosaic: something of the picture, at a scale of its own. */
static void place_quarter(const struct compose *c, struct tile *t, struct dice *d)
{
    const struct image *im = &t->from->rgb;
    const float fit = fit_of(c, im),
                s = fit * expf(uniform(d, -0.8f, t->from->forward ? 0.4f : 0.1f));
    const float w = s * (float)im->width, h = s * (float)im->height;
    const float rw = (float)(t->x1 - t->x0), rh = (float)(t->y1 - t->y0);
    float centre[2] = {(float)t->x0 + w / 2 + (rw - w) * uniform(d, 0, 1),
                       (float)t->y0 + h / 2 + (rh - h) * uniform(d, 0, 1)};

    place(t, s, s, &(struct turn){0}, centre);
}

/* Of the source at (u, v), between its four neighbours. */
static void take_pixel(const struct image *im, float u, float v, uint8_t *to)
{
    u = fmaxf(u - 0.5f, 0);
    v = fmaxf(v - 0.5f, 0);
    const int x0 = (int)u, y0 = (int)v, x1 = x0 + (x0 + 1 < im->width),
              y1 = y0 + (y0 + 1 < im->height);
    const int fx = (int)((u - (float)x0) * 256), fy = (int)((v - (float)y0) * 256);
    const uint8_t *p = image_at(im, x0, y0), *q = image_at(im, x1, y0), *r = image_at(im, x0, y1),
                  *s = image_at(im, x1, y1);

    for (int i = 0; i < 3; i++) {
        const int top = p[i] * (256 - fx) + q[i] * fx, low = r[i] * (256 - fx) + s[i] * fx;

        to[i] = (uint8_t)((top * (256 - fy) + low * fy + (1 << 15)) >> 16);
    }
}

static void draw(const struct tile *t, struct canvas_memory *m)
{
    const struct image *im = &t->from->rgb;

    for (int y = t->y0; y < t->y1; y++) {
        uint8_t *to = m->rgb + 3 * ((size_t)y * (size_t)m->width + (size_t)t->x0);

        for (int x = t->x0; x < t->x1; x++, to += 3) {
            float from[2];

            map(t->back, (float[2]){(float)x + 0.5f, (float)y + 0.5f}, from);
            if (from[0] >= 0 && from[1] >= 0 && from[0] < (float)im->width &&
                from[1] < (float)im->height)
                take_pixel(im, from[0], from[1], to);
        }
    }
}

/* ---- labels -------------------------------------------------------------------------------- */

static float area(const struct box *b)
{
    return fmaxf(b->x2 - b->x1, 0) * fmaxf(b->y2 - b->y1, 0);
}

static void move_object(const struct tile *t, const struct label_object *from, struct labels *out)
{
    const struct box *b = &from->box;
    const float corner[4][2] = {{b->x1, b->y1}, {b->x2, b->y1}, {b->x1, b->y2}, {b->x2, b->y2}};
    const float middle[2] = {(b->x1 + b->x2) / 2, (b->y1 + b->y2) / 2};
    struct box moved = {1e9f, 1e9f, -1e9f, -1e9f};
    struct label_object *o = &out->object[out->n_objects];

    if (out->n_objects == LABELS_MAX_OBJECTS)
        return;
    for (int i = 0; i < 4; i++) {
        float p[2];

        map(t->to, corner[i], p);
        moved = (struct box){fminf(moved.x1, p[0]), fminf(moved.y1, p[1]), fmaxf(moved.x2, p[0]),
                             fmaxf(moved.y2, p[1])};
    }
    *o = *from;
    o->box = (struct box){fmaxf(moved.x1, (float)t->x0), fmaxf(moved.y1, (float)t->y0),
                          fminf(moved.x2, (float)t->x1), fminf(moved.y2, (float)t->y1)};
    if (!(o->box.x2 > o->box.x1 && o->box.y2 > o->box.y1))
        return;
    if (area(&o->box) < 0.25f * area(&moved) || o->box.x2 - o->box.x1 < LEAST_PX ||
        o->box.y2 - o->box.y1 < LEAST_PX)
        o->ignore = true;
    if (area(&o->box) < 0.6f * area(&moved))
        o->distance_m = NAN; /* what there is to be seen of it does not tell */
    o->distance_m = t->from->focal_px > 0 ? o->distance_m * depth(t->to, middle) * OWN_FOCAL /
                                                (t->from->focal_px * t->scale)
                                          : NAN;
    out->n_objects++;
}

static void move_boundary(const struct tile *t, const struct label_boundary *from,
                          struct labels *out)
{
    struct label_boundary *b = &out->boundary[out->n_boundaries];

    if (out->n_boundaries == LABELS_MAX_BOUNDARIES)
        return;
    *b = *from;
    b->role = t->mirrored ? -from->role : from->role;
    for (int i = 0; i < b->n; i++)
        map(t->to, from->point[i], b->point[i]);
    out->n_boundaries++;
}

static unsigned mirror_bits(unsigned boundaries)
{
    static const int other[OWN_BOUNDARIES] = {3, 2, 1, 0, 5, 4};
    unsigned out = 0;

    for (int i = 0; i < OWN_BOUNDARIES; i++)
        if (boundaries & 1u << i)
            out |= 1u << other[i];
    return out;
}

static void move_lanes(const struct tile *t, struct labels *out)
{
    const struct labels *l = &t->from->labels;
    const float mid = (float)t->from->rgb.width / 2;

    out->boundaries = t->mirrored ? mirror_bits(l->boundaries) : l->boundaries;
    for (int i = 0; i < l->n_boundaries; i++)
        move_boundary(t, &l->boundary[i], out);
    for (int i = 0; i < 2; i++) {
        float p[2];

        map(t->to, (float[2]){mid, l->boundary_y[i]}, p);
        out->boundary_y[i] = p[1];
    }
}

static void move_road(const struct tile *t, uint8_t *road, int width, int height)
{
    const struct labels *l = &t->from->labels;
    const float sx = (float)l->road_width / (float)t->from->rgb.width,
                sy = (float)l->road_height / (float)t->from->rgb.height;

    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const float p[2] = {(float)x * 8 + 4, (float)y * 8 + 4};
            float from[2];

            if (p[0] < (float)t->x0 || p[0] >= (float)t->x1 || p[1] < (float)t->y0 ||
                p[1] >= (float)t->y1)
                continue;
            map(t->back, p, from);
            const int u = (int)floorf(from[0] * sx), v = (int)floorf(from[1] * sy);
            if (l->road && u >= 0 && v >= 0 && u < l->road_width && v < l->road_height)
                road[y * width + x] = l->road[(size_t)v * (size_t)l->road_width + (size_t)u];
        }
}

/* ---- light and weather --------------------------------------------------------------------- */

static void blur(struct canvas_memory *m)
{
    const int w = m->width, h = m->height;
    uint8_t *t = m->rgb;

    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const size_t at = (size_t)y * (size_t)w + (size_t)x, up = y ? at - (size_t)w : at,
                         down = y + 1 < h ? at + (size_t)w : at, left = x ? at - 1 : at,
                         right = x + 1 < w ? at + 1 : at;

            for (size_t i = 0; i < 3; i++)
                m->other[3 * at + i] =
                    (uint8_t)((4 * t[3 * at + i] + t[3 * up + i] + t[3 * down + i] +
                               t[3 * left + i] + t[3 * right + i]) >>
                              3);
        }
    m->rgb = m->other;
    m->other = t;
}

/* Streaks that are lighter than what lies behind. */
static void rain(struct canvas_memory *m, struct dice *d)
{
    const int streaks = (int)uniform(d, 30, 250);
    const float lean = uniform(d, -0.4f, 0.4f);

    for (int i = 0; i < streaks; i++) {
        const float x = uniform(d, 0, (float)m->width), y = uniform(d, 0, (float)m->height);
        const int length = (int)uniform(d, 4, 24), light = (int)uniform(d, 10, 60);

        for (int k = 0; k < length; k++) {
            const int u = (int)(x + lean * (float)k), v = (int)y + k;
            uint8_t *p = m->rgb + 3 * ((size_t)v * (size_t)m->width + (size_t)u);

            if (u < 0 || u >= m->width || v >= m->height)
                break;
            for (int c = 0; c < 3; c++)
                p[c] = (uint8_t)(p[c] + (255 - p[c]) * light / 255);
        }
    }
}

struct light {
    uint8_t curve[3][256]; /* per channel */
    float grey;            /* share that is taken of the pixel's mean: below 0 more colour */
    float fog, fog_row;    /* densest at that row; share there */
    float fog_light;
    float noise;
};

static void draw_light(const struct compose *c, struct dice *d, struct light *l)
{
    const float k = c->strength;
    const bool night = chance(d, 0.06f * k);
    const float gamma = expf(uniform(d, -0.35f, 0.35f) * k + (night ? 0.5f : 0)),
                gain = expf(uniform(d, -0.3f, 0.2f) * k) * (night ? uniform(d, 0.25f, 0.7f) : 1),
                lift = uniform(d, -0.06f, 0.1f) * k;

    for (int i = 0; i < 3; i++) {
        const float tint = expf(uniform(d, -0.1f, 0.1f) * k);

        for (int v = 0; v < 256; v++)
            l->curve[i][v] = (uint8_t)fminf(
                fmaxf(255 * (lift + gain * tint * powf((float)v / 255, gamma)), 0), 255);
    }
    l->grey = uniform(d, -0.4f, 0.6f) * k;
    l->fog = chance(d, 0.15f * k) ? uniform(d, 0.1f, 0.7f) : 0;
    l->fog_row = uniform(d, 0.35f, 0.6f);
    l->fog_light = uniform(d, 120, 230);
    l->noise = chance(d, 0.3f * k) ? uniform(d, 2, 14) : 0;
}

static void develop(const struct compose *c, const struct canvas_memory *m, const struct light *l,
                    struct dice *d, float *input)
{
    uint64_t bits = random_bits(d->seed, 78, 0) | 1;

    for (int y = 0; y < c->height; y++) {
        const float row = (float)y / (float)c->height;
        const float fog = l->fog * fmaxf(0, 1 - 1.6f * fabsf(row - l->fog_row));
        const uint8_t *p = m->rgb + 3 * (size_t)y * (size_t)m->width;
        float *to = input + 3 * (size_t)y * (size_t)c->width;

        for (int x = 0; x < c->width; x++, p += 3, to += 3) {
            const float r = l->curve[0][p[0]], g = l->curve[1][p[1]], b = l->curve[2][p[2]],
                        mean = (r + g + b) * (l->grey / 3), keep = 1 - l->grey;
            float v[3] = {keep * r + mean, keep * g + mean, keep * b + mean}, grain = 0;

            if (l->noise > 0) { /* xorshift (Marsaglia 2003) */
                bits ^= bits << 13;
                bits ^= bits >> 7;
                bits ^= bits << 17;
                grain = l->noise * ((float)(bits >> 40) * 0x1p-23f - 1);
            }
            for (int i = 0; i < 3; i++) {
                float q = v[i] + fog * (l->fog_light - v[i]) + grain;

                to[i] = (fminf(fmaxf(q, 0), 255) * (1.0f / 255) - 0.5f) * 4;
            }
        }
    }
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void set_tiles(const struct compose *c, const struct sample *const *sample, int n,
                      struct dice *d, struct tile *tile)
{
    const int cx = n == 1 ? 0 : (int)((float)c->width * uniform(d, 0.35f, 0.65f)),
              cy = n == 1 ? 0 : (int)((float)c->height * uniform(d, 0.35f, 0.65f));

    for (int i = 0; i < n; i++) {
        struct tile *t = &tile[i];

        *t = (struct tile){.x0 = i % 2 ? cx : 0, .y0 = i / 2 ? cy : 0, .from = sample[i]};
        t->x1 = n == 1 || i % 2 ? c->width : cx;
        t->y1 = n == 1 || i / 2 ? c->height : cy;
        t->mirrored = sample[i]->mirrors && chance(d, 0.5f * fminf(1, 2 * c->strength));
        if (n > 1)
            place_quarter(c, t, d);
        else if (!(c->strength > 0) || chance(d, 0.25f))
            place_plain(c, t);
        else
            place_anyhow(c, t, d);
    }
}

void compose(const struct compose *c, struct canvas_memory *m, const struct sample *const *sample,
             int n, uint64_t seed, float *input, uint8_t *road, struct labels *out)
{
    const int rw = c->width / 8, rh = c->height / 8;
    struct dice d = {seed, 0};
    struct tile tile[MAX_TILES];
    struct light light = {0};

    memset(m->rgb, GREY, 3 * (size_t)m->width * (size_t)m->height);
    memset(road, LABELS_ROAD_UNKNOWN, (size_t)rw * (size_t)rh);
    out->classes = ~0u;
    out->n_objects = out->n_boundaries = 0;
    out->boundaries = 0;
    out->road = road;
    out->road_width = rw;
    out->road_height = rh;
    set_tiles(c, sample, n, &d, tile);
    for (int i = 0; i < n; i++) {
        out->classes &= sample[i]->labels.classes;
        draw(&tile[i], m);
        for (int k = 0; k < sample[i]->labels.n_objects; k++)
            move_object(&tile[i], &sample[i]->labels.object[k], out);
        move_road(&tile[i], road, rw, rh);
    }
    if (n == 1) /* where there are several, no line belongs to our lane */
        move_lanes(&tile[0], out);
    draw_light(c, &d, &light);
    if (chance(&d, 0.15f * c->strength))
        blur(m);
    if (chance(&d, 0.08f * c->strength))
        rain(m, &d);
    develop(c, m, &light, &d, input);
}
