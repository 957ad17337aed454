#include "sim/render/texture.h"

#include <epoxy/gl.h>
#include <stdlib.h>

#include "sim/render/vec.h"

enum { NOISE = 512, LEAVES = 256 };

/* Value noise with period cells, x and y in 0..1. */
static float tile_noise(float x, float y, int period, uint32_t seed)
{
    float gx = x * (float)period, gy = y * (float)period;
    int ix = (int)gx, iy = (int)gy;
    float fx = gx - (float)ix, fy = gy - (float)iy, v[4];

    for (int k = 0; k < 4; k++)
        v[k] =
            hash01((uint32_t)((ix + (k & 1)) % period + 4096 * ((iy + (k >> 1)) % period)), seed);
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    return mixf(mixf(v[0], v[1], fx), mixf(v[2], v[3], fx), fy);
}

static float octaves(float x, float y, int period, int n, uint32_t seed)
{
    float sum = 0, weight = 0.5f, all = 0;

    for (int i = 0; i < n; i++, period *= 2, weight *= 0.55f) {
        sum += weight * tile_noise(x, y, period, seed + (uint32_t)i);
        all += weight;
    }
    return clampf(0.5f + 1.6f * (sum / all - 0.5f), 0, 1);
}

static uint8_t byte(float v)
{
    return (uint8_t)(255 * clampf(v, 0, 1) + 0.5f);
}

static void draw_noise(uint8_t *p)
{
    for (int j = 0; j < NOISE; j++)
        for (int i = 0; i < NOISE; i++, p += 4) {
            float x = (float)i / NOISE, y = (float)j / NOISE;
            float wx = x + 0.04f * tile_noise(x, y, 16, 90),
                  wy = y + 0.04f * tile_noise(x, y, 16, 91);
            float ridge = fabsf(octaves(fmodf(wx, 1), fmodf(wy, 1), 5, 3, 60) - 0.5f);

            p[0] = byte(0.5f + 0.55f * (0.6f * hash01((uint32_t)(i + NOISE * j), 5) +
                                        0.4f * tile_noise(x, y, 128, 6) - 0.5f));
            p[1] = byte(octaves(x, y, 16, 4, 20));
            p[2] = byte(octaves(x, y, 4, 6, 40));
            p[3] = byte(1 - ridge / 0.009f);
        }
}

/* Leaves as dabs, many of them, dense in the middle of the picture. */
static void draw_leaves(uint8_t *p)
{
    for (int i = 0; i < LEAVES * LEAVES; i++) {
        p[4 * i] = p[4 * i + 1] = p[4 * i + 2] = 90;
        p[4 * i + 3] = 0;
    }
    for (uint32_t n = 0; n < 900; n++) {
        float a = 6.2832f * hash01(n, 1), r = 0.47f * sqrtf(hash01(n, 2));
        float cx = LEAVES * (0.5f + r * cosf(a)), cy = LEAVES * (0.5f + r * sinf(a));
        float turn = 3.1416f * hash01(n, 3), rx = 7 + 5 * hash01(n, 4),
              ry = 3 + 2.5f * hash01(n, 5);
        uint8_t tone = (uint8_t)(40 + 200 * hash01(n, 6));

        for (int y = (int)(cy - rx); y <= (int)(cy + rx); y++)
            for (int x = (int)(cx - rx); x <= (int)(cx + rx); x++) {
                float dx = (float)x - cx, dy = (float)y - cy;
                float u = (dx * cosf(turn) + dy * sinf(turn)) / rx,
                      v = (dy * cosf(turn) - dx * sinf(turn)) / ry;

                if (x < 0 || y < 0 || x >= LEAVES || y >= LEAVES || u * u + v * v > 1)
                    continue;
                uint8_t *q = p + 4 * (x + LEAVES * y);

                q[0] = q[1] = q[2] = tone;
                q[3] = 255;
            }
    }
}

static void upload(unsigned id, int unit, int size, const uint8_t *p, bool repeat)
{
    glActiveTexture(GL_TEXTURE0 + (unsigned)unit);
    glBindTexture(GL_TEXTURE_2D, id);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, size, size, 0, GL_RGBA, GL_UNSIGNED_BYTE, p);
    glGenerateMipmap(GL_TEXTURE_2D);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_LINEAR_MIPMAP_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_S, repeat ? GL_REPEAT : GL_CLAMP_TO_EDGE);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_WRAP_T, repeat ? GL_REPEAT : GL_CLAMP_TO_EDGE);
}

enum err textures_open(struct textures *t)
{
    uint8_t *p = malloc((size_t)4 * NOISE * NOISE);

    *t = (struct textures){0};
    if (!p)
        return ERR_NOMEM;
    glGenTextures(TEXTURES, t->id);
    draw_noise(p);
    upload(t->id[TEXTURE_NOISE], TEXTURE_NOISE, NOISE, p, true);
    draw_leaves(p);
    upload(t->id[TEXTURE_LEAVES], TEXTURE_LEAVES, LEAVES, p, false);
    free(p);
    return OK;
}

void textures_close(struct textures *t)
{
    if (t->id[0])
        glDeleteTextures(TEXTURES, t->id);
    *t = (struct textures){0};
}

void textures_bind(const struct textures *t)
{
    for (int i = 0; i < TEXTURES; i++) {
        glActiveTexture(GL_TEXTURE0 + (unsigned)i);
        glBindTexture(GL_TEXTURE_2D, t->id[i]);
    }
}
