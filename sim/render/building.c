#include "sim/render/prop.h"

#include <stdbool.h>

/* A house: walls with rows of windows, a door, a roof that is flat or pitched. */

struct wall {
    struct v3 foot, along, out; /* its lower left corner seen from outside; unit vectors */
    float length, height;
};

static struct v3 on_wall(const struct wall *w, float u, float z, float out)
{
    return v3_add(v3_add(w->foot, v3_scale(w->along, u)),
                  v3_add(v3(0, 0, z), v3_scale(w->out, out)));
}

static void panel(struct builder *b, const struct wall *w, float u0, float u1, float z0, float z1,
                  float out)
{
    builder_quad(b, on_wall(w, u0, z0, out), on_wall(w, u1, z0, out), on_wall(w, u1, z1, out),
                 on_wall(w, u0, z1, out));
}

static void windows(struct builder *b, const struct wall *w, uint32_t look)
{
    const float storey = 3.0f;
    int floors = (int)(w->height / storey), columns = (int)(w->length / 2.8f);
    bool wide = hash01(look, 5) < 0.3f;
    float pitch = w->length / (float)(columns > 0 ? columns : 1);

    for (int f = 0; f < floors; f++)
        for (int c = 0; c < columns; c++) {
            uint32_t key = look + 977u * (uint32_t)f + 131u * (uint32_t)c;
            float z = 1.0f + storey * (float)f, half = wide ? 0.42f * pitch : 0.6f,
                  u = pitch * ((float)c + 0.5f);
            bool lit = hash01(key, 6) < 0.35f;

            if (b->detail < 2) {
                builder_color(b, 0xd8d4cc, 0.02f, 0.1f);
                panel(b, w, u - half - 0.08f, u + half + 0.08f, z - 0.1f, z + 1.5f, 0.02f);
            }
            builder_color(b, lit ? 0x5a4a32 : 0x23292d, 0.06f, 0.85f);
            b->brush.emission = lit ? EMIT_WINDOW : EMIT_NONE;
            panel(b, w, u - half, u + half, z, z + 1.4f, 0.04f);
        }
}

static void pitched_roof(struct builder *b, float x, float y, float h, float rise)
{
    float o = 0.5f; /* how far it hangs over */
    struct v3 a = v3(-x - o, 0, h + rise), c = v3(x + o, 0, h + rise);

    builder_quad(b, v3(-x - o, -y - o, h - 0.3f), v3(x + o, -y - o, h - 0.3f), c, a);
    builder_quad(b, v3(x + o, y + o, h - 0.3f), v3(-x - o, y + o, h - 0.3f), a, c);
    for (int s = -1; s <= 1; s += 2) {
        float e = (float)s * x;
        int p = builder_vertex(b, v3(e, (float)-s * y, h), v3((float)s, 0, 0), 0, 0);

        builder_vertex(b, v3(e, (float)s * y, h), v3((float)s, 0, 0), 0, 0);
        builder_vertex(b, v3(e, 0, h + rise), v3((float)s, 0, 0), 0, 0);
        builder_triangle(b, p, p + 1, p + 2);
    }
}

void building(struct builder *b, const struct prop *p)
{
    static const uint32_t plaster[] = {0xc8bda8, 0xb8aFa0, 0xd2cdc2, 0x9c6a52,
                                       0xa88a6c, 0xb0b2b0, 0x8c5a48, 0xcfc3a0};
    static const uint32_t tiles[] = {0x7a4436, 0x5c4a42, 0x4a4c50, 0x8a5440};
    float x = (float)p->length / 2, y = (float)p->width / 2, h = (float)p->height;
    bool flat = h > 12 || hash01(p->look, 4) < 0.25f;
    float eaves = flat ? h : h - fminf(0.3f * y + 1, 0.35f * h);
    uint32_t wall_color = plaster[hash32(p->look, 1) % 8];
    const struct wall walls[4] = {{v3(x, -y, 0), v3(0, 1, 0), v3(1, 0, 0), 2 * y, eaves},
                                  {v3(-x, y, 0), v3(0, -1, 0), v3(-1, 0, 0), 2 * y, eaves},
                                  {v3(-x, -y, 0), v3(1, 0, 0), v3(0, -1, 0), 2 * x, eaves},
                                  {v3(x, y, 0), v3(-1, 0, 0), v3(0, 1, 0), 2 * x, eaves}};

    builder_color(b, wall_color, 0.02f, 0.1f);
    builder_box(b, v3(-x, -y, -1.5f), v3(x, y, eaves));
    for (int i = 0; i < 4; i++)
        windows(b, &walls[i], p->look + (uint32_t)i * 7919u);
    builder_color(b, 0x4a3626, 0.04f, 0.3f);
    panel(b, &walls[0], y - 0.55f, y + 0.55f, 0, 2.15f, 0.06f);
    if (flat) {
        builder_color(b, 0x77736c, 0.02f, 0.1f);
        builder_box(b, v3(-x - 0.15f, -y - 0.15f, eaves), v3(x + 0.15f, y + 0.15f, eaves + 0.5f));
        return;
    }
    builder_color(b, tiles[hash32(p->look, 2) % 4], 0.03f, 0.2f);
    pitched_roof(b, x, y, eaves, h - eaves);
    builder_color(b, 0x80503e, 0.02f, 0.1f);
    builder_box(b, v3(x * 0.4f, -0.4f, eaves), v3(x * 0.4f + 0.7f, 0.3f, h + 0.7f));
}
