#include "proto/text.h"

#include <criterion/criterion.h>
#include <string.h>

Test(text, characters)
{
    static const struct {
        const char *text;
        size_t n;
    } kind[] = {
        {"a", 1},
        {" ", 1},
        {"\t", 0},
        {"\x7f", 0},
        {"\xc3\xa9", 2},
        {"\xc3", 0},
        {"\xc3(", 0},
        {"\x80", 0},
        {"\xc0\x80", 0},
        {"\xc2\x9b", 0},
        {"\xe2\x82\xac", 3},
        {"\xe0\x80\x80", 0},
        {"\xed\xa0\x80", 0},
        {"\xf0\x9f\x9a\x97", 4},
        {"\xf0\x80\x80\x80", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xff", 0},
    };

    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        cr_expect_eq(text_character(kind[i].text, strlen(kind[i].text)), kind[i].n, "%zu", i);
    cr_expect_eq(text_character("", 0), 0);
}

Test(text, names)
{
    cr_expect(text_is_name("front_0.A-z", 11, 64));
    cr_expect(!text_is_name("", 0, 64));
    cr_expect(!text_is_name("a/b", 3, 64));
    cr_expect(!text_is_name("abcd", 4, 4));
    cr_expect(text_is_name("abc", 3, 4));
}
