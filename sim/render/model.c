#include "sim/render/model.h"

#include <string.h>

enum model_name model_of(const struct actor *a)
{
    float u = hash01(a->look, 1);

    switch (a->kind) {
    case ACTOR_VAN:
        return MODEL_VAN;
    case ACTOR_TRUCK:
        return a->length > 10.5 ? MODEL_LORRY : MODEL_TRUCK;
    case ACTOR_BUS:
        return MODEL_BUS;
    case ACTOR_MOTORCYCLE:
        return MODEL_MOTORCYCLE;
    case ACTOR_CYCLIST:
        return MODEL_CYCLIST;
    case ACTOR_PEDESTRIAN:
        return MODEL_PERSON;
    default:
        break;
    }
    if (a->length > 5.05)
        return MODEL_PICKUP;
    if (a->height > 1.58)
        return MODEL_SUV;
    if (a->height < 1.36)
        return MODEL_SPORTS;
    if (a->length < 4.4)
        return MODEL_HATCHBACK;
    return u < 0.5f ? MODEL_SALOON : MODEL_ESTATE;
}

/* ---- paints ------------------------------------------------------------------------------------- */

/* Linear colours of cars, about as often as one sees them. */
static const struct {
    float share, color[3];
} car_paints[] = {
    {0.20f, {0.72f, 0.72f, 0.70f}},    /* white */
    {0.17f, {0.012f, 0.012f, 0.014f}}, /* black */
    {0.14f, {0.36f, 0.37f, 0.38f}},    /* silver */
    {0.17f, {0.10f, 0.105f, 0.11f}},   /* grey */
    {0.09f, {0.035f, 0.038f, 0.042f}}, /* anthracite */
    {0.06f, {0.015f, 0.035f, 0.12f}},  /* dark blue */
    {0.04f, {0.03f, 0.12f, 0.32f}},    /* blue */
    {0.06f, {0.28f, 0.015f, 0.015f}},  /* red */
    {0.02f, {0.09f, 0.012f, 0.016f}},  /* dark red */
    {0.02f, {0.25f, 0.21f, 0.16f}},    /* beige */
    {0.01f, {0.02f, 0.07f, 0.04f}},    /* green */
    {0.01f, {0.45f, 0.13f, 0.02f}},    /* orange */
    {0.01f, {0.55f, 0.38f, 0.03f}},    /* yellow */
};
enum { CAR_PAINTS = sizeof car_paints / sizeof *car_paints };

static void paint_car(const struct actor *a, float out[3], float white)
{
    float u = hash01(a->look, 11), dim = 0.88f + 0.24f * hash01(a->look, 12);
    int i = 0;

    if (hash01(a->look, 13) >= white) {
        while (i + 1 < CAR_PAINTS && u >= car_paints[i].share)
            u -= car_paints[i++].share;
    }
    for (int k = 0; k < 3; k++)
        out[k] = car_paints[i].color[k] * dim;
}

/* Cloth, skin and hair of people: paints 1 upper, 2 trousers, 3 skin, 4 hair or helmet. */
static void paint_person(const struct actor *a, float paint[MAX_PAINTS + 1][3])
{
    static const float cloth[][3] = {
        {0.02f, 0.02f, 0.025f}, {0.5f, 0.5f, 0.5f},  {0.03f, 0.05f, 0.14f},
        {0.3f, 0.03f, 0.03f},   {0.1f, 0.1f, 0.11f}, {0.05f, 0.10f, 0.05f},
        {0.35f, 0.27f, 0.16f},  {0.1f, 0.2f, 0.4f},  {0.45f, 0.32f, 0.05f}};
    static const float legs[][3] = {{0.02f, 0.03f, 0.07f},
                                    {0.015f, 0.015f, 0.017f},
                                    {0.05f, 0.08f, 0.16f},
                                    {0.12f, 0.10f, 0.07f},
                                    {0.06f, 0.06f, 0.065f}};
    static const float skin[][3] = {{0.55f, 0.34f, 0.25f},
                                    {0.45f, 0.26f, 0.17f},
                                    {0.24f, 0.12f, 0.07f},
                                    {0.09f, 0.045f, 0.028f}};
    static const float hair[][3] = {{0.012f, 0.01f, 0.009f},
                                    {0.05f, 0.025f, 0.012f},
                                    {0.22f, 0.14f, 0.06f},
                                    {0.25f, 0.25f, 0.25f}};

    memcpy(paint[1], cloth[hash32(a->look, 21) % 9], sizeof paint[1]);
    memcpy(paint[2], legs[hash32(a->look, 22) % 5], sizeof paint[2]);
    memcpy(paint[3], skin[hash32(a->look, 23) % 4], sizeof paint[3]);
    memcpy(paint[4], hair[hash32(a->look, 24) % 4], sizeof paint[4]);
}

