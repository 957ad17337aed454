#include "sim/render/sensor.h"

#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "sim/render/vec.h"

enum { GAUSS = 1 << 16 };

static float lattice(float x, float y, uint32_t seed)
{
    int ix = (int)floorf(x), iy = (int)floorf(y);
    float fx = x - (float)ix, fy = y - (float)iy, v[4];

    for (int k = 0; k < 4; k++)
        v[k] = hash01((uint32_t)(ix + (k & 1)) * 8191u + (uint32_t)(iy + (k >> 1)), seed);
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    return mixf(mixf(v[0], v[1], fx), mixf(v[2], v[3], fx), fy);
}

/* Sums of twelve uniform numbers are normal enough. */
static void fill_gauss(struct sensor *s)
{
    for (uint32_t i = 0; i < GAUSS; i++) {
        float sum = -6;

        for (uint32_t k = 0; k < 12; k++)
            sum += hash01(i * 12 + k, (uint32_t)s->seed);
        s->gauss[i] = (int8_t)clampf(32 * sum, -127, 127);
    }
}

/* Specks with soft rims, and a film that is thicker here and there. */
static void fill_smear(struct sensor *s)
{
    float k = 640.0f / (float)s->width;
    uint32_t seed = (uint32_t)s->seed;

    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            float u = (float)x * k, v = (float)y * k;
            float film = lattice((u + 0.6f * v) / 130, (v - 0.6f * u) / 110, seed + 1);

            s->smear[y * s->width + x] = (uint8_t)(110 * smoothf(0.3f, 1, film));
        }
    for (uint32_t i = 0; i < 160; i++) {
        float size = hash01(i, seed + 3), r = (1.5f + 9 * size * size * size) / k;
        float cx = hash01(i, seed + 4) * (float)s->width,
              cy = hash01(i, seed + 5) * (float)s->height;
        float deep = 60 + 150 * hash01(i, seed + 6), flat = 0.7f + 0.6f * hash01(i, seed + 7);

        for (int y = (int)fmaxf(cy - 2 * r, 0); y <= (int)(cy + 2 * r) && y < s->height; y++)
            for (int x = (int)fmaxf(cx - 2 * r, 0); x <= (int)(cx + 2 * r) && x < s->width; x++) {
                float u = ((float)x - cx) / r * flat, v = ((float)y - cy) / r / flat;
                uint8_t *p = &s->smear[y * s->width + x];

                *p = (uint8_t)fminf(255, *p + deep * smoothf(1.3f, 0.5f, sqrtf(u * u + v * v)));
            }
    }
}

enum err sensor_open(struct sensor *s, int width, int height, const struct render_lens *lens,
                     uint64_t seed)
{
    size_t n = (size_t)width * (size_t)height;

    *s = (struct sensor){.width = width,
                         .height = height,
                         .lens = *lens,
                         .seed = seed,
                         .gain = {1, 1, 1},
                         .meter = 1};
    s->gauss = malloc(GAUSS);
    s->smear = malloc(n);
    s->copy = malloc(3 * n);
    if (lens->jpeg_quality > 0) {
        s->jpeg_room = tjBufSize(width, height, TJSAMP_420);
        s->jpeg = malloc(s->jpeg_room);
        s->pack = tjInitCompress();
        s->unpack = tjInitDecompress();
    }
    if (!s->gauss || !s->smear || !s->copy ||
        (lens->jpeg_quality > 0 && (!s->jpeg || !s->pack || !s->unpack))) {
        sensor_close(s);
        return ERR_NOMEM;
    }
    fill_gauss(s);
    fill_smear(s);
    return OK;
}

void sensor_close(struct sensor *s)
{
    free(s->gauss);
    free(s->smear);
    free(s->copy);
    free(s->jpeg);
    if (s->pack)
        tjDestroy(s->pack);
    if (s->unpack)
        tjDestroy(s->unpack);
    *s = (struct sensor){0};
}

