#include "daemon/cli/sim_sheet.h"

#include <criterion/criterion.h>
#include <string.h>

static int chosen(int frames, uint64_t seed, int *last)
{
    struct sheet s = {.frames = frames};
    int n = 0;

    for (int i = 0; i < frames; i++)
        if (sheet_wants(&s, seed, i)) {
            n++;
            *last = i;
        }
    return n;
}

Test(sim_sheet, one_of_each_part)
{
    int last[2];

    for (int frames = SHEET_CELLS; frames < 500; frames += 7)
        cr_expect_eq(chosen(frames, 1, &last[0]), SHEET_CELLS, "of %d", frames);
    for (int frames = 1; frames < SHEET_CELLS; frames++)
        cr_expect_eq(chosen(frames, 1, &last[0]), frames, "all of %d", frames);
    chosen(40000, 1, &last[0]);
    chosen(40000, 2, &last[1]);
    cr_expect_neq(last[0], last[1], "another seed, another choice");
}

Test(sim_sheet, pictures_lie_side_by_side)
{
    static uint8_t pixels[64 * 96 * 3];
    struct image im = {pixels, 96, 64, 3 * 96};
    struct scene scene;
    struct sheet s;

    scene_clear(&scene);
    scene.qualifier_lanes = scene.qualifier_objects = QUALIFIER_AVAILABLE;
    cr_assert_eq(sheet_open(&s, 96, 64, 100), OK);
    for (int i = 0; i < SHEET_CELLS + 1; i++) { /* one more than there is room for */
        memset(pixels, 3 * i + 1, sizeof pixels);
        sheet_add(&s, &im, &scene);
        if (i == 6)
            cr_expect_eq(sheet_page(&s).height, 2 * 64, "no empty rows");
    }
    const struct image page = sheet_page(&s);
    cr_expect_eq(page.width, 96 * SHEET_COLUMNS);
    cr_expect_eq(page.height, 64 * SHEET_ROWS);
    cr_expect_eq(image_at(&page, 10, 10)[0], 1);
    cr_expect_eq(image_at(&page, 96 + 10, 64 + 10)[1], 3 * 6 + 1);
    cr_expect_eq(image_at(&page, 95 * SHEET_COLUMNS, 63)[2], 3 * 4 + 1);
    cr_expect_eq(s.placed, SHEET_CELLS);
    sheet_close(&s);
}
