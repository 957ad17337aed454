/* Softmax, written once and compiled per instruction set. The includer has included the register
 * operations (vec_*.h) and defines SOFT(name), which puts the level behind a name. Everything is
 * static but SOFT(softmax_fill). Results depend on the CPU level in the last bits. */
#ifndef SOFT
#error "include this from a file that defines SOFT(name)"
#endif

#include "perception/kernels/kernels_internal.h"
#include "perception/kernels/vec_math.h"

/* e^x for x <= 0; what vec_exp() clamps to becomes 0, so that masked numbers weigh nothing. */
VEC_INLINE vec exp_below(vec x)
{
    return vec_sub(vec_exp(x), vec_exp(vec_all(-87.0f)));
}

VEC_INLINE float lanes_sum(vec v)
{
    float lane[VEC_LANES];

    vec_store(lane, v);
    for (int half = VEC_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] += lane[i + half];
    return lane[0];
}

VEC_INLINE float lanes_max(vec v)
{
    float lane[VEC_LANES];

    vec_store(lane, v);
    for (int half = VEC_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] = lane[i + half] > lane[i] ? lane[i + half] : lane[i];
    return lane[0];
}

static float row_max(const float *x, size_t n)
{
    vec top[4] = {vec_all(x[0]), vec_all(x[0]), vec_all(x[0]), vec_all(x[0])};
    float r;
    size_t i = 0;

    for (; i + 4 * VEC_LANES <= n; i += 4 * VEC_LANES)
        for (int j = 0; j < 4; j++)
            top[j] = vec_max(top[j], vec_load(x + i + (size_t)j * VEC_LANES));
    for (; i + VEC_LANES <= n; i += VEC_LANES)
        top[0] = vec_max(top[0], vec_load(x + i));
    if (i < n && n >= VEC_LANES) {
        top[1] = vec_max(top[1], vec_load(x + n - VEC_LANES)); /* some of them once more */
        i = n;
    }
    r = lanes_max(vec_max(vec_max(top[0], top[1]), vec_max(top[2], top[3])));
    for (; i < n; i++)
        r = x[i] > r ? x[i] : r;
    return r;
}

/* y = e^(x - top); returns the sum. */
static float row_exp(float *y, const float *x, size_t n, float top)
{
    vec sums[2] = {vec_all(0.0f), vec_all(0.0f)}, shift = vec_all(top);
    size_t i = 0;

    for (; i + 2 * VEC_LANES <= n; i += 2 * VEC_LANES)
        for (int j = 0; j < 2; j++) {
            size_t at = i + (size_t)j * VEC_LANES;
            vec e = exp_below(vec_sub(vec_load(x + at), shift));

            vec_store(y + at, e);
            sums[j] = vec_add(sums[j], e);
        }
    for (; i < n; i += VEC_LANES) {
        vec_mask some = vec_first(n - i < VEC_LANES ? n - i : VEC_LANES);

        vec_store_some(y + i, some, exp_below(vec_sub(vec_load_some(x + i, some), shift)));
        sums[0] = vec_add(sums[0], vec_load_some(y + i, some)); /* with zeros behind */
    }
    return lanes_sum(vec_add(sums[0], sums[1]));
}

static void SOFT(softmax)(float *y, const float *x, size_t n)
{
    vec factor;
    size_t i = 0;

    if (n == 0)
        return;
    factor = vec_all(1.0f / row_exp(y, x, n, row_max(x, n)));
    for (; i + VEC_LANES <= n; i += VEC_LANES)
        vec_store(y + i, vec_mul(vec_load(y + i), factor));
    if (i < n) {
        vec_mask some = vec_first(n - i);

        vec_store_some(y + i, some, vec_mul(vec_load_some(y + i, some), factor));
    }
}

static void SOFT(softmax_columns)(float *y, const float *x, size_t axis, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i += VEC_LANES) {
        vec_mask some = vec_first(n - i < VEC_LANES ? n - i : VEC_LANES);
        vec top = vec_load_some(x + i, some), sum = vec_all(0.0f), factor;

        for (size_t a = 1; a < axis; a++)
            top = vec_max(top, vec_load_some(x + a * step + i, some));
        for (size_t a = 0; a < axis; a++) {
            vec e = exp_below(vec_sub(vec_load_some(x + a * step + i, some), top));

            vec_store_some(y + a * step + i, some, e);
            sum = vec_add(sum, e);
        }
        factor = vec_div(vec_all(1.0f), sum);
        for (size_t a = 0; a < axis; a++) {
            float *to = y + a * step + i;

            vec_store_some(to, some, vec_mul(vec_load_some(to, some), factor));
        }
    }
}

void SOFT(softmax_fill)(struct kernels *k)
{
    k->softmax = SOFT(softmax);
    k->softmax_columns = SOFT(softmax_columns);
}
