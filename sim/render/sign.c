#include "sim/render/prop.h"

#include <string.h>

#include "perception/image/font.h"

/* Plates face +x. Pictograms are flat shapes laid over each other, millimetres apart; digits are the
 * dots of our font, joined to bars. */

enum { ROUND_SIDES = 24 };

struct plate {
    struct builder *b;
    float z; /* height of its middle */
    float x; /* of its surface; grows with each layer */
    float y;
};

static void ink(struct plate *p, uint32_t rgb)
{
    builder_color(p->b, rgb, 0.03f, 0.3f);
    p->b->brush.emission = EMIT_SIGN;
    p->x += 0.004f;
}

static void disc(struct plate *p, float radius, int sides)
{
    builder_ring(p->b, v3(p->x, p->y, p->z), v3(1, 0, 0), 0, radius, sides);
}

/* Corners counter-clockwise as the viewer sees them: u to his right, v up. */
static void shape(struct plate *p, const float (*uv)[2], int n, float scale)
{
    int first = p->b->n_vertices;

    for (int i = 0; i < n; i++)
        builder_vertex(p->b, v3(p->x, p->y + uv[i][0] * scale, p->z + uv[i][1] * scale),
                       v3(1, 0, 0), 0, 0);
    for (int i = 2; i < n; i++)
        builder_triangle(p->b, first, first + i - 1, first + i);
}

static void bar(struct plate *p, float u0, float v0, float u1, float v1)
{
    const float q[4][2] = {{u0, v0}, {u1, v0}, {u1, v1}, {u0, v1}};

    shape(p, q, 4, 1);
}

static void words(struct plate *p, const char *text, float height, float left, float v)
{
    float dot = height / FONT_BASELINE;

    for (size_t n = strlen(text), i = 0; i < n; i++)
        for (int y = 0; y < FONT_BASELINE; y++)
            for (int x = 0; x < FONT_WIDTH; x++) {
                if (!font_dot(text[i], x, y))
                    continue;
                float u = left + ((float)i * (FONT_WIDTH + 1) + (float)x) * dot,
                      top = v + height / 2 - (float)y * dot;

                bar(p, u, top - dot, u + dot, top);
            }
}

static void centred(struct plate *p, const char *text, float height)
{
    float wide = ((float)strlen(text) * (FONT_WIDTH + 1) - 1) * height / FONT_BASELINE;

    words(p, text, height, -wide / 2, 0);
}

static void limit(struct plate *p, const char *number)
{
    ink(p, 0xc81414);
    disc(p, 0.32f, ROUND_SIDES);
    ink(p, 0xececea);
    disc(p, 0.25f, ROUND_SIDES);
    ink(p, 0x101010);
    centred(p, number, 0.24f);
}

static void warning(struct plate *p, int what)
{
    static const float up[3][2] = {{-0.5f, -0.29f}, {0.5f, -0.29f}, {0, 0.577f}};

    ink(p, 0xc81414);
    shape(p, up, 3, 0.86f);
    ink(p, 0xececea);
    shape(p, up, 3, 0.62f);
    ink(p, 0x101010);
    if (what == 0) { /* a bend */
        static const float bend[5][2] = {
            {-0.04f, -0.14f}, {0.03f, -0.14f}, {0.03f, 0.02f}, {0.10f, 0.09f}, {-0.04f, 0.04f}};

        shape(p, bend, 5, 1);
    } else { /* ! */
        bar(p, -0.025f, -0.04f, 0.025f, 0.17f);
        bar(p, -0.025f, -0.13f, 0.025f, -0.08f);
    }
}

static void yield_sign(struct plate *p)
{
    static const float down[3][2] = {{-0.5f, 0.29f}, {0, -0.577f}, {0.5f, 0.29f}};

    ink(p, 0xc81414);
    shape(p, down, 3, 0.86f);
    ink(p, 0xececea);
    shape(p, down, 3, 0.56f);
}

static void stop_sign(struct plate *p)
{
    ink(p, 0xececea);
    disc(p, 0.36f, 8);
    ink(p, 0xb81010);
    disc(p, 0.335f, 8);
    ink(p, 0xececea);
    centred(p, "STOP", 0.17f);
}

static void priority(struct plate *p)
{
    ink(p, 0xececea);
    disc(p, 0.36f, 4);
    ink(p, 0xe8b414);
    disc(p, 0.25f, 4);
}

