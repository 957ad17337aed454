#include "sim/listing.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/folder.h"

Test(listing, natural_order)
{
    static const char *const in_order[] = {"1.png",   "2.png",  "10.png",  "010.png.jpg",
                                           "11a.png", "a.png",  "a1b.png", "a02b.png",
                                           "a2c.png", "a10.png"};

    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++) {
            int order = name_compare(in_order[i], in_order[j]);

            cr_assert_eq((order > 0) - (order < 0), (i > j) - (i < j), "%s %s", in_order[i],
                         in_order[j]);
        }
    cr_assert_neq(name_compare("1.png", "01.png"), 0);
    cr_assert_lt(name_compare("99999999999999999999999998.png", "99999999999999999999999999.png"),
                 0);
}

Test(listing, pictures_by_name)
{
    cr_assert(name_is_picture("a.png") && name_is_picture("a.JPG") && name_is_picture("a.b.jpeg"));
    cr_assert_not(name_is_picture("png") || name_is_picture("a.txt") || name_is_picture(".a.png") ||
                  name_is_picture("a.png~") || name_is_picture(""));
}

Test(listing, only_files_that_are_there)
{
    struct folder f;
    struct listing l;
    struct why why;

    folder_make(&f);
    folder_put_text(&f, "10.png", "x");
    folder_put_text(&f, "9.JPG", "x");
    folder_put_text(&f, "notes.txt", "x");
    folder_put_text(&f, "folder.png/8.png", "x");
    cr_assert_eq(symlink("10.png", folder_path(&f, "11.png")), 0);
    cr_assert_eq(symlink("12.png", folder_path(&f, "12.png")), 0); /* to itself */
    cr_assert_eq(symlink("gone.png", folder_path(&f, "13.png")), 0);
    cr_assert_eq(listing_read(&l, f.path, &why), OK, "%s", why.text);
    cr_assert_eq(l.n, 3);
    cr_assert_str_eq(l.name[0], "9.JPG");
    cr_assert_str_eq(l.name[1], "10.png");
    cr_assert_str_eq(l.name[2], "11.png");
    listing_finish(&l);
    cr_assert_eq(listing_read(&l, folder_path(&f, "nowhere"), &why), ERR_IO);
    cr_assert(strstr(why.text, "nowhere: No such file"), "%s", why.text);
    folder_remove(&f);
}

Test(listing, thousands)
{
    struct folder f;
    struct listing l;
    struct why why;
    char name[32];

    folder_make(&f);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "frame_%d.jpg", i);
        folder_put(&f, name, "x", 1);
    }
    cr_assert_eq(listing_read(&l, f.path, &why), OK);
    cr_assert_eq(l.n, 3000);
    cr_assert_str_eq(l.name[999], "frame_999.jpg");
    cr_assert_str_eq(l.name[1000], "frame_1000.jpg");
    listing_finish(&l);
    folder_remove(&f);
}
