/* Thresholds: chosen on 3,700 day and dusk pictures of several cameras, none of which may
 * raise an alarm, against the same pictures darkened, overexposed, blurred and covered, all of
 * which must (tests/unit/test_quality.c). A reason is meant for a camera in trouble, not for a hard
 * scene: whether a network sees enough at night is its scores' business. */
#include "perception/image/quality.h"

#include <stdbool.h>
#include <string.h>

#include "perception/scene.h"

enum {
    GRID_X = 128, /* places where a picture is looked at, spread evenly */
    GRID_Y = 72,
    TILE = 8, /* places a side of a tile */
    TILES_X = GRID_X / TILE,
    TILES_Y = GRID_Y / TILE,
    LOWER = TILES_Y / 3, /* tile rows from here on are below the sky */
    RUN = 8,             /* steps of the profile across an edge */
    WORKING_WIDTH = 640, /* px; blur counts at the scale that networks see */
};

/* Out of 255, or shares. Beside each: the worst fine picture, the best bad one. */
static const float DARK_BRIGHT = 32;        /* 55; 20 */
static const float GLARE_SATURATED = 0.45f; /* 0.36; 0.56 */
static const float BLUR_SHARP = 0.28f;      /* 0.39; 0.21 */
static const float BLOCKED_COVERED = 0.6f;  /* 0.34; 1.0 */
static const float BLOCKED_SPAN = 12;       /* 55; 2 */
enum {
    EDGE_MIN = 24,      /* luma across a profile that makes it an edge */
    EDGES_MIN = 16,     /* edges that a picture must have for their sharpness to mean much */
    EDGELESS_SPAN = 64, /* luma between dark and bright parts that cannot do without edges */
    TEXTURE_MIN = 3,    /* luma: standard deviation in a tile; below, it is noise */
    COVER_MIN = 12,     /* luma; below, it is night there */
    COVER_MAX = 64,     /* what touches the lens gets no light from our side */
};

/* What the thresholds speak about. */
struct look {
    float bright;    /* luma that 5 % of the places exceed */
    float span;      /* from the luma that 5 % stay below to that */
    float saturated; /* share of places below the sky that are white in all channels */
    int edges;       /* profiles with an edge */
    float sharp;     /* share of an edge's height that lies in its steepest step, mean */
    float covered;   /* share of tiles below the sky that are dark and without texture */
};

static int luma(const uint8_t *rgb)
{
    return (77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2]) >> 8;
}

static const uint8_t *place(const struct image *im, int x, int y)
{
    return image_at(im, (2 * x + 1) * im->width / (2 * GRID_X),
                    (2 * y + 1) * im->height / (2 * GRID_Y));
}

/* A profile of RUN steps, each `step` bytes on: counted if there is an edge in it. */
static void profile(struct look *l, const uint8_t *at, ptrdiff_t step)
{
    int before = luma(at), lowest = before, highest = before, steepest = 0;

    for (int i = 1; i <= RUN; i++) {
        int v = luma(at + i * step), slope = v > before ? v - before : before - v;

        lowest = v < lowest ? v : lowest;
        highest = v > highest ? v : highest;
        steepest = slope > steepest ? slope : steepest;
        before = v;
    }
    if (highest - lowest < EDGE_MIN)
        return;
    l->edges++;
    l->sharp += (float)steepest / (float)(highest - lowest);
}

static void look_at_edges(struct look *l, const struct image *im)
{
    const int scale = im->width > WORKING_WIDTH ? im->width / WORKING_WIDTH : 1;
    const ptrdiff_t last = (ptrdiff_t)RUN * scale;

    for (int y = 0; y < GRID_Y; y++)
        for (int x = 0; x < GRID_X; x++) {
            const uint8_t *at = place(im, x, y);

            if (at + 3 * last < image_at(im, im->width, (2 * y + 1) * im->height / (2 * GRID_Y)))
                profile(l, at, (ptrdiff_t)3 * scale);
            if ((2 * y + 1) * im->height / (2 * GRID_Y) + last < im->height)
                profile(l, at, (ptrdiff_t)im->stride_bytes * scale);
        }
    l->sharp = l->edges ? l->sharp / (float)l->edges : 1;
}