static void parking(struct plate *p)
{
    ink(p, 0x1446a8);
    bar(p, -0.3f, -0.3f, 0.3f, 0.3f);
    ink(p, 0xececea);
    centred(p, "P", 0.4f);
}

static void no_entry(struct plate *p)
{
    ink(p, 0xc01010);
    disc(p, 0.32f, ROUND_SIDES);
    ink(p, 0xececea);
    bar(p, -0.22f, -0.055f, 0.22f, 0.055f);
}

/* Straight on or to a side, white on blue. */
static void arrow(struct plate *p)
{
    static const float head[3][2] = {{-0.15f, 0.06f}, {0.15f, 0.06f}, {0, 0.23f}};

    ink(p, 0x1446a8);
    disc(p, 0.32f, ROUND_SIDES);
    ink(p, 0xececea);
    bar(p, -0.05f, -0.2f, 0.05f, 0.07f);
    shape(p, head, 3, 1);
}

static void chevron(struct plate *p)
{
    ink(p, 0xc81414);
    bar(p, -0.5f, -0.25f, 0.5f, 0.25f);
    ink(p, 0xececea);
    for (int i = 0; i < 3; i++) {
        float u = -0.42f + 0.32f * (float)i;
        const float q[2][4][2] = {
            {{u, -0.25f}, {u + 0.12f, -0.25f}, {u + 0.27f, 0}, {u + 0.15f, 0}},
            {{u + 0.15f, 0}, {u + 0.27f, 0}, {u + 0.12f, 0.25f}, {u, 0.25f}}};

        shape(p, q[0], 4, 1);
        shape(p, q[1], 4, 1);
    }
}

static void direction(struct plate *p, float half, float high, uint32_t ground, uint32_t seed)
{
    static const char *const places[] = {"Northam", "Eastfield", "Harbour",  "Airport",
                                         "Centre",  "Milltown",  "Lakeside", "Southgate"};

    ink(p, 0xececea);
    bar(p, -half, -high, half, high);
    ink(p, ground);
    bar(p, -half + 0.05f, -high + 0.05f, half - 0.05f, high - 0.05f);
    ink(p, 0xececea);
    float size = fminf(high * 0.42f, half * 0.19f);
    words(p, places[hash32(seed, 1) % 8], size, -half * 0.86f, high * 0.42f);
    words(p, places[hash32(seed, 2) % 8], size, -half * 0.86f, -high * 0.38f);
}

enum { SIGN_KINDS = 12 };

void sign(struct builder *b, const struct prop *prop)
{
    static const char *const numbers[] = {"30", "50", "60", "70", "80", "100", "120", "130"};
    float h = (float)prop->height > 1 ? (float)prop->height : 2.6f;
    struct plate p = {b, h - 0.4f, 0.06f, 0};

    builder_color(b, 0x8d9093, 0.15f, 0.3f);
    builder_bar(b, v3(0, 0, -0.3f), v3(0, 0, h), 0.035f, 0.035f, 6, true);
    switch (prop->state % SIGN_KINDS) {
    case 0:
    case 1:
    case 2:
        limit(&p, numbers[hash32(prop->look, 3) % 8]);
        break;
    case 3:
        warning(&p, 0);
        break;
    case 4:
        warning(&p, 1);
        break;
    case 5:
        yield_sign(&p);
        break;
    case 6:
        stop_sign(&p);
        break;
    case 7:
        priority(&p);
        break;
    case 8:
        parking(&p);
        break;
    case 9:
        no_entry(&p);
        break;
    case 10:
        arrow(&p);
        break;
    default:
        chevron(&p);
    }
}

void sign_boards(struct builder *b, const struct prop *prop)
{
    float w = (float)prop->width / 2, h = (float)prop->height;
    int boards = w > 6 ? 2 : 1;

    for (int i = 0; i < boards; i++) {
        struct plate p = {b, h - 0.5f, 0.02f, boards == 1 ? 0 : w * (i ? 0.42f : -0.42f)};

        direction(&p, fminf(2.4f, w * 0.38f), 1.3f, hash32(prop->look, 5) & 1 ? 0x14509c : 0x0f6a3c,
                  prop->look + (uint32_t)i);
        builder_color(b, 0x777a7c, 0.1f, 0.2f);
        builder_box(b, v3(-0.03f, p.y - fminf(2.4f, w * 0.38f), p.z - 1.3f),
                    v3(0.02f, p.y + fminf(2.4f, w * 0.38f), p.z + 1.3f));
    }
}
