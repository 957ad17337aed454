/* Lorries and buses: boxes with round corners, and what is screwed onto them. */
#include "sim/render/model.h"

#include <stddef.h>

enum { CORNER = 4, RING = 4 * (CORNER + 1) + 1 };

static void tone(struct builder *b, uint32_t rgb, float specular, float gloss)
{
    builder_color(b, rgb, specular, gloss);
    b->brush.shade = 255;
}
static void painted(struct builder *b, uint8_t paint)
{
    tone(b, 0xffffff, 0.04f, 0.75f);
    b->brush.paint = paint;
}

/* A box whose upright edges have radius r; the top draws in by lean at its front (towards +x). */
static void round_box(struct builder *b, struct v3 lo, struct v3 hi, float r, float lean)
{
    struct v3 grid[5][RING];
    const float at[5] = {0, 0.45f, 0.97f, 1, 1}, in[5] = {0, 0, 0, 0.05f, 1};
    float cx = (lo.x + hi.x) / 2, cy = (lo.y + hi.y) / 2;

    for (int i = 0; i < 5; i++)
        for (int k = 0; k < RING; k++) {
            int corner = (k % (RING - 1)) / (CORNER + 1), step = (k % (RING - 1)) % (CORNER + 1);
            float a = (float)M_PI / 2 * ((float)corner + (float)step / CORNER);
            float sx = corner == 0 || corner == 3 ? 1.0f : -1.0f, sy = corner < 2 ? 1.0f : -1.0f;
            float x = cx + sx * ((hi.x - lo.x) / 2 - r) + r * cosf(a),
                  y = cy + sy * ((hi.y - lo.y) / 2 - r) + r * sinf(a);

            if (sx > 0)
                x -= lean * fmaxf(at[i] - 0.4f, 0) / 0.6f;
            grid[i][k] = v3(x, y, mixf(lo.z, hi.z, at[i]));
            if (i == 3)
                grid[i][k] = v3(x - sx * in[i] * 0.6f, y - sy * in[i] * 0.6f, hi.z + 0.02f);
            else if (i == 4)
                grid[i][k] = v3(cx, cy, hi.z + 0.03f);
        }
    builder_surface(b, &grid[0][0], 5, RING, NULL, NULL);
    builder_quad(b, v3(lo.x, hi.y - r, lo.z), v3(hi.x, hi.y - r, lo.z), v3(hi.x, lo.y + r, lo.z),
                 v3(lo.x, lo.y + r, lo.z));
}

/* Upright rectangles that look forwards (way 1) or backwards, or to a side. */
static void face_x(struct builder *b, float x, float way, float y0, float y1, float z0, float z1)
{
    if (way > 0)
        builder_quad(b, v3(x, y0, z0), v3(x, y1, z0), v3(x, y1, z1), v3(x, y0, z1));
    else
        builder_quad(b, v3(x, y1, z0), v3(x, y0, z0), v3(x, y0, z1), v3(x, y1, z1));
}
static void face_y(struct builder *b, float y, float way, float x0, float x1, float z0, float z1)
{
    if (way > 0)
        builder_quad(b, v3(x1, y, z0), v3(x0, y, z0), v3(x0, y, z1), v3(x1, y, z1));
    else
        builder_quad(b, v3(x0, y, z0), v3(x1, y, z0), v3(x1, y, z1), v3(x0, y, z1));
}

static void lamp(struct builder *b, enum emission e, uint32_t rgb, float x, float way, float y0,
                 float y1, float z0, float z1)
{
    tone(b, rgb, 0.06f, 0.85f);
    b->brush.emission = e;
    face_x(b, x, way, y0, y1, z0, z1);
}

static void plate(struct builder *b, float x, float way, float z)
{
    tone(b, 0xe4e6e4, 0.03f, 0.3f);
    b->brush.emission = EMIT_SIGN;
    face_x(b, x, way, -0.26f, 0.26f, z, z + 0.12f);
    tone(b, 0x55575a, 0.03f, 0.3f);
    for (int i = -2; i <= 2; i++)
        face_x(b, x + way * 0.002f, way, 0.09f * (float)i - 0.03f, 0.09f * (float)i + 0.03f,
               z + 0.025f, z + 0.095f);
}

static void pair_of_wheels(struct builder *b, float x, float half, float radius, float width)
{
    for (int s = -1; s <= 1; s += 2)
        wheel_build(b, v3(x, (float)s * half, radius), radius, width, (float)s, 2);
}

