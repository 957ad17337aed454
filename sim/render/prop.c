#include "sim/render/prop.h"

#include "sim/render/render.h"

/* ---- plants ------------------------------------------------------------------------------------- */

/* A square of leaves; its normals point away from the tree's middle, so that the crown is lit as a
 * ball would be. */
static void leaf_card(struct builder *b, struct v3 at, struct v3 right, struct v3 up,
                      struct v3 middle)
{
    struct v3 p[4] = {v3_sub(v3_sub(at, right), up), v3_sub(v3_add(at, right), up),
                      v3_add(v3_add(at, right), up), v3_add(v3_sub(at, right), up)};
    int first = b->n_vertices;

    for (int i = 0; i < 4; i++) {
        struct v3 n = v3_add(v3_unit(v3_sub(p[i], middle)), v3(0, 0, 0.3f));

        b->brush.shade = (uint8_t)(140 + 100 * smoothf(-1, 1, v3_unit(v3_sub(p[i], middle)).z));
        builder_vertex(b, p[i], n, i == 1 || i == 2, i > 1);
    }
    builder_triangle(b, first, first + 1, first + 2);
    builder_triangle(b, first, first + 2, first + 3);
}

static const uint32_t greens[] = {0x4c5e2a, 0x56682e, 0x3f5426, 0x66713a, 0x4a5a33, 0x6d7436};

static void crown(struct builder *b, uint32_t look, struct v3 middle, float wide, float high,
                  int cards)
{
    builder_color(b, greens[hash32(look, 2) % 6], 0, 0);
    /* far away fewer, larger ones cover as much */
    float grown = sqrtf((float)(1 << b->detail));

    cards >>= b->detail;
    for (int i = 0; i < cards; i++) {
        uint32_t key = look * 31 + (uint32_t)i;
        float a = 6.2832f * ((float)i + 0.5f * hash01(key, 3)) / (float)cards,
              r = 0.36f * wide * sqrtf(hash01(key, 4));
        float z = high * (hash01(key, 5) - 0.5f) * 0.7f,
              turn = a + 1.57f + 1.2f * (hash01(key, 6) - 0.5f);
        float size = 0.24f * grown * fminf(wide, high) * (0.8f + 0.6f * hash01(key, 7));
        struct v3 at = v3_add(middle, v3(r * cosf(a), r * sinf(a), z));

        leaf_card(b, at, v3(size * cosf(turn), size * sinf(turn), 0),
                  v3(0.25f * size * sinf(turn), -0.25f * size * cosf(turn), size), middle);
    }
}

/* A cone of tiers for a spruce. */
static void conifer(struct builder *solid, const struct prop *p)
{
    float h = (float)p->height, w = fmaxf((float)p->width, 0.3f * h) / 2;

    builder_color(solid, 0x4a3c2c, 0, 0);
    builder_bar(solid, v3(0, 0, -0.5f), v3(0, 0, 0.25f * h), 0.03f * h, 0.025f * h, 6, false);
    builder_color(solid, hash32(p->look, 8) & 1 ? 0x2c3d22 : 0x344526, 0, 0);
    for (int i = 0; i < 6; i++) {
        float z = h * (0.10f + 0.145f * (float)i),
              r = w * (1 - 0.15f * (float)i) * (0.9f + 0.2f * hash01(p->look, (uint32_t)i));

        solid->brush.shade = (uint8_t)(120 + 22 * i);
        builder_bar(solid, v3(0, 0, z),
                    v3(0.02f * h * (hash01(p->look, 40 + (uint32_t)i) - 0.5f), 0, z + 0.27f * h), r,
                    0.02f, 9, false);
    }
    solid->brush.shade = 255;
}

static void tree(struct builder *solid, struct builder *leaves, const struct prop *p)
{
    float h = (float)p->height, w = (float)p->width > 0 ? (float)p->width : 0.6f * h;
    float stem = h * (0.22f + 0.12f * hash01(p->look, 1));

    if (hash32(p->look, 9) % 4 == 0) {
        conifer(solid, p);
        return;
    }
    builder_color(solid, hash32(p->look, 10) & 1 ? 0x5a4a3a : 0x6a6258, 0, 0);
    builder_bar(solid, v3(0, 0, -0.5f), v3(0, 0, stem * 1.6f), 0.028f * h, 0.014f * h, 7, false);
    crown(leaves, p->look, v3(0, 0, stem + (h - stem) / 2), w, h - stem, 30);
}

