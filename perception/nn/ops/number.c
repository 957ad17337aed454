#include "perception/nn/ops/number.h"

#include <math.h>
#include <string.h>

bool dtype_is_float(enum dtype t)
{
    return t == DTYPE_F32 || t == DTYPE_F64 || t == DTYPE_F16 || t == DTYPE_BF16;
}

static float bits_to_f32(uint32_t u)
{
    float f;

    memcpy(&f, &u, sizeof f);
    return f;
}

static uint32_t f32_to_bits(float f)
{
    uint32_t u;

    memcpy(&u, &f, sizeof u);
    return u;
}

float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 0x1f, m = h & 0x3ff;

    if (exponent == 0x1f)
        return bits_to_f32(sign | 0x7f800000 | m << 13);
    if (exponent == 0) /* a subnormal: m / 2^24 */
        return (sign ? -1.0f : 1.0f) * (float)m * 0x1p-24f;
    return bits_to_f32(sign | (exponent + 112) << 23 | m << 13);
}

uint16_t f32_to_f16(float f)
{
    uint32_t u = f32_to_bits(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;

    if (a > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (a >= 0x477ff000) /* rounds to 65536 or more */
        return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) /* subnormal: in units of 2^-24 */
        return (uint16_t)(sign | (uint32_t)lrintf(bits_to_f32(a) * 0x1p24f));
    return (uint16_t)(sign | ((a - 0x38000000 + 0xfff + (a >> 13 & 1)) >> 13));
}

float bf16_to_f32(uint16_t h)
{
    return bits_to_f32((uint32_t)h << 16);
}

uint16_t f32_to_bf16(float f)
{
    uint32_t u = f32_to_bits(f);

    if ((u & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static int64_t to_int(double v)
{
    if (v >= 0x1p63)
        return INT64_MAX;
    if (v < -0x1p63)
        return INT64_MIN;
    return v == v ? (int64_t)v : 0;
}

double number_float(const struct tensor *t, int64_t i)
{
    switch (t->type) {
    case DTYPE_F32:
        return (double)((const float *)t->data)[i];
    case DTYPE_F64:
        return ((const double *)t->data)[i];
    case DTYPE_F16:
        return (double)f16_to_f32(((const uint16_t *)t->data)[i]);
    case DTYPE_BF16:
        return (double)bf16_to_f32(((const uint16_t *)t->data)[i]);
    case DTYPE_U64:
        return (double)((const uint64_t *)t->data)[i];
    default:
        return (double)number_int(t, i);
    }
}

int64_t number_int(const struct tensor *t, int64_t i)
{
    switch (t->type) {
    case DTYPE_BOOL:
    case DTYPE_U8:
        return ((const uint8_t *)t->data)[i];
    case DTYPE_I8:
        return ((const int8_t *)t->data)[i];
    case DTYPE_U16:
        return ((const uint16_t *)t->data)[i];
    case DTYPE_I16:
        return ((const int16_t *)t->data)[i];
    case DTYPE_U32:
        return ((const uint32_t *)t->data)[i];
    case DTYPE_I32:
        return ((const int32_t *)t->data)[i];
    case DTYPE_U64:
    case DTYPE_I64:
        return ((const int64_t *)t->data)[i];
    default:
        return to_int(number_float(t, i));
    }
}

void number_set_int(const struct tensor *t, int64_t i, int64_t v)
{
    switch (t->type) {
    case DTYPE_BOOL:
        ((uint8_t *)t->data)[i] = v != 0;
        break;
    case DTYPE_U8:
    case DTYPE_I8:
        ((uint8_t *)t->data)[i] = (uint8_t)v;
        break;
    case DTYPE_U16:
    case DTYPE_I16:
        ((uint16_t *)t->data)[i] = (uint16_t)v;
        break;
    case DTYPE_U32:
    case DTYPE_I32:
        ((uint32_t *)t->data)[i] = (uint32_t)v;
        break;
    case DTYPE_U64:
    case DTYPE_I64:
        ((uint64_t *)t->data)[i] = (uint64_t)v;
        break;
    default:
        number_set_float(t, i, (double)v);
        break;
    }
}

static int64_t clamp(double v, double lo, double hi)
{
    if (!(v == v))
        return 0;
    return to_int(v < lo ? lo : v > hi ? hi : v);
}

void number_set_float(const struct tensor *t, int64_t i, double v)
{
    switch (t->type) {
    case DTYPE_F32:
        ((float *)t->data)[i] = (float)v;
        break;
    case DTYPE_F64:
        ((double *)t->data)[i] = v;
        break;
    case DTYPE_F16:
        ((uint16_t *)t->data)[i] = f32_to_f16((float)v);
        break;
    case DTYPE_BF16:
        ((uint16_t *)t->data)[i] = f32_to_bf16((float)v);
        break;
    case DTYPE_BOOL:
        ((uint8_t *)t->data)[i] = v != 0.0;
        break;
    case DTYPE_U8:
        number_set_int(t, i, clamp(v, 0, UINT8_MAX));
        break;
    case DTYPE_I8:
        number_set_int(t, i, clamp(v, INT8_MIN, INT8_MAX));
        break;
    case DTYPE_U16:
        number_set_int(t, i, clamp(v, 0, UINT16_MAX));
        break;
    case DTYPE_I16:
        number_set_int(t, i, clamp(v, INT16_MIN, INT16_MAX));
        break;
    case DTYPE_U32:
        number_set_int(t, i, clamp(v, 0, UINT32_MAX));
        break;
    case DTYPE_I32:
        number_set_int(t, i, clamp(v, INT32_MIN, INT32_MAX));
        break;
    case DTYPE_U64:
        ((uint64_t *)t->data)[i] = !(v > 0) ? 0 : v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
        break;
    default:
        number_set_int(t, i, to_int(v));
        break;
    }
}