/* The rear end of a box on a frame: doors, rods, lamps, bumper. */
static void rear_doors(struct builder *b, float x, float half, float low, float high)
{
    tone(b, 0x8b8e90, 0.15f, 0.4f);
    face_x(b, x - 0.012f, -1, -half, half, high - 0.1f, high);
    face_x(b, x - 0.012f, -1, -half, half, low, low + 0.1f);
    for (int s = -1; s <= 1; s += 2)
        face_x(b, x - 0.012f, -1, (float)s * (half - 0.045f) - 0.045f,
               (float)s * (half - 0.045f) + 0.045f, low, high);
    tone(b, 0x2c2c2c, 0.03f, 0.2f);
    face_x(b, x - 0.014f, -1, -0.012f, 0.012f, low + 0.1f, high - 0.1f);
    tone(b, 0xb4b7ba, 0.2f, 0.5f);
    for (int i = 0; i < 4; i++) {
        static const float at[4] = {-0.72f, -0.16f, 0.16f, 0.72f};

        builder_bar(b, v3(x - 0.04f, at[i], low + 0.05f), v3(x - 0.04f, at[i], high - 0.05f),
                    0.018f, 0.018f, 5, false);
        builder_box(b, v3(x - 0.06f, at[i] - 0.06f, low + 0.75f),
                    v3(x - 0.03f, at[i] + 0.06f, low + 0.80f));
    }
}

static void rear_lamps(struct builder *b, float x, float half, float z)
{
    tone(b, 0x1a1a1a, 0.03f, 0.2f);
    builder_box(b, v3(x, -half, z), v3(x + 0.12f, half, z + 0.17f));
    for (int s = -1; s <= 1; s += 2) {
        float o = (float)s * half, i = (float)s * (half - 0.42f), m = (float)s * (half - 0.16f);

        lamp(b, EMIT_TAIL, 0x9c1414, x - 0.006f, -1, fminf(m, i), fmaxf(m, i), z + 0.02f,
             z + 0.15f);
        lamp(b, s > 0 ? EMIT_LEFT : EMIT_RIGHT, 0xd27a18, x - 0.006f, -1, fminf(o, m), fmaxf(o, m),
             z + 0.02f, z + 0.15f);
    }
    plate(b, x - 0.008f, -1, z + 0.02f);
    tone(b, 0x3a3c3e, 0.05f, 0.3f);
    builder_box(b, v3(x + 0.1f, -half + 0.05f, z - 0.42f),
                v3(x + 0.2f, half - 0.05f, z - 0.28f)); /* underrun bar */
    for (int s = -1; s <= 1; s += 2)
        builder_box(b, v3(x + 0.15f, (float)s * 0.6f - 0.04f, z - 0.4f),
                    v3(x + 0.22f, (float)s * 0.6f + 0.04f, z + 0.1f));
}

/* A cab over the engine; front at x, length back from it. */
static void cab(struct builder *b, float x, float length, float half, float high)
{
    float back = x - length, sill = 0.42f, glass = 0.52f * high, top = 0.83f * high, lean = 0.28f;

    painted(b, 1);
    round_box(b, v3(back, -half, sill), v3(x, half, high), 0.22f, lean);
    tone(b, 0x14181a, 0.09f, 0.92f);
    float at0 = x - lean * (glass / high - 0.4f) / 0.6f + 0.012f,
          at1 = x - lean * (top / high - 0.4f) / 0.6f + 0.03f;
    float w = half - 0.2f;
    builder_quad(b, v3(at0, -w, glass), v3(at0, w, glass), v3(at1, w * 0.99f, top),
                 v3(at1, -w * 0.99f, top));
    for (int s = -1; s <= 1; s += 2)
        face_y(b, (float)s * (half + 0.006f), (float)s, x - 1.45f, x - 0.45f, glass + 0.03f,
               top - 0.08f);
    tone(b, 0x1c1d1f, 0.04f, 0.4f);
    face_x(b, x + 0.014f, 1, -half * 0.62f, half * 0.62f, sill + 0.42f, glass - 0.18f); /* grille */
    face_x(b, x + 0.010f, 1, -w, w, sill, sill + 0.22f);
    tone(b, 0x6a6d70, 0.2f, 0.5f);
    for (int i = 0; i < 4; i++)
        face_x(b, x + 0.018f, 1, -half * 0.6f, half * 0.6f, sill + 0.5f + 0.2f * (float)i,
               sill + 0.53f + 0.2f * (float)i);
    for (int s = -1; s <= 1; s += 2) {
        float i = (float)s * half * 0.6f, o = (float)s * w;

        lamp(b, EMIT_HEAD, 0xc9ced2, x + 0.016f, 1, fminf(i, o), fmaxf(i, o), sill + 0.24f,
             sill + 0.42f);
        tone(b, 0x17181a, 0.05f, 0.4f);
        builder_box(b, v3(x - 0.42f, (float)s * (half - 0.02f) - 0.02f, glass + 0.15f),
                    v3(x - 0.28f, (float)s * (half - 0.02f) + 0.02f, glass + 0.85f));
    }
    plate(b, x + 0.02f, 1, sill + 0.06f);
    /* steps and the dark below */
    tone(b, 0x111213, 0.03f, 0.2f);
    b->brush.shade = 120;
    builder_box(b, v3(back + 0.1f, -half * 0.8f, 0.35f), v3(x - 0.2f, half * 0.8f, sill + 0.1f));
}