static void bush(struct builder *leaves, const struct prop *p)
{
    float h = (float)p->height, w = fmaxf((float)p->width, (float)p->length);

    crown(leaves, p->look, v3(0, 0, h * 0.42f), fmaxf(w, h), h * 1.2f, 10);
}

static void rock(struct builder *b, const struct prop *p)
{
    builder_color(b, 0x7d7a74, 0, 0);
    builder_ellipsoid(b, v3(0, 0, 0.2f * (float)p->height),
                      v3((float)p->length / 2, (float)p->width / 2, 0.8f * (float)p->height), 4, 6);
}

/* ---- posts and lamps ---------------------------------------------------------------------------- */

static void pole(struct builder *b, const struct prop *p)
{
    float h = (float)p->height;

    builder_color(b, 0x6b5b48, 0.02f, 0.1f);
    builder_bar(b, v3(0, 0, -0.3f), v3(0, 0, h), 0.14f, 0.10f, 7, true);
    builder_box(b, v3(-0.06f, -0.9f, h - 0.7f), v3(0.06f, 0.9f, h - 0.58f));
}

/* The arm reaches out to where the front looks. */
static void lamp(struct builder *b, const struct prop *p)
{
    float h = (float)p->height > 0 ? (float)p->height : 8;

    builder_color(b, 0x8a8d90, 0.15f, 0.3f);
    builder_bar(b, v3(0, 0, -0.3f), v3(0, 0, h - 0.3f), 0.09f, 0.05f, 7, false);
    builder_bar(b, v3(0, 0, h - 0.3f), v3(1.6f, 0, h), 0.05f, 0.04f, 6, false);
    builder_box(b, v3(1.3f, -0.13f, h - 0.05f), v3(2.0f, 0.13f, h + 0.06f));
    builder_color(b, 0xffe2b0, 0.05f, 0.5f);
    b->brush.emission = EMIT_LAMP;
    builder_quad(b, v3(1.35f, 0.11f, h - 0.06f), v3(1.95f, 0.11f, h - 0.06f),
                 v3(1.95f, -0.11f, h - 0.06f), v3(1.35f, -0.11f, h - 0.06f));
}

static void marker_post(struct builder *b, const struct prop *p)
{
    float h = (float)p->height > 0 ? (float)p->height : 1;

    builder_color(b, 0xdcdcd8, 0.03f, 0.3f);
    builder_box(b, v3(-0.05f, -0.06f, -0.1f), v3(0.05f, 0.06f, h));
    builder_color(b, 0x1c1c1c, 0.03f, 0.3f);
    builder_box(b, v3(-0.053f, -0.063f, h - 0.36f), v3(0.053f, 0.063f, h - 0.12f));
    builder_color(b, 0xf0b060, 0.05f, 0.5f);
    b->brush.emission = EMIT_SIGN;
    builder_box(b, v3(0.05f, -0.025f, h - 0.32f), v3(0.06f, 0.025f, h - 0.16f));
}

static void cone(struct builder *b, const struct prop *p)
{
    float h = (float)p->height > 0 ? (float)p->height : 0.75f, r = 0.24f * h;

    builder_color(b, 0x2c2c2c, 0.02f, 0.1f);
    builder_box(b, v3(-0.27f * h, -0.27f * h, 0), v3(0.27f * h, 0.27f * h, 0.05f));
    for (int i = 0; i < 5; i++) {
        float a = (float)i / 5, c = (float)(i + 1) / 5;

        builder_color(b, i == 1 || i == 3 ? 0xe8e8e4 : 0xe0501c, 0.03f, 0.3f);
        b->brush.emission = EMIT_SIGN;
        builder_bar(b, v3(0, 0, 0.05f + a * (h - 0.05f)), v3(0, 0, 0.05f + c * (h - 0.05f)),
                    mixf(r, 0.03f, a), mixf(r, 0.03f, c), 10, i == 4);
    }
}

