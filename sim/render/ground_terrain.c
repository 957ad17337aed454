#include "sim/render/ground.h"

#include "sim/render/render.h"

/* Columns of the land beside a road, m from the asphalt's end. */
static const double away[] = {0, 0.4, 1.5, 3.5, 6, 10, 16, 26, 45, 80, 140, 260};
enum { COLUMNS = sizeof away / sizeof *away, TERRAIN_STEP = 8 };

/* Smooth noise over the plane, -1..1. */
static float value_noise(double x, double y, uint32_t seed)
{
    int ix = (int)floor(x), iy = (int)floor(y);
    float fx = (float)(x - ix), fy = (float)(y - iy), v[4];

    for (int k = 0; k < 4; k++)
        v[k] = hash01(hash32((uint32_t)(ix + (k & 1)), seed), (uint32_t)(iy + (k >> 1)));
    fx = fx * fx * (3 - 2 * fx);
    fy = fy * fy * (3 - 2 * fy);
    return 2 * mixf(mixf(v[0], v[1], fx), mixf(v[2], v[3], fx), fy) - 1;
}

/* Land above the level of the road beside it: a ditch, then gentle ground, hills far away. */
static double height_beside(const struct stretch *t, double x, double y, double a)
{
    uint32_t seed = (uint32_t)t->world->seed;
    bool town = t->world->style == STYLE_URBAN;
    double ditch = town ? -0.02 : -0.55 * smoothf(0.8f, 3.5f, (float)a);
    double soft = smoothf(5, 30, (float)a), far = smoothf(40, 260, (float)a);

    if (a <= 0.01)
        return -0.03;
    return ditch - 0.03 + soft * (town ? 0.1 : 0.9) * value_noise(x / 23, y / 23, seed) +
           far * (town ? 2 : 14) * (0.6 + value_noise(x / 140, y / 140, seed + 1)) -
           0.6 * soft * !town;
}

/* Sunk below whichever other road passes here. */
static double under_roads(const struct stretch *t, double x, double y, double z)
{
    const struct road_network *n = &t->world->roads;

    for (int i = 0; i < n->n_roads; i++) {
        const struct roadway *r = &n->road[i];
        double s, d;

        if (i == t->road || !road_locate(r, x, y, NAN, &s, &d))
            continue;
        double out = fmax(d - profile_at(&r->left, s), profile_at(&r->right, s) - d);
        if (out > 14)
            continue;
        double level = road_at(r, s, d).z;
        double sunk = level - (out < 9 ? 0.6 : 0.1);
        if (out < 9)
            z = fmin(z, sunk);
        else
            z = mixf((float)fmin(z, sunk), (float)z, smoothf(9, 14, (float)out));
    }
    return z;
}

static void side(const struct stretch *t, struct builder *b, int left)
{
    const struct roadway *r = &t->world->roads.road[t->road];
    int rows = (int)((t->s1 - t->s0) / (TERRAIN_STEP << t->detail)) + 2;
    struct v3 grid[64][COLUMNS];
    double uv[64][COLUMNS][2];

    if (rows > 64)
        return;
    for (int i = 0; i < rows; i++) {
        double s = t->s0 + (t->s1 - t->s0) * i / (rows - 1);
        double rim = profile_at(left ? &r->left : &r->right, s);

        for (int k = 0; k < COLUMNS; k++) {
            double reach = away[k];
            struct road_point p = road_at(r, s, rim);
            /* on the inner side of a bend the columns must not cross */
            if (fabs(p.curvature) > 1e-6 && (p.curvature > 0) == (left != 0))
                reach = fmin(reach, 0.85 / fabs(p.curvature));
            double h = p.heading + (left ? M_PI / 2 : -M_PI / 2);
            double x = p.x + reach * cos(h), y = p.y + reach * sin(h);
            double z = p.z + height_beside(t, x, y, away[k]);

            if (k > 0)
                z = under_roads(t, x, y, z);
            grid[i][k] =
                v3((float)(x - t->origin[0]), (float)(y - t->origin[1]), (float)(z - t->origin[2]));
            uv[i][k][0] = x;
            uv[i][k][1] = y;
        }
    }
    static const uint8_t soil[3] = {0x74, 0x68, 0x54}, grass[3] = {0x5c, 0x6b, 0x38},
                         field[3] = {0x62, 0x70, 0x40};
    int first = b->n_vertices;
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < COLUMNS; k++) {
            const uint8_t *c = k <= 1 ? soil : k < 7 ? grass : field;
            int i0 = i > 0 ? i - 1 : i, i1 = i + 1 < rows ? i + 1 : i;
            int k0 = k > 0 ? k - 1 : k, k1 = k + 1 < COLUMNS ? k + 1 : k;
            struct v3 n = v3_unit(
                v3_cross(v3_sub(grid[i1][k], grid[i0][k]), v3_sub(grid[i][k1], grid[i][k0])));

            for (int q = 0; q < 3; q++)
                b->brush.color[q] = c[q];
            builder_vertex(b, grid[i][k], n.z < 0 ? v3_scale(n, -1) : n,
                           (float)fmod(uv[i][k][0], 512), (float)fmod(uv[i][k][1], 512));
        }
    for (int i = 0; i + 1 < rows; i++)
        for (int k = 0; k + 1 < COLUMNS; k++) {
            int p = first + i * COLUMNS + k, q = p + COLUMNS;

            if (left) {
                builder_triangle(b, p, q, q + 1);
                builder_triangle(b, p, q + 1, p + 1);
            } else {
                builder_triangle(b, p, q + 1, q);
                builder_triangle(b, p, p + 1, q + 1);
            }
        }
}

void ground_terrain(const struct stretch *t, struct builder *b)
{
    builder_color(b, 0x5c6b38, 0, 0);
    b->brush.id = PIXEL_ID(PIXEL_GROUND, -1);
    side(t, b, 0);
    side(t, b, 1);
}
