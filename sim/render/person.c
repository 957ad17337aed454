/* People as jointed figures, on foot and on two wheels. */
#include "sim/render/model.h"

/* Bones; each limb is built where it hangs at rest and turns about its joint. */
enum {
    TRUNK,
    THIGH_L,
    SHIN_L,
    THIGH_R,
    SHIN_R,
    ARM_L,
    HAND_L,
    ARM_R,
    HAND_R,
    FRONT_WHEEL,
    REAR_WHEEL
};
enum { UPPER = 1, TROUSERS, SKIN, HAIR }; /* paints */

static const float HIP = 0.92f, KNEE = 0.49f, SHOULDER = 1.42f, ELBOW = 1.12f;

static void cloth(struct builder *b, int paint, float specular)
{
    builder_color(b, 0xffffff, specular, 0.2f);
    b->brush.paint = (uint8_t)paint;
    b->brush.shade = 240;
}

static void limb(struct builder *b, int bone, int paint, struct v3 from, struct v3 to, float r0,
                 float r1)
{
    b->brush.bone = (uint8_t)bone;
    cloth(b, paint, 0.02f);
    builder_bar(b, from, to, r0, r1, 8, false);
    builder_ellipsoid(b, from, v3(r0, r0, r0), 4, 8);
    builder_ellipsoid(b, to, v3(r1, r1, r1), 4, 8);
}

static void head(struct builder *b, struct v3 at, bool helmet)
{
    cloth(b, SKIN, 0.03f);
    builder_ellipsoid(b, at, v3(0.095f, 0.078f, 0.115f), 7, 10);
    builder_bar(b, v3(at.x - 0.02f, at.y, at.z - 0.2f), v3(at.x - 0.01f, at.y, at.z - 0.05f),
                0.055f, 0.05f, 8, false);
    cloth(b, HAIR, helmet ? 0.05f : 0.02f);
    b->brush.gloss = helmet ? 180 : 40;
    builder_ellipsoid(b, v3(at.x - 0.018f, at.y, at.z + 0.028f),
                      helmet ? v3(0.13f, 0.115f, 0.125f) : v3(0.1f, 0.085f, 0.105f), 7, 10);
}

static void trunk(struct builder *b, struct v3 hip, struct v3 neck)
{
    struct v3 chest = v3_mix(hip, neck, 0.68f), waist = v3_mix(hip, neck, 0.25f);

    b->brush.bone = TRUNK;
    cloth(b, UPPER, 0.02f);
    builder_ellipsoid(b, chest, v3(0.125f, 0.195f, 0.24f), 8, 12);
    builder_ellipsoid(b, waist, v3(0.115f, 0.165f, 0.24f), 8, 12);
    cloth(b, TROUSERS, 0.02f);
    builder_ellipsoid(b, hip, v3(0.12f, 0.165f, 0.14f), 6, 12);
}

void person_build(struct builder *b, struct model *m)
{
    m->size = v3(0.5f, 0.55f, 1.75f);
    trunk(b, v3(0, 0, HIP), v3(0, 0, SHOULDER + 0.06f));
    head(b, v3(0.015f, 0, 1.635f), false);
    for (int s = -1; s <= 1; s += 2) {
        float y = (float)s * 0.095f, a = (float)s * 0.205f;
        int thigh = s > 0 ? THIGH_L : THIGH_R, arm = s > 0 ? ARM_L : ARM_R;

        limb(b, thigh, TROUSERS, v3(0, y, HIP), v3(0, y, KNEE), 0.085f, 0.058f);
        limb(b, thigh + 1, TROUSERS, v3(0, y, KNEE), v3(0, y, 0.1f), 0.058f, 0.043f);
        builder_color(b, 0x201c1a, 0.04f, 0.3f);
        builder_ellipsoid(b, v3(0.05f, y, 0.045f), v3(0.13f, 0.048f, 0.05f), 5, 8);
        limb(b, arm, UPPER, v3(0, a, SHOULDER), v3(0, a, ELBOW), 0.055f, 0.045f);
        limb(b, arm + 1, UPPER, v3(0, a, ELBOW), v3(0.01f, a, 0.9f), 0.043f, 0.035f);
        cloth(b, SKIN, 0.03f);
        builder_ellipsoid(b, v3(0.02f, a, 0.84f), v3(0.045f, 0.028f, 0.065f), 5, 7);
    }
}