/* A board of slanted red and white bars. */
static void beacon(struct builder *b, const struct prop *p)
{
    float h = (float)p->height > 0 ? (float)p->height : 1.2f, w = 0.14f, low = 0.18f;
    int bars = 6;

    builder_color(b, 0x2c2c2c, 0.02f, 0.1f);
    builder_box(b, v3(-0.2f, -0.3f, 0), v3(0.2f, 0.3f, 0.12f));
    builder_color(b, 0x9a9a98, 0.02f, 0.1f);
    builder_box(b, v3(-0.03f, -w, 0.1f), v3(0, w, h));
    for (int i = 0; i < bars; i++) {
        float z0 = mixf(low, h, (float)i / (float)bars),
              z1 = mixf(low, h, (float)(i + 1) / (float)bars), slant = 0.12f;

        builder_color(b, i & 1 ? 0xe6e6e2 : 0xc42018, 0.03f, 0.3f);
        b->brush.emission = EMIT_SIGN;
        builder_quad(b, v3(0.01f, -w, z0), v3(0.01f, w, fminf(z0 + slant, h)),
                     v3(0.01f, w, fminf(z1 + slant, h)), v3(0.01f, -w, z1));
    }
}

/* ---- over the road ------------------------------------------------------------------------------ */

static void gantry(struct builder *b, const struct prop *p)
{
    float h = (float)p->height, w = (float)p->width / 2;

    builder_color(b, 0x8c9093, 0.15f, 0.3f);
    for (int s = -1; s <= 1; s += 2)
        builder_bar(b, v3(0, (float)s * w, -0.5f), v3(0, (float)s * w, h), 0.22f, 0.2f, 8, true);
    builder_bar(b, v3(-0.2f, -w, h - 0.3f), v3(-0.2f, w, h - 0.3f), 0.09f, 0.09f, 6, false);
    builder_bar(b, v3(-0.2f, -w, h - 1.2f), v3(-0.2f, w, h - 1.2f), 0.09f, 0.09f, 6, false);
    for (int i = 0; (float)i * 1.2f < 2 * w; i++) {
        float y = (float)i * 1.2f - w;

        builder_bar(b, v3(-0.2f, y, h - 1.2f), v3(-0.2f, y + 0.6f, h - 0.3f), 0.04f, 0.04f, 4,
                    false);
    }
    sign_boards(b, p);
}

/* Along the road for length, over it for width; its underside is height above its foot. */
static void bridge(struct builder *b, const struct prop *p)
{
    float l = (float)p->length / 2, w = (float)p->width / 2, h = (float)p->height;

    builder_color(b, 0xa09c94, 0.02f, 0.1f);
    builder_box(b, v3(-l, -w, h), v3(l, w, h + 1.1f));
    builder_color(b, 0x8e8a83, 0.02f, 0.1f);
    builder_box(b, v3(-l - 0.3f, -w, h + 1.0f), v3(-l, w, h + 1.9f));
    builder_box(b, v3(l, -w, h + 1.0f), v3(l + 0.3f, w, h + 1.9f));
    for (int s = -1; s <= 1; s += 2)
        builder_box(b, v3(-l, (float)s * w - 1.2f, -1), v3(l, (float)s * w + 1.2f, h + 0.1f));
}

/* A vault around the road, followed along its line. */
static void tunnel(const struct world *w, const struct prop *p, const double origin[3],
                   struct builder *b)
{
    const struct roadway *r = &w->roads.road[p->road];
    float h = (float)p->height, half = (float)p->width / 2;
    enum { STEP = 4, ARC = 9 };
    int rows = (int)(p->length / STEP) + 1;

