#include "tests/canvas.h"

#include <criterion/criterion.h>
#include <string.h>

enum { GAP = 9, FRAME = 4 };

static uint8_t memory[FRAME + H][3 * W + GAP];

struct image canvas(void)
{
    memset(memory, 0xa5, sizeof memory);
    for (int y = 0; y < H; y++)
        memset(memory[y + FRAME / 2], 100, 3 * (size_t)W);
    return (struct image){memory[FRAME / 2], W, H, 3 * W + GAP};
}

void assert_guards(void)
{
    for (int y = 0; y < FRAME + H; y++)
        for (int x = 0; x < 3 * W + GAP; x++)
            if (y < FRAME / 2 || y >= H + FRAME / 2 || x >= 3 * W)
                cr_assert_eq(memory[y][x], 0xa5, "written at byte %d of row %d", x, y);
}

int touched(const struct image *im)
{
    int n = 0;

    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++)
            n += image_at(im, x, y)[0] != 100;
    return n;
}
