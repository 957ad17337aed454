#include "perception/image/font.h"

#include <criterion/criterion.h>
#include <string.h>

static void shape(char letter, char out[FONT_WIDTH * FONT_HEIGHT])
{
    for (int y = 0; y < FONT_HEIGHT; y++)
        for (int x = 0; x < FONT_WIDTH; x++)
            out[y * FONT_WIDTH + x] = font_dot(letter, x, y) ? '#' : '.';
}

Test(font, letters_can_be_told_apart)
{
    char one[FONT_WIDTH * FONT_HEIGHT], other[FONT_WIDTH * FONT_HEIGHT];

    for (char a = ' '; a < '~'; a++)
        for (char b = (char)(a + 1); b <= '~'; b++) {
            shape(a, one);
            shape(b, other);
            cr_assert(memcmp(one, other, sizeof one), "'%c' looks like '%c'", a, b);
        }
}

Test(font, letters_are_where_they_belong)
{
    static const char four[] = "...#."
                               "..##."
                               ".#.#."
                               "#..#."
                               "#####"
                               "...#."
                               "...#."
                               "....."
                               ".....";
    char out[FONT_WIDTH * FONT_HEIGHT];

    shape('4', out);
    cr_assert_arr_eq(out, four, sizeof out);
}

Test(font, all_else_is_one_sign)
{
    char unknown[FONT_WIDTH * FONT_HEIGHT], other[FONT_WIDTH * FONT_HEIGHT];

    shape('\x7f', unknown);
    for (int c = 0; c < 256; c++)
        if (c < ' ' || c > '~') {
            shape((char)c, other);
            cr_assert_arr_eq(other, unknown, sizeof other);
        }
}