/* ---- bones -------------------------------------------------------------------------------------- */

/* A wheel stays round however the body is stretched. */
static struct pose wheel_bone(const struct pose *root, const struct model *m, const struct actor *a,
                              float x, float y, float steer)
{
    float kx = (float)a->length / m->size.x, ky = (float)a->width / m->size.y,
          kz = (float)a->height / m->size.z;
    struct pose p = pose_move(x * kx, y * ky, m->wheel * kz), q = pose_turn_z(steer);
    struct pose roll = pose_turn_y((float)fmod(a->travelled / (m->wheel * kz), 2 * M_PI));
    struct pose size = pose_stretch(kz, ky, kz), back = pose_move(-x, -y, -m->wheel);

    p = pose_mul(&p, &q);
    p = pose_mul(&p, &roll);
    p = pose_mul(&p, &size);
    p = pose_mul(&p, &back);
    return pose_mul(root, &p);
}

static void car_bones(const struct model *m, const struct actor *a, const struct pose *root,
                      struct pose *bone)
{
    struct pose size = pose_stretch((float)a->length / m->size.x, (float)a->width / m->size.y,
                                    (float)a->height / m->size.z);

    float y = m->size.y / 2 * 0.85f;

    bone[BONE_BODY] = pose_mul(root, &size);
    bone[BONE_REAR] = wheel_bone(root, m, a, m->axle[0], 0, 0);
    bone[BONE_LEFT] = wheel_bone(root, m, a, m->axle[1], y, (float)a->steer);
    bone[BONE_RIGHT] = wheel_bone(root, m, a, m->axle[1], -y, (float)a->steer);
}

static void lamps(const struct actor *a, double t, float night, float *emit)
{
    bool on = a->headlights && !a->parked, blink = fmod(t, 0.72) < 0.38;
    bool day = !a->parked && hash01(a->look, 31) < 0.6f; /* daytime lights */

    emit[EMIT_TAIL] = (on ? 0.9f : 0) + (a->brake ? 5.0f : 0);
    emit[EMIT_BRAKE] = a->brake ? 6.0f : 0;
    emit[EMIT_HEAD] = on ? 3.0f + 5 * night : day ? 1.2f : 0;
    emit[EMIT_LEFT] = a->indicator > 0 && blink ? 5.0f : 0;
    emit[EMIT_RIGHT] = a->indicator < 0 && blink ? 5.0f : 0;
    emit[EMIT_WINDOW] = 0.6f * night;
    emit[EMIT_SIGN] = 0.15f * night;
}

void model_dress(const struct model *m, enum model_name name, const struct actor *a, double t,
                 float night, const struct pose *root, struct dress *out)
{
    memset(out->emit, 0, sizeof out->emit);
    for (int i = 0; i <= MAX_PAINTS; i++)
        for (int k = 0; k < 3; k++)
            out->paint[i][k] = 1;
    lamps(a, t, night, out->emit);
    out->n_bones = name < MODEL_MOTORCYCLE ? BONE_RIGHT + 1 : 11;
    if (name == MODEL_PERSON || name == MODEL_CYCLIST || name == MODEL_MOTORCYCLE)
        paint_person(a, out->paint);
    if (name == MODEL_PERSON)
        person_bones(out->bone, a, root);
    else if (name == MODEL_CYCLIST || name == MODEL_MOTORCYCLE)
        cycle_bones(out->bone, m, name, a, root);
    else {
        paint_car(a, out->paint[1], name == MODEL_VAN ? 0.45f : name >= CAR_BODIES ? 0.25f : 0);
        paint_car(&(struct actor){.look = a->look + 7}, out->paint[2], 0.5f); /* of a trailer */
        car_bones(m, a, root, out->bone);
    }
}

/* ---- meshes ------------------------------------------------------------------------------------- */