/* Every seventh pixel tells enough. Exposure follows by a quarter of what it is off by. */
void sensor_meter(struct sensor *s, const uint8_t *rgb, float target)
{
    size_t n = (size_t)s->width * (size_t)s->height, count = 0;
    uint64_t sum[3] = {0};

    for (size_t i = 0; i < n; i += 7, count++)
        for (size_t k = 0; k < 3; k++)
            sum[k] += rgb[3 * i + k];
    float mean[3], grey = 0;
    for (int k = 0; k < 3; k++) {
        mean[k] = (float)sum[k] / (255.0f * (float)count);
        grey += mean[k] / 3;
    }
    float off = powf(target / fmaxf(grey, 0.02f), 2.2f);
    s->meter = clampf(s->meter * powf(off, 0.25f), 0.4f, 2.5f);
    for (int k = 0; k < 3; k++) {
        float want = s->lens.auto_white_balance
                         ? clampf(powf(grey / fmaxf(mean[k], 0.02f), 0.6f), 0.7f, 1.4f)
                         : 1;

        s->gain[k] = mixf(s->gain[k], want, 0.25f);
    }
}

/* ---- on the glass -------------------------------------------------------------------------------- */

static void dirt(const struct sensor *s, float amount, uint8_t *rgb)
{
    size_t n = (size_t)s->width * (size_t)s->height;
    int a = (int)(200 * clampf(amount, 0, 1));

    for (size_t i = 0; i < n; i++) {
        int k = a * s->smear[i] / 255; /* of 256, mixed with a brown grey */

        rgb[3 * i] = (uint8_t)((rgb[3 * i] * (256 - k) + 112 * k) >> 8);
        rgb[3 * i + 1] = (uint8_t)((rgb[3 * i + 1] * (256 - k) + 106 * k) >> 8);
        rgb[3 * i + 2] = (uint8_t)((rgb[3 * i + 2] * (256 - k) + 96 * k) >> 8);
    }
}

static void blend(uint8_t *p, const uint8_t *c, int k)
{
    for (int i = 0; i < 3; i++)
        p[i] = (uint8_t)((p[i] * (256 - k) + c[i] * k) >> 8);
}

/* Falling drops: short bright lines, nearly upright. */
static void streaks(const struct sensor *s, float rain, uint64_t frame, uint8_t *rgb)
{
    int count = (int)(rain * 0.0016f * (float)s->width * (float)s->height);

    for (int i = 0; i < count; i++) {
        uint32_t key = (uint32_t)frame * 7919u + (uint32_t)i;
        float x = hash01(key, 1) * (float)s->width, y = hash01(key, 2) * (float)s->height,
              near = hash01(key, 3);
        int length = (int)((0.012f + 0.05f * near * near) * (float)s->height) + 2,
            k = (int)(18 + 46 * near * near);
        float slant = (x / (float)s->width - 0.5f) * 0.5f + 0.06f;

        for (int j = 0; j < length; j++) {
            int px = (int)(x + slant * (float)j), py = (int)y + j;

            if (px >= 0 && px < s->width && py < s->height)
                blend(rgb + 3 * ((size_t)py * (size_t)s->width + (size_t)px),
                      (uint8_t[3]){205, 210, 214}, k);
        }
    }
}

/* A drop shows what lies in front upside down, small and soft. It stays for some frames. */
static void drop(const struct sensor *s, float cx, float cy, float radius, uint8_t *rgb)
{
    for (int y = (int)(cy - radius); y <= (int)(cy + radius); y++)
        for (int x = (int)(cx - radius); x <= (int)(cx + radius); x++) {
            float u = ((float)x - cx) / radius, v = ((float)y - cy) / radius, r = u * u + v * v;

            if (r > 1 || x < 0 || y < 0 || x >= s->width || y >= s->height)
                continue;
            int sx = (int)clampf(cx - u * 5 * radius, 0, (float)s->width - 1),
                sy = (int)clampf(cy - v * 5 * radius, 0, (float)s->height - 1);
            const uint8_t *c = s->copy + 3 * ((size_t)sy * (size_t)s->width + (size_t)sx);

            blend(rgb + 3 * ((size_t)y * (size_t)s->width + (size_t)x), c,
                  (int)(235 * smoothf(1, 0.55f, r)));
        }
}

