#include "daemon/cli/pictures.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/outrider-pictures-XXXXXX";
static char path[128];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void touch(const char *name)
{
    FILE *f = fopen(in_folder(name), "w");

    cr_assert_not_null(f);
    fclose(f);
}

Test(pictures, a_folder_gives_its_pictures_by_name)
{
    static const char *const names[] = {"b.JPG", "a.png", "c.jpeg", "10.jpg", "9.jpg"};
    static const char *const others[] = {"notes.txt", ".hidden.jpg", "jpg", "x.jpg.part"};
    static const char *const sorted[] = {"10.jpg", "9.jpg", "a.png", "b.JPG", "c.jpeg"};
    struct pictures p;
    struct why why;

    cr_assert(mkdtemp(folder));
    cr_assert_eq(pictures_list(folder, &p, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, folder), "%s", why.text);
    for (size_t i = 0; i < 5; i++)
        touch(names[i]);
    for (size_t i = 0; i < 4; i++)
        touch(others[i]);
    cr_assert_eq(pictures_list(folder, &p, &why), OK, "%s", why.text);
    cr_assert_eq(p.n, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_str_eq(p.name[i], sorted[i]);
    cr_assert_str_eq(p.folder, in_folder(""));
    pictures_finish(&p);
    pictures_finish(&p);

    cr_assert_eq(pictures_list(in_folder("notes.txt"), &p, &why), OK, "a file may be called so");
    cr_assert_eq(p.n, 1);
    cr_assert_str_eq(p.name[0], "notes.txt");
    cr_assert_str_eq(p.folder, in_folder(""));
    pictures_finish(&p);

    cr_assert_eq(pictures_list(in_folder("nothing"), &p, &why), ERR_IO);
    cr_assert_eq(p.n, 0);
    for (size_t i = 0; i < 5; i++)
        unlink(in_folder(names[i]));
    for (size_t i = 0; i < 4; i++)
        unlink(in_folder(others[i]));
    rmdir(folder);
}

Test(pictures, a_file_here)
{
    struct pictures p;
    struct why why;

    cr_assert_eq(pictures_list("Makefile", &p, &why), OK);
    cr_assert_str_eq(p.folder, "");
    cr_assert_str_eq(p.name[0], "Makefile");
    pictures_finish(&p);
}