/* Turn about an axis through a joint, along y. */
static struct pose hinge(const struct pose *parent, float x, float z, float angle)
{
    struct pose to = pose_move(x, 0, z), turn = pose_turn_y(angle), back = pose_move(-x, 0, -z);

    to = pose_mul(&to, &turn);
    to = pose_mul(&to, &back);
    return pose_mul(parent, &to);
}

/* The step is as long as the box is; a swing of both legs takes two steps. */
void person_bones(struct pose *bone, const struct actor *a, const struct pose *root)
{
    float k = (float)a->height / 1.75f, wide = (float)a->width / 0.55f;
    struct pose size = pose_stretch(k, fminf(k, wide), k), trunk_pose = pose_mul(root, &size);
    float swing = fminf(
        0.45f, asinf(fminf(0.9f, fmaxf(0.05f, (float)a->length / 2 - 0.13f * k) / (0.9f * k))));
    float phase = (float)fmod(a->travelled / (2.4 * 0.9 * k * fmax(swing, 0.2)), 1.0) * 6.2832f;

    if (a->speed < 0.1)
        swing = 0.03f;
    bone[TRUNK] = trunk_pose;
    for (int s = 0; s < 2; s++) {
        float p = phase + (s ? (float)M_PI : 0), leg = -swing * sinf(p);
        float knee = swing > 0.05f ? swing * (0.35f + 0.75f * fmaxf(0, cosf(p + 0.3f))) : 0.02f;
        int thigh = s ? THIGH_R : THIGH_L, arm = s ? ARM_R : ARM_L;

        bone[thigh] = hinge(&trunk_pose, 0, HIP, leg);
        bone[thigh + 1] = hinge(&bone[thigh], 0, KNEE, knee);
        bone[arm] = hinge(&trunk_pose, 0, SHOULDER, 0.75f * swing * sinf(p));
        bone[arm + 1] = hinge(&bone[arm], 0, ELBOW, -0.25f - 0.3f * swing);
    }
}

/* ---- on two wheels -------------------------------------------------------------------------------- */

static void cycle_wheel(struct builder *b, int bone, float x, float radius, float tyre, bool motor)
{
    b->brush.bone = (uint8_t)bone;
    builder_color(b, 0x151517, 0.03f, 0.2f);
    for (int s = -1; s <= 1; s += 2)
        builder_ring(b, v3(x, (float)s * tyre, radius), v3(0, (float)s, 0), radius - 2.6f * tyre,
                     radius, 20);
    builder_bar(b, v3(x, -tyre, radius), v3(x, tyre, radius), radius, radius, 20, false);
    builder_color(b, 0x8d9194, 0.3f, 0.6f);
    for (int i = 0; i < (motor ? 5 : 8); i++) {
        float a = (float)i * 3.1416f / (motor ? 5.0f : 8.0f), r = radius - 2.4f * tyre;
        struct v3 d = v3(r * cosf(a), 0, r * sinf(a)), c = v3(x, 0, radius);

        builder_bar(b, v3_sub(c, d), v3_add(c, d), motor ? 0.022f : 0.005f, motor ? 0.022f : 0.005f,
                    4, false);
    }
}

