#include "perception/nn/ops/integer.h"

#include <math.h>
#include <string.h>

#include "perception/nn/ops/number.h"

double integer_each(const struct tensor *t, int64_t j)
{
    return t ? number_float(t, tensor_count(t) == 1 ? 0 : j) : 0;
}

uint32_t integer_zero(const struct matrix8 *m, int64_t j)
{
    return (uint32_t)(int32_t)integer_each(m->zero, m->zero_first + j);
}

/* Unsigned, so that sums wrap: they are the same bits. */
static uint32_t element(const struct matrix8 *m, int64_t i)
{
    return m->is_signed ? (uint32_t)((const int8_t *)m->data)[i] : ((const uint8_t *)m->data)[i];
}

/* c[n] += v b[n] */
static void add_row(uint32_t *c, uint32_t v, const struct matrix8 *b, int64_t first, int64_t N)
{
    const uint8_t *u = (const uint8_t *)b->data + first;
    const int8_t *s = (const int8_t *)b->data + first;

    if (b->is_signed)
        for (int64_t n = 0; n < N; n++)
            c[n] += v * (uint32_t)s[n];
    else
        for (int64_t n = 0; n < N; n++)
            c[n] += v * u[n];
}

void integer_gemm_plain(int64_t M, int64_t N, int64_t K, const struct matrix8 *a,
                        const struct matrix8 *b, int32_t *c)
{
    for (int64_t m = 0; m < M; m++) {
        uint32_t *row = (uint32_t *)c + m * N, za = integer_zero(a, m), sum = 0;

        memset(row, 0, (size_t)N * sizeof *row);
        for (int64_t k = 0; k < K; k++) {
            uint32_t v = element(a, m * K + k) - za;

            sum += v;
            if (v)
                add_row(row, v, b, k * N, N);
        }
        for (int64_t n = 0; b->zero && n < N; n++)
            row[n] -= sum * integer_zero(b, n);
    }
}

void integer_requantize(const struct tensor *y, int64_t at, const int32_t *c, int64_t n,
                        double scale, int64_t zero)
{
    for (int64_t i = 0; i < n; i++)
        number_set_float(y, at + i, nearbyint((double)c[i] * scale) + (double)zero);
}

enum err integer_need(const struct node *n, int i, int like, int64_t several, struct why *why)
{
    const struct tensor *t = in(n, i);
    int64_t count;

    if (!t)
        return OK;
    if (like >= 0 && t->type != in(n, like)->type)
        return err_say(why, ERR_FORMAT, "input '%.80s' is %s, needed %s", t->name,
                       dtype_name(t->type), dtype_name(in(n, like)->type));
    count = tensor_count(t);
    if (count != 1 && count != several)
        return err_say(why, ERR_UNSUPPORTED, "input '%.80s' has %lld elements, needed 1 or %lld",
                       t->name, (long long)count, (long long)several);
    return OK;
}
