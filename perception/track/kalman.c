#include "perception/track/kalman.h"

#include <assert.h>

struct kalman_axis kalman_axis_start(float x, float sigma_x, float sigma_v)
{
    return (struct kalman_axis){x, 0, sigma_x * sigma_x, 0, sigma_v * sigma_v};
}

void kalman_axis_predict(struct kalman_axis *k, float dt, float stretch, float q)
{
    float a = dt * stretch, b = stretch * stretch; /* F = [1 a; 0 b] */

    k->x += a * k->v;
    k->v *= b;
    k->xx += 2 * a * k->xv + a * a * k->vv + q * dt * dt * dt / 3;
    k->xv = b * (k->xv + a * k->vv) + q * dt * dt / 2;
    k->vv = b * b * k->vv + q * dt;
}

void kalman_axis_update(struct kalman_axis *k, float z, float variance)
{
    float e = z - k->x, s = k->xx + variance;
    float gx = k->xx / s, gv = k->xv / s;

    assert(variance > 0);
    k->x += gx * e;
    k->v += gv * e;
    k->vv -= gv * k->xv;
    k->xv -= gx * k->xv;
    k->xx -= gx * k->xx;
}

void kalman_plane_start(struct kalman_plane *k, const double z[2], const double variance[3],
                        const double sigma_v[2])
{
    *k = (struct kalman_plane){.s = {z[0], z[1]}};
    k->p[0][0] = variance[0];
    k->p[0][1] = k->p[1][0] = variance[1];
    k->p[1][1] = variance[2];
    k->p[2][2] = sigma_v[0] * sigma_v[0];
    k->p[3][3] = sigma_v[1] * sigma_v[1];
}

void kalman_plane_predict(struct kalman_plane *k, double dt, double q)
{
    k->s[0] += dt * k->s[2];
    k->s[1] += dt * k->s[3];
    for (int i = 0; i < 2; i++) /* P <- F P F', F = [1 dt; 0 1]: rows, then columns */
        for (int j = 0; j < 4; j++)
            k->p[i][j] += dt * k->p[i + 2][j];
    for (int j = 0; j < 2; j++)
        for (int i = 0; i < 4; i++)
            k->p[i][j] += dt * k->p[i][j + 2];
    for (int i = 0; i < 2; i++) {
        k->p[i][i] += q * dt * dt * dt / 3;
        k->p[i][i + 2] += q * dt * dt / 2;
        k->p[i + 2][i] += q * dt * dt / 2;
        k->p[i + 2][i + 2] += q * dt;
    }
}

void kalman_plane_update(struct kalman_plane *k, const double z[2], const double variance[3])
{
    enum { TOO_FAR = 16 }; /* squared sigmas */
    double e[2] = {z[0] - k->s[0], z[1] - k->s[1]};
    double a = k->p[0][0] + variance[0], b = k->p[0][1] + variance[1], c = k->p[1][1] + variance[2];
    double det = a * c - b * b;

    assert(det > 0);
    double off = (c * e[0] * e[0] - 2 * b * e[0] * e[1] + a * e[1] * e[1]) / det;
    if (off > TOO_FAR) {
        a *= off / TOO_FAR;
        b *= off / TOO_FAR;
        c *= off / TOO_FAR;
        det = a * c - b * b;
    }
    double gain[4][2], p[4][2];
    for (int i = 0; i < 4; i++) {
        p[i][0] = k->p[i][0];
        p[i][1] = k->p[i][1];
        gain[i][0] = (p[i][0] * c - p[i][1] * b) / det;
        gain[i][1] = (p[i][1] * a - p[i][0] * b) / det;
        k->s[i] += gain[i][0] * e[0] + gain[i][1] * e[1];
    }
    for (int i = 0; i < 4; i++)
        for (int j = i; j < 4; j++)
            k->p[j][i] = k->p[i][j] -= gain[i][0] * p[j][0] + gain[i][1] * p[j][1];
}
