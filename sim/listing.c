#include "sim/listing.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sim/file.h"

bool name_is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');

    return name[0] != '.' && dot &&
           (!strcasecmp(dot, ".png") || !strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg"));
}

static int compare_numbers(const char **a, const char **b)
{
    size_t n_a, n_b;

    *a += strspn(*a, "0");
    *b += strspn(*b, "0");
    n_a = strspn(*a, "0123456789");
    n_b = strspn(*b, "0123456789");
    if (n_a != n_b)
        return n_a < n_b ? -1 : 1;
    int order = memcmp(*a, *b, n_a);
    *a += n_a;
    *b += n_b;
    return order;
}

int name_compare(const char *a, const char *b)
{
    const char *a0 = a, *b0 = b;

    while (*a && *b) {
        int order;

        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            order = compare_numbers(&a, &b);
        } else {
            order = (unsigned char)*a - (unsigned char)*b;
            a++;
            b++;
        }
        if (order)
            return order;
    }
    if (*a || *b)
        return *a ? 1 : -1;
    return strcmp(a0, b0); /* 01 and 1: still one order */
}

static int compare_entries(const void *a, const void *b)
{
    return name_compare(*(char *const *)a, *(char *const *)b);
}

static enum err add(struct listing *l, int *capacity, const char *name, struct why *why)
{
    if (l->n == LISTING_MAX)
        return err_say(why, ERR_LIMIT, "holds over %d pictures", LISTING_MAX);
    if (l->n == *capacity) {
        int more = *capacity ? 2 * *capacity : 256;
        char **names = realloc(l->name, (size_t)more * sizeof *names);

        if (!names)
            return err_say(why, ERR_NOMEM, "no memory for %d names", more);
        l->name = names;
        *capacity = more;
    }
    if (!(l->name[l->n] = strdup(name)))
        return err_say(why, ERR_NOMEM, "no memory for a name");
    l->n++;
    return OK;
}

static enum err add_all(struct listing *l, DIR *d, const char *folder, struct why *why)
{
    char path[FILE_MAX_PATH];
    const struct dirent *entry;
    int capacity = 0;

    while (errno = 0, (entry = readdir(d))) {
        enum err e;

        if (!name_is_picture(entry->d_name) || !path_join(path, folder, entry->d_name) ||
            !file_exists(path))
            continue;
        if ((e = add(l, &capacity, entry->d_name, why)) != OK)
            return e;
    }
    return errno ? err_say(why, ERR_IO, "%s", strerror(errno)) : OK;
}

enum err listing_read(struct listing *l, const char *folder, struct why *why)
{
    DIR *d = opendir(folder);
    enum err e;

    *l = (struct listing){0};
    if (!d)
        return err_say(why, ERR_IO, "%s: %s", folder, strerror(errno));
    e = add_all(l, d, folder, why);
    closedir(d);
    if (e != OK) {
        listing_finish(l);
        return err_prefix(why, e, "%s: ", folder);
    }
    if (l->n)
        qsort(l->name, (size_t)l->n, sizeof *l->name, compare_entries);
    return OK;
}

void listing_finish(struct listing *l)
{
    for (int i = 0; i < l->n; i++)
        free(l->name[i]);
    free(l->name);
    *l = (struct listing){0};
}
