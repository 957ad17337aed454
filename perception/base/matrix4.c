#include "perception/base/matrix4.h"

#include <math.h>

enum { N = 4 };

/* Cholesky: a = l l', and the inverse is inv(l)' inv(l). */
void matrix4_invert(const double a[16], double out[16])
{
    double l[N][N] = {{0}}, inv[N][N] = {{0}};

    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++) {
            double s = a[i * N + j];

            for (int k = 0; k < j; k++)
                s -= l[i][k] * l[j][k];
            l[i][j] = i == j ? sqrt(fmax(s, 1e-12 * a[i * N + i])) : s / l[j][j];
        }
    for (int i = 0; i < N; i++) {
        inv[i][i] = 1 / l[i][i];
        for (int j = 0; j < i; j++) {
            double s = 0;

            for (int k = j; k < i; k++)
                s -= l[i][k] * inv[k][j];
            inv[i][j] = s / l[i][i];
        }
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            double s = 0;

            for (int k = i > j ? i : j; k < N; k++)
                s += inv[k][i] * inv[k][j];
            out[i * N + j] = s;
        }
}

void matrix4_times(const double a[16], const double v[4], double out[4])
{
    for (int i = 0; i < N; i++)
        out[i] = matrix4_dot(a + (long)i * N, v);
}

double matrix4_dot(const double a[4], const double b[4])
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
}

double matrix4_form(const double a[16], const double v[4])
{
    double av[N];

    matrix4_times(a, v, av);
    return matrix4_dot(v, av);
}