static void look_at_light(struct look *l, const struct image *im, uint8_t grid[GRID_Y][GRID_X])
{
    int histogram[256] = {0}, saturated = 0, below = 0, dark = 0, bright = 0;

    for (int y = 0; y < GRID_Y; y++)
        for (int x = 0; x < GRID_X; x++) {
            const uint8_t *p = place(im, x, y);

            grid[y][x] = (uint8_t)luma(p);
            histogram[grid[y][x]]++;
            if (y >= LOWER * TILE)
                saturated += p[0] >= 250 && p[1] >= 250 && p[2] >= 250;
        }
    for (int v = 0; v < 256; v++) {
        below += histogram[v];
        if (below <= GRID_X * GRID_Y / 20)
            dark = v;
        if (below < GRID_X * GRID_Y * 19 / 20)
            bright = v;
    }
    l->bright = (float)bright;
    l->span = (float)(bright - dark);
    l->saturated = (float)saturated / (GRID_X * (GRID_Y - LOWER * TILE));
}

static bool is_covered(uint8_t grid[GRID_Y][GRID_X], int tile_x, int tile_y)
{
    int sum = 0, squares = 0;

    for (int y = TILE * tile_y; y < TILE * (tile_y + 1); y++)
        for (int x = TILE * tile_x; x < TILE * (tile_x + 1); x++) {
            sum += grid[y][x];
            squares += grid[y][x] * grid[y][x];
        }
    const int n = TILE * TILE;
    return sum > COVER_MIN * n && sum < COVER_MAX * n &&
           squares * n - sum * sum < TEXTURE_MIN * TEXTURE_MIN * n * n;
}

static void look_at_cover(struct look *l, uint8_t grid[GRID_Y][GRID_X])
{
    int covered = 0;

    for (int y = LOWER; y < TILES_Y; y++)
        for (int x = 0; x < TILES_X; x++)
            covered += is_covered(grid, x, y);
    l->covered = (float)covered / (TILES_X * (TILES_Y - LOWER));
}

/* Every byte counts: a car far away changes few pixels of a simulator's picture. Four lanes, as a
 * multiplication takes longer than a read. */
static uint64_t content_hash(const struct image *im)
{
    uint64_t lane[4] = {(uint64_t)im->width, (uint64_t)im->height, 3, 4}, hash = 0;
    const size_t row = 3 * (size_t)im->width;

    for (int y = 0; y < im->height; y++) {
        const uint8_t *at = image_at(im, 0, y);
        size_t i = 0;

        for (; i + 32 <= row; i += 32)
            for (size_t k = 0; k < 4; k++) {
                uint64_t word;

                memcpy(&word, at + i + 8 * k, 8);
                lane[k] = (lane[k] ^ word) * 0x9e3779b97f4a7c15u;
                lane[k] ^= lane[k] >> 32;
            }
        for (; i < row; i++)
            lane[0] = (lane[0] ^ at[i]) * 0x9e3779b97f4a7c15u;
    }
    for (int k = 0; k < 4; k++)
        hash = (hash ^ lane[k]) * 0xff51afd7ed558ccdu;
    return hash;
}

void quality_init(struct quality *q)
{
    *q = (struct quality){.equal = 0};
}

uint32_t quality_look(struct quality *q, const struct image *rgb)
{
    const uint64_t hash = content_hash(rgb);
    uint8_t grid[GRID_Y][GRID_X];
    struct look l = {0};
    uint32_t reasons = 0;

    q->equal = hash != q->hash || !q->equal       ? 1
               : q->equal < QUALITY_FROZEN_FRAMES ? q->equal + 1
                                                  : q->equal;
    q->hash = hash;
    if (q->equal >= QUALITY_FROZEN_FRAMES)
        reasons |= 1u << REASON_FROZEN;

    look_at_light(&l, rgb, grid);
    if (l.bright < DARK_BRIGHT) /* and nothing else can be told */
        return reasons | 1u << REASON_DARK;
    look_at_cover(&l, grid);
    if (l.covered > BLOCKED_COVERED || l.span < BLOCKED_SPAN)
        reasons |= 1u << REASON_BLOCKED;
    if (l.saturated > GLARE_SATURATED)
        reasons |= 1u << REASON_GLARE;
    look_at_edges(&l, rgb);
    if (l.edges >= EDGES_MIN ? l.sharp < BLUR_SHARP : l.span > EDGELESS_SPAN)
        reasons |= 1u << REASON_BLUR;
    return reasons;
}
