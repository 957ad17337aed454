#include "perception/image/resize.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

struct fit fit_picture(const struct input_spec *spec, int picture_width, int picture_height,
                       int input_width, int input_height)
{
    struct fit f = {.picture_width = picture_width,
                    .picture_height = picture_height,
                    .input_width = input_width,
                    .input_height = input_height,
                    .width = input_width,
                    .height = input_height};

    int64_t aspect_width = spec->aspect_width ? spec->aspect_width : input_width;
    int64_t aspect_height = spec->aspect_width ? spec->aspect_height : input_height;
    /* in whole numbers, rounded down as the models' own scripts do */
    int64_t wide = picture_width * aspect_height, high = picture_height * aspect_width;
    double stretch = (double)wide / (double)high;

    if (spec->stretch_max > 0 && fmax(stretch, 1 / stretch) > spec->stretch_max) {
        if (wide > high)
            f.height = (int)(input_height * high / wide);
        else
            f.width = (int)(input_width * wide / high);
        f.height += f.height == 0; /* a thread is still a picture */
        f.width += f.width == 0;
    }
    f.x_scale = (float)picture_width / (float)f.width;
    f.y_scale = (float)picture_height / (float)f.height;
    return f;
}

void resize_place(struct resize *r, const struct input_spec *spec, int input_width,
                  int input_height, struct arena *a)
{
    *r = (struct resize){.spec = *spec, .input_width = input_width, .input_height = input_height};
    r->left = arena_take(a, (size_t)input_width * sizeof *r->left);
    r->right = arena_take(a, (size_t)input_width * sizeof *r->right);
    r->weight = arena_take(a, (size_t)input_width * sizeof *r->weight);
    r->row = arena_take(a, (size_t)3 * IMAGE_MAX_SIDE * sizeof *r->row);
    for (int c = 0; c < 3; c++) {
        float deviation = spec->deviation[c] != 0 ? spec->deviation[c] : 1;

        for (int byte = 0; byte < 256; byte++)
            r->lut[c][byte] = ((float)byte * spec->scale - spec->mean[c]) / deviation;
    }
}

/* The two source pixels around the centre of output pixel i, and the share of the second. */
static void taps(int i, double scale, int n, int *first, int *second, float *weight)
{
    double at = (i + 0.5) * scale - 0.5;
    int whole = (int)floor(at);

    *first = whole < 0 ? 0 : whole < n ? whole : n - 1;
    *second = whole + 1 < n ? whole + 1 : n - 1;
    *weight = (float)(at - whole);
}

static void columns_prepare(struct resize *r)
{
    double scale = (double)r->fit.picture_width / r->fit.width;

    for (int x = 0; x < r->fit.width; x++) {
        taps(x, scale, r->fit.picture_width, &r->left[x], &r->right[x], &r->weight[x]);
        r->left[x] *= 3;
        r->right[x] *= 3;
    }
}

/* row (n) = a + (b - a) * weight. Rows first: this loop vectorises, the one over columns cannot. */
static void rows_blend(float *restrict row, const uint8_t *restrict a, const uint8_t *restrict b,
                       float weight, int n)
{
    for (int i = 0; i < n; i++)
        row[i] = (float)a[i] + (float)(b[i] - a[i]) * weight;
}

static float look_up(const float lut[256], float left, float right, float weight)
{
    return lut[(int)(left + (right - left) * weight + 0.5f)];
}

static void fill(float *out, int n, float value)
{
    for (int i = 0; i < n; i++)
        out[i] = value;
}

void resize_run(struct resize *r, const struct image *rgb, float *out)
{
    const size_t plane = (size_t)r->input_width * (size_t)r->input_height;
    const int red = r->spec.bgr ? 2 : 0, blue = 2 - red;

    assert(rgb->width > 0 && rgb->width <= IMAGE_MAX_SIDE);
    assert(rgb->height > 0 && rgb->height <= IMAGE_MAX_SIDE);
    if (rgb->width != r->fit.picture_width || rgb->height != r->fit.picture_height) {
        r->fit = fit_picture(&r->spec, rgb->width, rgb->height, r->input_width, r->input_height);
        columns_prepare(r);
    }
    for (int y = 0; y < r->input_height; y++) {
        float *line = out + (size_t)y * (size_t)r->input_width;
        int covered = y < r->fit.height ? r->fit.width : 0;

        if (covered > 0) {
            int upper, lower;
            float weight;

            taps(y, (double)rgb->height / r->fit.height, rgb->height, &upper, &lower, &weight);
            rows_blend(r->row, image_at(rgb, 0, upper), image_at(rgb, 0, lower), weight,
                       3 * rgb->width);
        }
        for (int x = 0; x < covered; x++) {
            const float *a = r->row + r->left[x], *b = r->row + r->right[x];
            float w = r->weight[x];

            line[(size_t)red * plane + (size_t)x] = look_up(r->lut[red], a[0], b[0], w);
            line[plane + (size_t)x] = look_up(r->lut[1], a[1], b[1], w);
            line[(size_t)blue * plane + (size_t)x] = look_up(r->lut[blue], a[2], b[2], w);
        }
        for (int c = 0; c < 3; c++)
            fill(line + (size_t)c * plane + covered, r->input_width - covered,
                 r->lut[c][r->spec.fill]);
    }
}