static void rider(struct builder *b, struct v3 hip, struct v3 neck, struct v3 grip, struct v3 knee,
                  struct v3 foot)
{
    trunk(b, hip, neck);
    b->brush.bone = TRUNK;
    head(b, v3(neck.x + 0.06f, 0, neck.z + 0.17f), true);
    for (int s = -1; s <= 1; s += 2) {
        float y = (float)s;
        int thigh = s > 0 ? THIGH_L : THIGH_R;
        struct v3 shoulder = v3(neck.x, y * 0.19f, neck.z - 0.06f),
                  hand = v3(grip.x, y * 0.25f, grip.z);
        struct v3 elbow = v3_add(v3_mix(shoulder, hand, 0.5f), v3(-0.05f, y * 0.04f, -0.06f));

        limb(b, TRUNK, UPPER, shoulder, elbow, 0.055f, 0.045f);
        limb(b, TRUNK, UPPER, elbow, hand, 0.043f, 0.04f);
        limb(b, thigh, TROUSERS, v3(hip.x, y * 0.1f, hip.z), v3(knee.x, y * 0.14f, knee.z), 0.085f,
             0.06f);
        limb(b, thigh + 1, TROUSERS, v3(knee.x, y * 0.14f, knee.z), v3(foot.x, y * 0.13f, foot.z),
             0.058f, 0.042f);
        builder_color(b, 0x1c1a19, 0.04f, 0.3f);
        builder_ellipsoid(b, v3(foot.x + 0.06f, y * 0.13f, foot.z - 0.03f),
                          v3(0.13f, 0.045f, 0.045f), 5, 8);
    }
    b->brush.bone = TRUNK;
}

static void bicycle(struct builder *b, struct model *m)
{
    const float r = 0.34f;

    m->size = v3(1.8f, 0.6f, 1.75f);
    m->wheel = r;
    m->axle[0] = -0.53f;
    m->axle[1] = 0.53f;
    cycle_wheel(b, REAR_WHEEL, m->axle[0], r, 0.018f, false);
    cycle_wheel(b, FRONT_WHEEL, m->axle[1], r, 0.018f, false);
    b->brush.bone = TRUNK;
    builder_color(b, 0x27303c, 0.1f, 0.6f);
    const struct v3 crank = v3(-0.1f, 0, 0.3f), saddle = v3(-0.26f, 0, 0.92f),
                    bar = v3(0.36f, 0, 0.98f);
    const struct v3 rear = v3(-0.53f, 0, r), front = v3(0.53f, 0, r);
    builder_bar(b, crank, saddle, 0.018f, 0.016f, 6, false);
    builder_bar(b, saddle, bar, 0.018f, 0.018f, 6, false);
    builder_bar(b, crank, bar, 0.02f, 0.02f, 6, false);
    builder_bar(b, rear, crank, 0.014f, 0.014f, 6, false);
    builder_bar(b, rear, saddle, 0.012f, 0.012f, 6, false);
    builder_bar(b, front, bar, 0.018f, 0.018f, 6, false);
    builder_bar(b, v3(0.4f, -0.27f, 1.04f), v3(0.4f, 0.27f, 1.04f), 0.016f, 0.016f, 6, true);
    builder_ellipsoid(b, v3(-0.27f, 0, 0.95f), v3(0.13f, 0.07f, 0.03f), 4, 8);
    builder_color(b, 0xa01818, 0.05f, 0.5f);
    b->brush.emission = EMIT_TAIL;
    builder_box(b, v3(-0.4f, -0.03f, 0.8f), v3(-0.37f, 0.03f, 0.86f));
    rider(b, v3(-0.24f, 0, 1.02f), v3(0.02f, 0, 1.48f), v3(0.4f, 0, 1.06f), v3(0.12f, 0, 0.78f),
          v3(-0.06f, 0, 0.34f));
}