/* Fibonacci's spiral over the sphere. */
static struct v3 direction(int i, int n)
{
    float z = 1 - (2 * (float)i + 1) / (float)n, r = sqrtf(1 - z * z), a = 2.39996323f * (float)i;

    return v3(r * cosf(a), r * sinf(a), z);
}

static int furthest(const struct builder *b, int bone, struct v3 d)
{
    float most = -1e9f;
    int best = -1;

    for (int j = 0; j < b->n_vertices; j++) {
        const float *p = b->vertex[j].p;
        float reach = p[0] * d.x + p[1] * d.y + p[2] * d.z;

        if (b->vertex[j].bone == bone && reach > most + 1e-5f) {
            most = reach;
            best = j;
        }
    }
    return best;
}

/* The points that lie furthest out in some direction, bone by bone. */
static void find_hull(struct model *m, const struct builder *b)
{
    enum { DIRECTIONS = 400 };
    int chosen[HULL_POINTS] = {0};

    unsigned bones = 0;

    for (int j = 0; j < b->n_vertices; j++)
        bones |= 1u << b->vertex[j].bone;
    for (int bone = 0; bone < MAX_BONES; bone++)
        for (int i = 0; i < DIRECTIONS && bones >> bone & 1; i++) {
            int best = furthest(b, bone, direction(i, DIRECTIONS)), k = 0;

            while (k < m->n_hull && chosen[k] != best)
                k++;
            if (k < m->n_hull || m->n_hull == HULL_POINTS)
                continue;
            const float *p = b->vertex[best].p;

            chosen[m->n_hull] = best;
            m->hull_bone[m->n_hull] = (uint8_t)bone;
            m->hull[m->n_hull++] = v3(p[0], p[1], p[2]);
        }
}

static enum err blob_build(struct model *m, struct builder *b, bool small)
{
    float room = small ? 0.1f : 0.28f, x = m->size.x / 2 + room, y = m->size.y / 2 + room;

    builder_clear(b);
    b->brush = (struct brush){.shade = small ? 110 : 255};
    builder_vertex(b, v3(-x, -y, 0.02f), v3(0, 0, 1), -1, -1);
    builder_vertex(b, v3(x, -y, 0.02f), v3(0, 0, 1), 1, -1);
    builder_vertex(b, v3(x, y, 0.02f), v3(0, 0, 1), 1, 1);
    builder_vertex(b, v3(-x, y, 0.02f), v3(0, 0, 1), -1, 1);
    builder_triangle(b, 0, 1, 2);
    builder_triangle(b, 0, 2, 3);
    return mesh_upload(&m->blob, b);
}

static void build(struct builder *b, struct model *m, enum model_name name)
{
    if (name < CAR_BODIES) {
        const struct body *body = car_bodies[name];

        m->size = v3(body->length, body->width, body->height);
        m->axle[0] = body->axle[0];
        m->axle[1] = body->axle[1];
        m->wheel = body->wheel;
        body_build(b, body, b->detail);
    } else if (name == MODEL_PERSON)
        person_build(b, m);
    else if (name == MODEL_CYCLIST || name == MODEL_MOTORCYCLE)
        cycle_build(b, m, name);
    else
        truck_build(b, m, name);
}

enum err models_open(struct model *models, struct why *why)
{
    struct builder b;
    enum err e = OK;

    builder_init(&b);
    for (int i = 0; i < MODELS && e == OK; i++) {
        struct model *m = &models[i];

        for (int k = 0; k < DETAILS && e == OK; k++) {
            builder_clear(&b);
            b.brush = (struct brush){.shade = 255};
            b.place = pose_identity();
            b.detail = k;
            build(&b, m, (enum model_name)i);
            e = mesh_upload(&m->mesh[k], &b);
            if (e == OK && k == 0)
                find_hull(m, &b);
        }
        if (e == OK)
            e = blob_build(m, &b, i >= MODEL_MOTORCYCLE);
    }
    builder_finish(&b);
    return e == OK ? OK : err_say(why, e, "meshes of vehicles");
}

void models_close(struct model *models)
{
    for (int i = 0; i < MODELS; i++) {
        for (int k = 0; k < DETAILS; k++)
            mesh_finish(&models[i].mesh[k]);
        mesh_finish(&models[i].blob);
    }
}
