/* Row kernels: every CPU level gives the bits of the reference, at every length and alignment, and
 * the reference gives what the mathematics says. */
#include "tests/kernels/sweep.h"

static const size_t lengths[] = {0,  1,  2,  3,  7,  8,  9,  15,  16,
                                 17, 31, 32, 33, 63, 64, 65, 127, 1000};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

/* Run `call` with the reference on y[0] and with level k on y[1]; both must hold the same bits. */
#define SAME(type, count, call)                                                                    \
    do {                                                                                           \
        type *y[2];                                                                                \
        for (int side = 0; side < 2; side++) {                                                     \
            const struct kernels *k = side ? &level : &reference;                                  \
            type *out = y[side] = sweep_bytes(&w, (count) * sizeof(type));                         \
            memset(out, 0x3f, (count) * sizeof(type));                                             \
            call;                                                                                  \
        }                                                                                          \
        cr_assert(memcmp(y[0], y[1], (count) * sizeof(type)) == 0, "n %zu: " #call, n);            \
        release_two(&w);                                                                           \
    } while (0)

static void release_two(struct sweep *w)
{
    struct sweep two = {.buffers = 2};

    for (int i = 0; i < 2; i++)
        two.buffer[i] = w->buffer[w->buffers - 2 + i];
    w->buffers -= 2;
    sweep_release(&two);
}

static void same_bits(unsigned mask, size_t n)
{
    struct kernels reference, level;
    struct sweep w;

    sweep_init(&w);
    kernels_init(&reference, 0);
    kernels_init(&level, mask);
    float *a = sweep_floats(&w, n, -20, 20), *b = sweep_floats(&w, n, -3, 3);
    float *wide = sweep_floats(&w, 5 * n + 1, -100, 100), *t = sweep_floats(&w, n, 0, 1);
    uint8_t *u = sweep_bytes(&w, n);
    int32_t *s = sweep_bytes(&w, n * sizeof *s), *at = sweep_bytes(&w, n * sizeof *at);

    for (size_t i = 0; i < n; i++) {
        u[i] = (uint8_t)sweep_bits(&w);
        s[i] = (int32_t)sweep_bits(&w);
        at[i] = sweep_int(&w, 0, (int)(3 * n) - 1);
    }
    for (int op = 0; op < UNARY_COUNT; op++)
        SAME(float, n, k->unary[op](out, op == UNARY_SQRT ? t : a, n));
    for (int op = 0; op < BINARY_COUNT; op++) {
        SAME(float, n, k->binary[op](out, a, b, n));
        SAME(float, n, k->scalar[op](out, a, 1.7f, n));
    }
    for (int act = 0; act < ACT_COUNT; act++)
        for (int add = 0; add < 3; add++) {
            struct finish f = {.scale = 1.25f,
                               .shift = -0.5f,
                               .add = add ? b : NULL,
                               .add_after = add == 2,
                               .act = (enum act)act,
                               .a = 0.2f,
                               .b = 0.6f};

            SAME(float, n, k->finish(out, a, n, &f));
        }
    SAME(float, 1, *out = k->sum(a, n));
    SAME(float, 1, *out = k->sum_squares(a, n, 0.5f));
    SAME(float, 1, *out = k->dot(a, b, n));
    if (n > 0) {
        SAME(float, 1, *out = k->max(a, n));
        SAME(float, 1, *out = k->min(a, n));
    }
    SAME(float, n, k->layernorm(out, a, n, b, t, 1e-5f));
    SAME(float, n, k->layernorm(out, a, n, b, NULL, 1e-5f));
    SAME(uint8_t, n, k->quantize_u8(out, wide, n, 0.37f, 100));
    SAME(uint8_t, n, k->quantize_u8(out, wide, n, 0.0123f, 0));
    SAME(uint8_t, n, k->quantize_u8(out, wide, n, 1e-40f, 7));
    SAME(uint8_t, n, k->quantize_u8(out, wide, n, 3e38f, 7));
    SAME(int8_t, n, k->quantize_i8(out, wide, n, 0.37f, -5));
    SAME(float, n, k->dequantize_u8(out, u, n, 0.37f, 100));
    SAME(float, n, k->dequantize_i8(out, (const int8_t *)u, n, 0.37f, -5));
    SAME(float, n, k->dequantize_i32(out, s, n, 0.37f, 0));
    for (int stride = 1; stride <= 5; stride++) {
        SAME(float, n, k->copy_strided(out, wide, n, stride));
        SAME(float, n, k->add_strided(out, wide, n, stride));
        SAME(float, n, k->max_strided(out, wide, n, stride));
    }
    SAME(float, 2 * n, k->interleave(out, a, b, n));
    for (int rows = 1; rows <= 4; rows++)
        SAME(float, rows *n, k->interleave_few(out, wide, n, rows, n));
    for (size_t i = 0; i < n; i++)
        u[i] &= 1;
    for (int step = 0; step < 4; step++)
        SAME(float, n, k->select(out, u, a, step & 1, b, step >> 1, n));
    SAME(float, n, k->blend(out, a, b, n, 0.3f));
    SAME(float, n, k->blend_gather(out, wide, n, at, t));
    SAME(float, n / 3 * 3, k->transpose(out, n / 3, a, 3, n / 3, 3));
    SAME(float, n / 17 * 17, k->transpose(out, n / 17, a, 17, n / 17, 17));
    sweep_release(&w);
}

Test(rows, every_level_gives_the_same_bits)
{
    unsigned masks[8];
    int levels = sweep_levels(masks);

    for (int level = 1; level < levels; level++)
        for (int i = 0; i < LENGTHS; i++)
            same_bits(masks[level], lengths[i]);
}

static void reference(struct kernels *k)
{
    kernels_init(k, 0);
}

static float one(const struct kernels *k, enum unary op, float x)
{
    float y;

    k->unary[op](&y, &x, 1);
    return y;
}

Test(rows, functions_are_accurate_everywhere)
{
    struct kernels k;

    reference(&k);
    for (float x = -100; x < 100; x += 0.01f) {
        double e = exp(x), s = 1 / (1 + exp(-(double)x)), t = tanh(x);

        if (x > -86.9f && x < 88.7f)
            cr_assert(fabs(one(&k, UNARY_EXP, x) - e) <= 3e-7 * e, "exp %g", x);
        cr_assert(fabs(one(&k, UNARY_SIGMOID, x) - s) <= 4e-7 * s + 1e-37, "sigmoid %g", x);
        cr_assert(fabs(one(&k, UNARY_TANH, x) - t) <= 4e-7 * fabs(t), "tanh %g", x);
        cr_assert(fabs(one(&k, UNARY_ERF, x) - erf((double)x)) <= 4e-7, "erf %g", x);
        cr_assert(fabs(one(&k, UNARY_GELU, x) - 0.5 * x * (1 + erf(x * M_SQRT1_2))) <=
                      4e-7 * (1 + fabs(x)),
                  "gelu %g", x);
    }
}

Test(rows, functions_at_the_ends)
{
    struct kernels k;

    reference(&k);
    cr_assert(one(&k, UNARY_EXP, 0) == 1);
    cr_assert(one(&k, UNARY_EXP, -INFINITY) == 0);
    cr_assert(one(&k, UNARY_EXP, INFINITY) == INFINITY);
    cr_assert(one(&k, UNARY_EXP, 89) == INFINITY);
    cr_assert(isfinite(one(&k, UNARY_EXP, 88.72f)));
    cr_assert(isnan(one(&k, UNARY_EXP, NAN)));
    cr_assert(one(&k, UNARY_SIGMOID, INFINITY) == 1);
    cr_assert(one(&k, UNARY_SIGMOID, -INFINITY) == 0);
    cr_assert(one(&k, UNARY_SIGMOID, 0) == 0.5f);
    cr_assert(one(&k, UNARY_TANH, INFINITY) == 1);
    cr_assert(one(&k, UNARY_TANH, -INFINITY) == -1);
    cr_assert(one(&k, UNARY_TANH, 1e-20f) == 1e-20f);
}

Test(rows, quantize_rounds_half_to_even_and_saturates)
{
    const float x[] = {0.5f,  1.5f,     2.5f,      -0.5f, -1.5f, 1e9f,
                       -1e9f, INFINITY, -INFINITY, NAN,   3.49f};
    const uint8_t u[] = {10, 12, 12, 10, 8, 255, 0, 255, 0, 0, 13};
    const int8_t s[] = {0, 2, 2, 0, -2, 127, -128, 127, -128, -128, 3};
    enum { N = sizeof u };
    struct kernels k;
    uint8_t got_u[N];
    int8_t got_s[N];

    for (int level = 0; level < 2; level++) {
        if (level)
            kernels_init(&k, ~0u);
        else
            reference(&k);
        k.quantize_u8(got_u, x, N, 1, 10);
        k.quantize_i8(got_s, x, N, 1, 0);
        cr_assert_arr_eq(got_u, u, N);
        cr_assert_arr_eq(got_s, s, N);
    }
    k.quantize_u8(got_u, (const float[]){6}, 1, 4, 0); /* 1.5 */
    cr_assert(got_u[0] == 2);
}

Test(rows, interleave_few_puts_rows_side_by_side)
{
    enum { N = 37, ROW = 40 };
    struct kernels k;
    float x[4 * ROW], y[4 * N];

    reference(&k);
    for (int i = 0; i < 4 * ROW; i++)
        x[i] = (float)i;
    for (int rows = 1; rows <= 4; rows++) {
        k.interleave_few(y, x, ROW, rows, N);
        for (int i = 0; i < rows * N; i++)
            cr_assert(y[i] == x[i % rows * ROW + i / rows], "%d rows: %d", rows, i);
    }
}

Test(rows, select_takes_one_or_the_other)
{
    static const uint8_t which[] = {1, 0, 0, 1};
    static const float a[] = {1, 2, 3, 4}, b[] = {5, 6, 7, 8};
    struct kernels k;
    float y[4];

    reference(&k);
    k.select(y, which, a, 1, b, 1, 4);
    cr_assert_arr_eq(y, ((float[]){1, 6, 7, 4}), 4);
    k.select(y, which, a, 0, b, 1, 4);
    cr_assert_arr_eq(y, ((float[]){1, 6, 7, 1}), 4);
    k.select(y, which, a, 1, b, 0, 4);
    cr_assert_arr_eq(y, ((float[]){1, 5, 5, 4}), 4);
    k.select(y, which, a, 0, b, 0, 4);
    cr_assert_arr_eq(y, ((float[]){1, 5, 5, 1}), 4);
}

Test(rows, layernorm_has_mean_and_spread)
{
    float x[] = {1, 2, 3, 4}, scale[] = {2, 2, 2, 2}, bias[] = {1, 1, 1, 1}, y[4];
    struct kernels k;

    reference(&k);
    k.layernorm(y, x, 4, scale, bias, 0);
    cr_assert_float_eq(y[0], 1 - 2 * 1.5 / sqrt(1.25), 1e-6);
    cr_assert_float_eq(y[3], 1 + 2 * 1.5 / sqrt(1.25), 1e-6);
}

Test(rows, channels_take_their_own_parameters)
{
    float x[6] = {1, -2, 3, -4, 5, -6}, y[6], b[2] = {10, 100}, scale[2] = {2, 3};
    float bias[2] = {0, 1}, slope[2] = {0.5f, 0.25f};
    struct epilogue e = {.bias = bias, .act = ACT_LEAKY, .slope = slope};
    struct kernels k;

    kernels_init(&k, ~0u);
    channels_binary(&k, BINARY_ADD, y, x, b, 2, 3);
    cr_assert_arr_eq(y, ((float[]){11, 8, 13, 96, 105, 94}), sizeof y);
    channels_finish(&k, y, x, scale, 2, 3, &e, NULL);
    cr_assert_arr_eq(y, ((float[]){2, -2, 6, -2.75f, 16, -4.25f}), sizeof y);
    channels_finish(&k, x, x, NULL, 2, 3, &e, NULL);
    cr_assert_arr_eq(x, ((float[]){1, -1, 3, -0.75f, 6, -1.25f}), sizeof x);
}