static void motorcycle(struct builder *b, struct model *m)
{
    const float r = 0.31f;

    m->size = v3(2.15f, 0.8f, 1.6f);
    m->wheel = r;
    m->axle[0] = -0.72f;
    m->axle[1] = 0.75f;
    cycle_wheel(b, REAR_WHEEL, m->axle[0], r, 0.085f, true);
    cycle_wheel(b, FRONT_WHEEL, m->axle[1], r, 0.06f, true);
    b->brush.bone = TRUNK;
    builder_color(b, 0x1c1d1f, 0.06f, 0.5f);
    builder_ellipsoid(b, v3(0.05f, 0, 0.45f), v3(0.38f, 0.18f, 0.24f), 8, 12);
    builder_ellipsoid(b, v3(-0.45f, 0, 0.8f), v3(0.5f, 0.13f, 0.08f), 6, 10);
    builder_bar(b, v3(0.75f, 0.09f, r), v3(0.48f, 0.09f, 0.98f), 0.03f, 0.03f, 6, false);
    builder_bar(b, v3(0.75f, -0.09f, r), v3(0.48f, -0.09f, 0.98f), 0.03f, 0.03f, 6, false);
    builder_bar(b, v3(-0.72f, 0.1f, r), v3(0.0f, 0.1f, 0.42f), 0.035f, 0.035f, 6, false);
    builder_bar(b, v3(0.44f, -0.36f, 1.0f), v3(0.44f, 0.36f, 1.0f), 0.018f, 0.018f, 6, true);
    builder_color(b, 0x8d9194, 0.4f, 0.7f);
    builder_bar(b, v3(-0.95f, -0.17f, 0.42f), v3(0.1f, -0.15f, 0.32f), 0.06f, 0.04f, 8, true);
    builder_color(b, 0xffffff, 0.05f, 0.8f);
    b->brush.paint = UPPER;
    builder_ellipsoid(b, v3(0.18f, 0, 0.86f), v3(0.3f, 0.16f, 0.15f), 8, 12);
    builder_ellipsoid(b, v3(0.58f, 0, 0.88f), v3(0.18f, 0.19f, 0.22f), 8, 12);
    builder_ellipsoid(b, v3(-0.8f, 0, 0.82f), v3(0.2f, 0.12f, 0.09f), 6, 10);
    builder_color(b, 0x9c1414, 0.05f, 0.8f);
    b->brush.emission = EMIT_TAIL;
    builder_ellipsoid(b, v3(-0.98f, 0, 0.8f), v3(0.05f, 0.09f, 0.05f), 5, 8);
    builder_color(b, 0xd4d8dc, 0.1f, 0.9f);
    b->brush.emission = EMIT_HEAD;
    builder_ellipsoid(b, v3(0.7f, 0, 0.9f), v3(0.08f, 0.1f, 0.08f), 6, 10);
    builder_color(b, 0xe4e6e4, 0.03f, 0.3f);
    builder_box(b, v3(-1.02f, -0.09f, 0.56f), v3(-1.0f, 0.09f, 0.7f));
    rider(b, v3(-0.25f, 0, 0.92f), v3(0.02f, 0, 1.36f), v3(0.42f, 0, 1.02f), v3(0.22f, 0, 0.72f),
          v3(-0.12f, 0, 0.36f));
}

void cycle_build(struct builder *b, struct model *m, enum model_name name)
{
    if (name == MODEL_CYCLIST)
        bicycle(b, m);
    else
        motorcycle(b, m);
}

void cycle_bones(struct pose *bone, const struct model *m, enum model_name name,
                 const struct actor *a, const struct pose *root)
{
    struct pose size = pose_stretch((float)a->length / m->size.x, (float)a->width / m->size.y,
                                    (float)a->height / m->size.z);
    struct pose body = pose_mul(root, &size);
    float roll = (float)fmod(a->travelled / m->wheel, 2 * M_PI);
    bool pedals = name == MODEL_CYCLIST && a->speed > 0.3;

    for (int i = 0; i <= REAR_WHEEL; i++)
        bone[i] = body;
    bone[FRONT_WHEEL] = hinge(&body, m->axle[1], m->wheel, roll);
    bone[REAR_WHEEL] = hinge(&body, m->axle[0], m->wheel, roll);
    for (int s = 0; s < 2 && pedals; s++) {
        float p = (float)fmod(a->travelled / (2.6 * m->wheel), 2 * M_PI) + (s ? (float)M_PI : 0);
        int thigh = s ? THIGH_R : THIGH_L;

        bone[thigh] = hinge(&body, -0.24f, 1.02f, -0.28f * sinf(p));
        bone[thigh + 1] = hinge(&bone[thigh], 0.12f, 0.78f, 0.25f + 0.3f * cosf(p));
    }
}