static void frame(struct builder *b, float x0, float x1, float z, float half)
{
    tone(b, 0x131415, 0.03f, 0.2f);
    b->brush.shade = 100;
    builder_box(b, v3(x0, -0.45f, z - 0.28f), v3(x1, 0.45f, z));
    b->brush.shade = 180;
    tone(b, 0x4a4d50, 0.1f, 0.3f);
    for (int s = -1; s <= 1; s += 2) /* guards at the sides */
        builder_box(b, v3(x0 + 0.4f * (x1 - x0), (float)s * half - 0.03f, z - 0.55f),
                    v3(x0 + 0.72f * (x1 - x0), (float)s * half + 0.03f, z - 0.1f));
    b->brush.shade = 255;
}

static void box_truck(struct builder *b, struct model *m)
{
    const float l = 4, half = 1.25f;

    m->size = v3(2 * l, 2 * half, 3.5f);
    m->wheel = 0.45f;
    m->axle[0] = -l + 1.9f;
    m->axle[1] = l - 1.35f;
    cab(b, l - 0.02f, 1.9f, half - 0.06f, 2.75f);
    painted(b, 2);
    builder_box(b, v3(-l + 0.05f, -half, 0.98f), v3(l - 2.05f, half, 3.5f));
    rear_doors(b, -l + 0.05f, half, 0.98f, 3.5f);
    rear_lamps(b, -l + 0.06f, half - 0.05f, 0.72f);
    frame(b, -l + 0.2f, l - 2, 0.98f, half - 0.08f);
    b->brush.bone = BONE_REAR;
    pair_of_wheels(b, m->axle[0], half - 0.04f, m->wheel, 0.5f);
    b->brush.bone = BONE_LEFT;
    wheel_build(b, v3(m->axle[1], half - 0.06f, m->wheel), m->wheel, 0.26f, 1, 2);
    b->brush.bone = BONE_RIGHT;
    wheel_build(b, v3(m->axle[1], -half + 0.06f, m->wheel), m->wheel, 0.26f, -1, 2);
}

static void lorry(struct builder *b, struct model *m)
{
    const float l = 8.25f, half = 1.275f;

    m->size = v3(2 * l, 2 * half, 4.0f);
    m->wheel = 0.5f;
    m->axle[0] = l - 5.1f;
    m->axle[1] = l - 1.4f;
    cab(b, l - 0.02f, 2.25f, half - 0.03f, 3.75f);
    painted(b, 2);
    builder_box(b, v3(-l + 0.06f, -half, 1.15f), v3(l - 2.9f, half, 4.0f));
    rear_doors(b, -l + 0.06f, half, 1.15f, 4.0f);
    rear_lamps(b, -l + 0.07f, half - 0.05f, 0.88f);
    frame(b, -l + 0.3f, l - 2.3f, 1.15f, half - 0.08f);
    tone(b, 0x2a2c2e, 0.1f, 0.4f);
    for (int s = -1; s <= 1; s += 2) /* tanks */
        builder_bar(b, v3(l - 4.2f, (float)s * 0.95f, 0.72f), v3(l - 2.6f, (float)s * 0.95f, 0.72f),
                    0.3f, 0.3f, 10, true);
    for (int i = 0; i < 3; i++) /* those of the trailer do not turn: one cannot see it */
        pair_of_wheels(b, -l + 2.6f + 1.31f * (float)i, half - 0.04f, m->wheel, 0.5f);
    b->brush.bone = BONE_REAR;
    pair_of_wheels(b, m->axle[0], half - 0.04f, m->wheel, 0.55f);
    b->brush.bone = BONE_LEFT;
    wheel_build(b, v3(m->axle[1], half - 0.06f, m->wheel), m->wheel, 0.3f, 1, 2);
    b->brush.bone = BONE_RIGHT;
    wheel_build(b, v3(m->axle[1], -half + 0.06f, m->wheel), m->wheel, 0.3f, -1, 2);
}