static void drops(const struct sensor *s, float rain, uint64_t frame, uint8_t *rgb)
{
    int count = (int)(70 * rain);

    memcpy(s->copy, rgb, (size_t)3 * (size_t)s->width * (size_t)s->height);
    for (int i = 0; i < count; i++) {
        uint32_t key = (uint32_t)i * 31u + (uint32_t)s->seed, life = 20 + hash32(key, 1) % 60;
        uint32_t turn = (uint32_t)((frame + hash32(key, 2) % life) / life);

        key ^= turn * 2654435761u;
        float size = hash01(key, 3),
              radius = (0.004f + 0.018f * size * size * size) * (float)s->width;
        drop(s, hash01(key, 4) * (float)s->width, hash01(key, 5) * (float)s->height, radius, rgb);
    }
}

/* A veil of light around the sun, falling off with distance. */
static void veil(const struct sensor *s, const struct glare *g, uint8_t *rgb)
{
    float wide = 0.16f * (float)s->width;

    for (int y = 0; y < s->height; y++)
        for (int x = 0; x < s->width; x++) {
            float dx = ((float)x - g->x) / wide, dy = ((float)y - g->y) / wide,
                  r = dx * dx + dy * dy;
            int add = (int)(g->strength * 255 * (0.65f / (1 + 2.5f * r) + 0.14f));
            uint8_t *p = rgb + 3 * ((size_t)y * (size_t)s->width + (size_t)x);

            for (int k = 0; k < 3; k++) {
                int v = p[k] + add * (k == 2 ? 9 : 10) / 10 * (255 - p[k]) / 255;

                p[k] = (uint8_t)(v > 255 ? 255 : v);
            }
        }
}

/* ---- in the sensor ------------------------------------------------------------------------------- */

/* Photons: the noise of light grows with its root; after gamma it is strongest in the dark. */
static void noise(const struct sensor *s, uint64_t frame, uint8_t *rgb)
{
    size_t n = (size_t)3 * (size_t)s->width * (size_t)s->height;
    uint8_t level[256];
    uint32_t at = 0;

    for (int i = 0; i < 256; i++)
        level[i] = (uint8_t)clampf(s->lens.noise * 255 * (1.45f - 0.9f * (float)i / 255) * 8 + 0.5f,
                                   0, 255); /* eighths */
    for (size_t i = 0; i < n; i++) {
        if (i % 1021 == 0)
            at = hash32((uint32_t)(frame * 131071u + i / 1021), (uint32_t)s->seed) % (GAUSS - 1024);
        int v = rgb[i] + (level[rgb[i]] * s->gauss[at++] + 128) / 256;

        rgb[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static void balance(const struct sensor *s, uint8_t *rgb)
{
    size_t n = (size_t)s->width * (size_t)s->height;
    uint8_t table[3][256];

    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = (uint8_t)clampf(s->gain[k] * (float)i + 0.5f, 0, 255);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++)
            rgb[3 * i + k] = table[k][rgb[3 * i + k]];
}

/* There and back in memory that was reserved; should the library refuse, the picture stays. */
static void compress(const struct sensor *s, uint8_t *rgb)
{
    unsigned char *out = s->jpeg;
    unsigned long size = s->jpeg_room;

    if (tjCompress2(s->pack, rgb, s->width, 0, s->height, TJPF_RGB, &out, &size, TJSAMP_420,
                    s->lens.jpeg_quality, TJFLAG_NOREALLOC) == 0)
        tjDecompress2(s->unpack, out, size, rgb, s->width, 0, s->height, TJPF_RGB, 0);
}

void sensor_expose(struct sensor *s, const struct weather *w, const struct glare *g, uint64_t frame,
                   uint8_t *rgb)
{
    if (w->rain > 0) {
        streaks(s, w->rain, frame, rgb);
        drops(s, w->rain, frame, rgb);
    }
    if (w->dirt > 0)
        dirt(s, w->dirt, rgb);
    if (g->strength > 0)
        veil(s, g, rgb);
    if (s->lens.auto_white_balance)
        balance(s, rgb);
    if (s->lens.noise > 0)
        noise(s, frame, rgb);
    if (s->lens.jpeg_quality > 0)
        compress(s, rgb);
}
