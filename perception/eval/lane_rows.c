#include <math.h>

#include "perception/eval/lane_scores.h"

int lane_bottom(const double *x, int rows)
{
    int bottom = rows - 1; /* rows go down the picture */

    while (bottom >= 0 && !(x[bottom] >= 0))
        bottom--;
    return bottom;
}

double lane_fit_at(const double *x, const double *y, int rows, double row)
{
    double n = 0, mean_x = 0, mean_y = 0, xy = 0, yy = 0;

    for (int i = 0; i < rows; i++)
        if (x[i] >= 0) {
            n++;
            mean_x += x[i];
            mean_y += y[i];
        }
    if (n == 0)
        return NAN;
    mean_x /= n;
    mean_y /= n;
    for (int i = 0; i < rows; i++)
        if (x[i] >= 0) {
            xy += (x[i] - mean_x) * (y[i] - mean_y);
            yy += (y[i] - mean_y) * (y[i] - mean_y);
        }
    return mean_x + (yy > 0 ? xy / yy : 0) * (row - mean_y);
}

static double between(const double a[2], const double b[2], double y)
{
    return a[1] == b[1] ? a[0] : a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]);
}

void lane_sample(const double (*point)[2], size_t n, const double *y, int rows, double *x)
{
    for (int r = 0; r < rows; r++) {
        x[r] = -2;
        for (size_t i = 1; i < n && !(x[r] >= 0); i++)
            if (fmin(point[i - 1][1], point[i][1]) <= y[r] &&
                y[r] <= fmax(point[i - 1][1], point[i][1]))
                x[r] = between(point[i - 1], point[i], y[r]);
        if (!(x[r] >= 0))
            x[r] = -2; /* left of the picture */
    }
}