static void bus_windows(struct builder *b, float l, float half)
{
    for (int s = -1; s <= 1; s += 2)
        for (int i = 0; i < 8; i++) {
            float x0 = -l + 0.6f + 1.36f * (float)i, x1 = x0 + 1.28f;

            tone(b, 0x171c1f, 0.08f, 0.9f);
            b->brush.emission = EMIT_WINDOW;
            face_y(b, (float)s * (half + 0.008f), (float)s, x0, x1, 1.25f, 2.45f);
        }
    tone(b, 0x15191b, 0.08f, 0.9f);
    for (int i = 0; i < 2; i++) { /* doors, on the right */
        float x0 = i ? -0.6f : l - 1.6f;

        face_y(b, -half - 0.012f, -1, x0, x0 + 1.2f, 0.42f, 2.45f);
    }
}

static void bus(struct builder *b, struct model *m)
{
    const float l = 6, half = 1.275f, high = 3.1f;

    m->size = v3(2 * l, 2 * half, high);
    m->wheel = 0.48f;
    m->axle[0] = -l + 3.3f;
    m->axle[1] = l - 2.7f;
    painted(b, 1);
    round_box(b, v3(-l, -half, 0.34f), v3(l, half, high - 0.04f), 0.16f, 0.12f);
    bus_windows(b, l, half);
    tone(b, 0x14181a, 0.09f, 0.92f);
    builder_quad(b, v3(l + 0.02f, -half + 0.12f, 1.05f), v3(l + 0.02f, half - 0.12f, 1.05f),
                 v3(l - 0.06f, half - 0.14f, 2.55f), v3(l - 0.06f, -half + 0.14f, 2.55f));
    face_x(b, -l - 0.01f, -1, -half + 0.22f, half - 0.22f, 1.55f, 2.5f);
    tone(b, 0x101010, 0.05f, 0.5f);
    face_x(b, l - 0.04f, 1, -half + 0.2f, half - 0.2f, 2.6f,
           2.95f); /* where it says where it goes */
    tone(b, 0xf0a020, 0.02f, 0.1f);
    b->brush.emission = EMIT_TUNNEL;
    face_x(b, l - 0.03f, 1, -0.6f, 0.5f, 2.72f, 2.84f);
    for (int s = -1; s <= 1; s += 2) {
        float o = (float)s * (half - 0.06f), i = (float)s * (half - 0.36f),
              e = (float)s * (half - 0.22f);

        lamp(b, EMIT_HEAD, 0xc9ced2, l + 0.016f, 1, fminf(i, o), fmaxf(i, o), 0.62f, 0.86f);
        lamp(b, EMIT_TAIL, 0x9c1414, -l - 0.012f, -1, fminf(e, o), fmaxf(e, o), 0.9f, 1.3f);
        lamp(b, s > 0 ? EMIT_LEFT : EMIT_RIGHT, 0xd27a18, -l - 0.012f, -1, fminf(e, o), fmaxf(e, o),
             0.72f, 0.88f);
    }
    tone(b, 0x1a1b1c, 0.04f, 0.3f);
    face_x(b, -l - 0.01f, -1, -half + 0.3f, half - 0.3f, 0.62f, 1.15f); /* engine cover */
    plate(b, -l - 0.014f, -1, 0.5f);
    plate(b, l + 0.018f, 1, 0.42f);
    tone(b, 0x0e0e0f, 0.02f, 0.1f);
    for (int i = 0; i < 2; i++)
        for (int s = -1; s <= 1; s += 2)
            builder_ring(b, v3(m->axle[i], (float)s * (half + 0.004f), m->wheel),
                         v3(0, (float)s, 0), 0, m->wheel * 1.14f, 20);
    b->brush.bone = BONE_REAR;
    pair_of_wheels(b, m->axle[0], half + 0.008f, m->wheel, 0.5f);
    b->brush.bone = BONE_LEFT;
    wheel_build(b, v3(m->axle[1], half + 0.008f, m->wheel), m->wheel, 0.28f, 1, 2);
    b->brush.bone = BONE_RIGHT;
    wheel_build(b, v3(m->axle[1], -half - 0.008f, m->wheel), m->wheel, 0.28f, -1, 2);
}

void truck_build(struct builder *b, struct model *m, enum model_name name)
{
    b->brush.bone = BONE_BODY;
    if (name == MODEL_BUS)
        bus(b, m);
    else if (name == MODEL_LORRY)
        lorry(b, m);
    else
        box_truck(b, m);
}
