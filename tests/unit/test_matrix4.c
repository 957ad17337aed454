#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "perception/base/matrix4.h"

/* The inverse times the matrix is the unit matrix, also where the terms differ by many orders. */
Test(matrix4, invert)
{
    srand(1);
    for (int round = 0; round < 200; round++) {
        double b[16], a[16] = {0}, inv[16];
        const double scale[4] = {1, 1e-2, 1e2, 1e-3};

        for (int i = 0; i < 16; i++)
            b[i] = ((double)rand() / RAND_MAX - 0.5) * scale[i / 4];
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                a[i * 4 + j] = i == j ? scale[i] * scale[i] : 0;
                for (int k = 0; k < 4; k++)
                    a[i * 4 + j] += b[i * 4 + k] * b[j * 4 + k];
            }
        matrix4_invert(a, inv);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                double s = 0;

                for (int k = 0; k < 4; k++)
                    s += a[i * 4 + k] * inv[k * 4 + j];
                cr_assert_float_eq(s * scale[j] / scale[i], i == j, 1e-9);
            }
    }
}

/* A matrix that rounding has robbed of a dimension gives numbers all the same. */
Test(matrix4, nearly_singular)
{
    double a[16], inv[16];

    for (int i = 0; i < 16; i++)
        a[i] = 1;
    matrix4_invert(a, inv);
    for (int i = 0; i < 16; i++)
        cr_assert(isfinite(inv[i]));
}

Test(matrix4, products)
{
    const double a[16] = {2, 1, 0, 0, 1, 3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 4}, v[4] = {1, 2, 3, 4};
    double out[4];

    matrix4_times(a, v, out);
    cr_assert(out[0] == 4 && out[1] == 7 && out[2] == 3 && out[3] == 16);
    cr_assert_float_eq(matrix4_form(a, v), 4 + 14 + 9 + 64, 1e-12);
}
