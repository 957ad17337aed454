#include "sim/file.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/folder.h"

Test(file, memory_is_used_again)
{
    struct folder f;
    struct file file = {0};
    struct why why;

    folder_make(&f);
    folder_put(&f, "long", "0123456789", 10);
    folder_put(&f, "short", "ab", 2);
    folder_put(&f, "empty", "", 0);
    cr_assert_eq(file_read(&file, folder_path(&f, "long"), 10, &why), OK, "%s", why.text);
    const char *memory = file.text;
    cr_assert_eq(file_read(&file, folder_path(&f, "short"), 10, &why), OK, "%s", why.text);
    cr_assert(file.text == memory && file.size == 2);
    cr_assert_str_eq(file.text, "ab");
    cr_assert_eq(file_read(&file, folder_path(&f, "empty"), 10, &why), OK, "%s", why.text);
    cr_assert(file.size == 0 && file.text[0] == 0);
    file_finish(&file);
    cr_assert_null(file.text);
    folder_remove(&f);
}

Test(file, what_is_no_file)
{
    struct folder f;
    struct file file = {0};
    struct why why;

    folder_make(&f);
    folder_put(&f, "ten", "0123456789", 10);
    cr_assert_eq(file_read(&file, folder_path(&f, "ten"), 9, &why), ERR_LIMIT);
    cr_assert(strstr(why.text, "ten: 10 bytes, limit 9"), "%s", why.text);
    cr_assert_eq(file_read(&file, f.path, 9, &why), ERR_IO);
    cr_assert(strstr(why.text, "not a regular file"), "%s", why.text);
    cr_assert_eq(file_read(&file, folder_path(&f, "none"), 9, &why), ERR_IO);
    cr_assert_eq(mkfifo(folder_path(&f, "pipe"), 0666), 0);
    cr_assert_eq(file_read(&file, folder_path(&f, "pipe"), 9, &why), ERR_IO); /* without waiting */
    cr_assert(file_exists(folder_path(&f, "ten")) && !file_exists(f.path));
    cr_assert(folder_exists(f.path) && !folder_exists(folder_path(&f, "ten")));
    file_finish(&file);
    folder_remove(&f);
}

Test(file, paths)
{
    static char long_name[FILE_MAX_PATH];
    char out[FILE_MAX_PATH];

    cr_assert(path_join(out, "/a", "b") && !strcmp(out, "/a/b"));
    memset(long_name, 'x', sizeof long_name - 1);
    cr_assert_not(path_join(out, "/a", long_name));
}
