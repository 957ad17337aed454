#include "daemon/cli/sim_sheet.h"

#include <stdlib.h>
#include <string.h>

#include "perception/image/draw.h"

enum { CELL_WIDTH = 480 };

static bool make(struct image *im, int width, int height)
{
    *im = (struct image){calloc((size_t)height, 3 * (size_t)width), width, height, 3 * width};
    return im->data;
}

enum err sheet_open(struct sheet *s, int width, int height, int frames)
{
    int cell = width < CELL_WIDTH ? width : CELL_WIDTH;

    *s = (struct sheet){.cell_width = cell, .frames = frames};
    s->cell_height = (int)((long)cell * height / width);
    if (make(&s->page, SHEET_COLUMNS * cell, SHEET_ROWS * s->cell_height) &&
        make(&s->work, width, height))
        return OK;
    sheet_close(s);
    return ERR_NOMEM;
}

void sheet_close(struct sheet *s)
{
    free(s->page.data);
    free(s->work.data);
    *s = (struct sheet){0};
}

static int part_begin(const struct sheet *s, int part)
{
    return (int)((long)part * s->frames / SHEET_CELLS);
}

bool sheet_wants(const struct sheet *s, uint64_t seed, int frame)
{
    int part = (int)(((long)frame * SHEET_CELLS + SHEET_CELLS - 1) / s->frames);

    part = part < SHEET_CELLS && part_begin(s, part) <= frame ? part : part - 1;
    int begin = part_begin(s, part), n = part_begin(s, part + 1) - begin;
    uint64_t random = (seed + (uint64_t)part * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;

    return n > 0 && frame - begin == (int)((random >> 33) % (uint64_t)n);
}

/* The mean of the pixels that fall into each of the cell's. */
static void shrink(const struct image *from, struct image *page, int x0, int y0, int width,
                   int height)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            int fx0 = (int)((long)x * from->width / width);
            int fx1 = (int)((long)(x + 1) * from->width / width);
            int fy0 = (int)((long)y * from->height / height);
            int fy1 = (int)((long)(y + 1) * from->height / height);

            fx1 = fx1 > fx0 ? fx1 : fx0 + 1; /* a picture smaller than the cell */
            fy1 = fy1 > fy0 ? fy1 : fy0 + 1;
            unsigned sum[3] = {0}, n = (unsigned)((fx1 - fx0) * (fy1 - fy0));

            for (int fy = fy0; fy < fy1; fy++)
                for (int fx = fx0; fx < fx1; fx++)
                    for (int c = 0; c < 3; c++)
                        sum[c] += image_at(from, fx, fy)[c];
            for (int c = 0; c < 3; c++)
                image_at(page, x0 + x, y0 + y)[c] = (uint8_t)(sum[c] / n);
        }
}

void sheet_add_drawn(struct sheet *s, const struct image *rgb)
{
    if (s->placed == SHEET_CELLS)
        return;
    shrink(rgb, &s->page, s->placed % SHEET_COLUMNS * s->cell_width,
           s->placed / SHEET_COLUMNS * s->cell_height, s->cell_width, s->cell_height);
    s->placed++;
}

void sheet_add(struct sheet *s, const struct image *rgb, const struct scene *scene)
{
    if (s->placed == SHEET_CELLS)
        return;
    for (int y = 0; y < rgb->height; y++)
        memcpy(image_at(&s->work, 0, y), image_at(rgb, 0, y), 3 * (size_t)rgb->width);
    draw_scene(&s->work, scene);
    sheet_add_drawn(s, &s->work);
}

struct image sheet_page(const struct sheet *s)
{
    int rows = (s->placed + SHEET_COLUMNS - 1) / SHEET_COLUMNS;
    struct image page = s->page;

    page.height = (rows > 0 ? rows : 1) * s->cell_height;
    return page;
}
