/* Vectors of three floats and matrices of the renderer. */
#ifndef OUTRIDER_SIM_RENDER_VEC_H
#define OUTRIDER_SIM_RENDER_VEC_H

#include <math.h>
#include <stdint.h>

struct v3 {
    float x, y, z;
};

static inline struct v3 v3(float x, float y, float z)
{
    return (struct v3){x, y, z};
}
static inline struct v3 v3_add(struct v3 a, struct v3 b)
{
    return v3(a.x + b.x, a.y + b.y, a.z + b.z);
}
static inline struct v3 v3_sub(struct v3 a, struct v3 b)
{
    return v3(a.x - b.x, a.y - b.y, a.z - b.z);
}
static inline struct v3 v3_scale(struct v3 a, float k)
{
    return v3(a.x * k, a.y * k, a.z * k);
}
static inline float v3_dot(struct v3 a, struct v3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
static inline struct v3 v3_cross(struct v3 a, struct v3 b)
{
    return v3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}
static inline float v3_length(struct v3 a)
{
    return sqrtf(v3_dot(a, a));
}
static inline struct v3 v3_unit(struct v3 a)
{
    float l = v3_length(a);

    return l > 1e-12f ? v3_scale(a, 1 / l) : v3(0, 0, 1);
}
static inline struct v3 v3_mix(struct v3 a, struct v3 b, float t)
{
    return v3_add(a, v3_scale(v3_sub(b, a), t));
}

/* An affine map, row major: rows are what x, y and z become. */
struct pose {
    float m[3][4];
};

static inline struct v3 pose_point(const struct pose *p, struct v3 a)
{
    return v3(p->m[0][0] * a.x + p->m[0][1] * a.y + p->m[0][2] * a.z + p->m[0][3],
              p->m[1][0] * a.x + p->m[1][1] * a.y + p->m[1][2] * a.z + p->m[1][3],
              p->m[2][0] * a.x + p->m[2][1] * a.y + p->m[2][2] * a.z + p->m[2][3]);
}

static inline struct pose pose_mul(const struct pose *a, const struct pose *b)
{
    struct pose c;

    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            c.m[i][j] = a->m[i][0] * b->m[0][j] + a->m[i][1] * b->m[1][j] +
                        a->m[i][2] * b->m[2][j] + (j == 3 ? a->m[i][3] : 0);
    return c;
}

static inline struct pose pose_identity(void)
{
    return (struct pose){{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}};
}
static inline struct pose pose_move(float x, float y, float z)
{
    return (struct pose){{{1, 0, 0, x}, {0, 1, 0, y}, {0, 0, 1, z}}};
}
static inline struct pose pose_stretch(float x, float y, float z)
{
    return (struct pose){{{x, 0, 0, 0}, {0, y, 0, 0}, {0, 0, z, 0}}};
}
/* Turns about z (left > 0), y (nose down > 0) and x (right side down > 0). */
static inline struct pose pose_turn_z(float a)
{
    float c = cosf(a), s = sinf(a);

    return (struct pose){{{c, -s, 0, 0}, {s, c, 0, 0}, {0, 0, 1, 0}}};
}
static inline struct pose pose_turn_y(float a)
{
    float c = cosf(a), s = sinf(a);

    return (struct pose){{{c, 0, s, 0}, {0, 1, 0, 0}, {-s, 0, c, 0}}};
}
static inline struct pose pose_turn_x(float a)
{
    float c = cosf(a), s = sinf(a);

    return (struct pose){{{1, 0, 0, 0}, {0, c, -s, 0}, {0, s, c, 0}}};
}

/* A hash as a source of looks: the same key and salt give the same number. */
static inline uint32_t hash32(uint32_t key, uint32_t salt)
{
    uint32_t h = key * 0x9e3779b1u ^ (salt + 0x85ebca6bu) * 0xc2b2ae35u;

    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    h ^= h >> 12;
    h *= 0x297a2d39u;
    return h ^ h >> 15;
}
static inline float hash01(uint32_t key, uint32_t salt)
{
    return (float)(hash32(key, salt) >> 8) * (1.0f / 16777216.0f);
}

static inline float clampf(float x, float lo, float hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}
static inline float mixf(float a, float b, float t)
{
    return a + (b - a) * t;
}
static inline float smoothf(float lo, float hi, float x)
{
    float t = clampf((x - lo) / (hi - lo), 0, 1);

    return t * t * (3 - 2 * t);
}

#endif