    b->place = pose_identity();
    double middle = (profile_at(&r->left, p->s) + profile_at(&r->right, p->s)) / 2;
    for (int i = 0; i + 1 < rows; i++) {
        struct v3 ring[2][ARC];

        for (int j = 0; j < 2; j++)
            for (int k = 0; k < ARC; k++) {
                float a = (float)M_PI * (float)k / (ARC - 1), y = half * cosf(a),
                      z = 0.45f * h + 0.55f * h * sinf(a);
                struct road_point at = road_at(r, p->s + (i + j) * STEP, middle + y);

                if (k == 0 || k == ARC - 1)
                    z = -0.2f;
                ring[j][k] = v3((float)(at.x - origin[0]), (float)(at.y - origin[1]),
                                (float)(at.z - origin[2]) + z);
            }
        builder_color(b, 0x8a8780, 0.03f, 0.3f);
        b->brush.shade = 60;
        for (int k = 0; k + 1 < ARC; k++)
            builder_quad(b, ring[0][k], ring[0][k + 1], ring[1][k + 1], ring[1][k]);
        if (i % 3)
            continue;
        builder_color(b, 0xfff0d8, 0.05f, 0.5f);
        b->brush.emission = EMIT_TUNNEL;
        for (int k = 3; k <= 5; k += 2) {
            struct v3 a = v3_add(ring[0][k], v3(0, 0, -0.15f)),
                      c = v3_add(v3_mix(ring[0][k], ring[1][k], 0.4f), v3(0, 0, -0.15f));

            builder_bar(b, a, c, 0.12f, 0.12f, 4, true);
        }
    }
    b->brush.shade = 255;
    /* the hill it goes through: portals at both ends */
    for (int end = 0; end < 2; end++) {
        struct road_point at = road_at(r, p->s + end * (rows - 1) * STEP, middle);
        struct pose move = pose_move((float)(at.x - origin[0]), (float)(at.y - origin[1]),
                                     (float)(at.z - origin[2]));
        struct pose turn = pose_turn_z((float)at.heading);

        b->place = pose_mul(&move, &turn);
        builder_color(b, 0x97938b, 0.02f, 0.1f);
        builder_box(b, v3(-0.4f, -half - 9, h * 0.99f), v3(0.4f, half + 9, h + 3));
        builder_box(b, v3(-0.4f, half, -1), v3(0.4f, half + 9, h + 3));
        builder_box(b, v3(-0.4f, -half - 9, -1), v3(0.4f, -half, h + 3));
    }
}

static void housing(struct builder *b, const struct prop *p)
{
    float h = (float)p->height;

    builder_color(b, 0x55585a, 0.05f, 0.3f);
    builder_bar(b, v3(0, 0, -0.3f), v3(0, 0, h), 0.06f, 0.06f, 7, true);
    builder_color(b, 0x161818, 0.03f, 0.2f);
    builder_box(b, v3(-0.02f, -0.16f, h - 0.95f), v3(0.16f, 0.16f, h));
    for (int i = 0; i < 3; i++) /* hoods */
        builder_box(b, v3(0.16f, -0.12f, h - 0.05f - 0.3f * (float)i),
                    v3(0.30f, 0.12f, h - 0.03f - 0.3f * (float)i));
}

void prop_build(const struct world *w, int index, const double origin[3], struct builder *solid,
                struct builder *leaves)
{
    const struct prop *p = &w->prop[index];
    struct pose at =
        pose_move((float)(p->x - origin[0]), (float)(p->y - origin[1]), (float)(p->z - origin[2]));
    struct pose turn = pose_turn_z((float)p->heading);

    solid->place = pose_mul(&at, &turn);
    leaves->place = solid->place;
    solid->brush.id = leaves->brush.id = PIXEL_ID(PIXEL_PROP, index);
    solid->brush.shade = 255;
    switch (p->kind) {
    case PROP_TREE:
        tree(solid, leaves, p);
        break;
    case PROP_BUSH:
        bush(leaves, p);
        break;
    case PROP_BUILDING:
        building(solid, p);
        break;
    case PROP_POLE:
        pole(solid, p);
        break;
    case PROP_LAMP:
        lamp(solid, p);
        break;
    case PROP_SIGN:
        sign(solid, p);
        break;
    case PROP_TRAFFIC_LIGHT:
        housing(solid, p);
        break;
    case PROP_CONE:
        cone(solid, p);
        break;
    case PROP_BEACON:
        beacon(solid, p);
        break;
    case PROP_GANTRY:
        gantry(solid, p);
        break;
    case PROP_BRIDGE:
        bridge(solid, p);
        break;
    case PROP_TUNNEL:
        tunnel(w, p, origin, solid);
        break;
    case PROP_ROCK:
        rock(solid, p);
        break;
    case PROP_MARKER_POST:
        marker_post(solid, p);
        break;
    case PROP_KINDS:
        break;
    }
}
