#include "sim/render/lens.h"

#include <stdlib.h>
#include <string.h>

static void table_fill(struct lens *l, const struct camera *c, const struct view *v)
{
    struct camera free = *c;

    free.roll_rad = free.pitch_rad = free.yaw_rad = 0;
    for (int y = 0; y < l->height; y++)
        for (int x = 0; x < l->width; x++) {
            size_t i = (size_t)y * (size_t)l->width + (size_t)x;
            float px[2] = {(float)x + 0.5f, (float)y + 0.5f}, ray[3];

            l->nearest[i] = l->corner[i] = -1;
            if (!camera_ray(&free, px, ray) || ray[0] <= 1e-3f)
                continue;
            float ix = v->cx - v->fx * ray[1] / ray[0], iy = v->cy - v->fy * ray[2] / ray[0];
            int nx = (int)floorf(ix), ny = (int)floorf(iy);

            if (nx < 0 || ny < 0 || nx >= v->width || ny >= v->height)
                continue;
            l->nearest[i] = ny * v->width + nx;
            float bx = clampf(ix - 0.5f, 0, (float)v->width - 1.001f),
                  by = clampf(iy - 0.5f, 0, (float)v->height - 1.001f);
            l->corner[i] = (int)by * v->width + (int)bx;
            l->part[2 * i] = (uint8_t)(256 * (bx - floorf(bx)));
            l->part[2 * i + 1] = (uint8_t)(256 * (by - floorf(by)));
        }
}

/* The fourth power of the cosine, as far as it is asked for. */
static void vignette_fill(struct lens *l, const struct camera *c, float amount)
{
    for (int y = 0; y < l->height; y++)
        for (int x = 0; x < l->width; x++) {
            float dx = ((float)x + 0.5f - c->cx) / (0.75f * (float)l->width),
                  dy = ((float)y + 0.5f - c->cy) / (0.75f * (float)l->width);
            float k = 1 / (1 + dx * dx + dy * dy);

            l->vignette[y * l->width + x] = (uint16_t)(65535 * (1 - amount * (1 - k * k)));
        }
}

enum err lens_open(struct lens *l, const struct camera *c, const struct view *ideal, float vignette)
{
    size_t n = (size_t)c->width * (size_t)c->height;

    *l = (struct lens){.width = c->width,
                       .height = c->height,
                       .ideal_width = ideal->width,
                       .ideal_height = ideal->height};
    for (int i = 0; i < 256; i++)
        l->gamma[i] = (uint8_t)lrintf(255 * powf((float)i / 255, 2 / 2.2f));
    l->straight = ideal->width == c->width && ideal->height == c->height && ideal->cx == c->cx &&
                  ideal->cy == c->cy;
    if (!l->straight) {
        l->nearest = malloc(n * sizeof *l->nearest);
        l->corner = malloc(n * sizeof *l->corner);
        l->part = calloc(n, 2);
        if (!l->nearest || !l->corner || !l->part) {
            lens_close(l);
            return ERR_NOMEM;
        }
        table_fill(l, c, ideal);
    }
    if (vignette > 0) {
        l->vignette = malloc(n * sizeof *l->vignette);
        if (!l->vignette) {
            lens_close(l);
            return ERR_NOMEM;
        }
        vignette_fill(l, c, vignette);
    }
    return OK;
}

void lens_close(struct lens *l)
{
    free(l->nearest);
    free(l->corner);
    free(l->part);
    free(l->vignette);
    *l = (struct lens){0};
}

static void pick(const struct lens *l, size_t i, const uint8_t *rgba, uint8_t *rgb)
{
    if (l->corner[i] < 0) {
        memset(rgb, 0, 3);
        return;
    }
    const uint8_t *a = rgba + 4 * (size_t)l->corner[i], *b = a + 4 * (size_t)l->ideal_width;
    int u = l->part[2 * i], v = l->part[2 * i + 1];

    for (int k = 0; k < 3; k++) {
        int top = a[k] * (256 - u) + a[k + 4] * u, low = b[k] * (256 - u) + b[k + 4] * u;

        rgb[k] = (uint8_t)((top * (256 - v) + low * v + 32768) >> 16);
    }
}

void lens_color(const struct lens *l, const uint8_t *rgba, uint8_t *rgb)
{
    size_t n = (size_t)l->width * (size_t)l->height;

    for (size_t i = 0; i < n; i++, rgb += 3) {
        uint8_t c[3];

        if (l->straight)
            memcpy(c, rgba + 4 * i, 3);
        else
            pick(l, i, rgba, c);
        for (int k = 0; k < 3; k++)
            rgb[k] = l->gamma[l->vignette ? c[k] * (uint32_t)l->vignette[i] >> 16 : c[k]];
    }
}

void lens_ids(const struct lens *l, const uint32_t *ids, uint32_t *out)
{
    size_t n = (size_t)l->width * (size_t)l->height;

    if (l->straight)
        memcpy(out, ids, n * sizeof *out);
    else
        for (size_t i = 0; i < n; i++)
            out[i] = l->nearest[i] < 0 ? 0 : ids[l->nearest[i]];
}

void lens_depth(const struct lens *l, const uint32_t *z, float *out)
{
    size_t n = (size_t)l->width * (size_t)l->height;

    for (size_t i = 0; i < n; i++) {
        int32_t from = l->straight ? (int32_t)i : l->nearest[i];
        float at = 1;

        if (from >= 0)
            memcpy(&at, &z[from], sizeof at);
        out[i] = view_depth(at);
    }
}
