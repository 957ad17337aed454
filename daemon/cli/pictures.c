#include "daemon/cli/pictures.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');

    return dot && name[0] != '.' &&
           (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg") || !strcasecmp(dot, ".png"));
}

static bool append(struct pictures *p, const char *name)
{
    if (p->n % 1024 == 0) {
        char **grown = realloc(p->name, (p->n + 1024) * sizeof *grown);

        if (!grown)
            return false;
        p->name = grown;
    }
    p->name[p->n] = strdup(name);
    return p->name[p->n] && ++p->n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err list_folder(const char *path, struct pictures *out, struct why *why)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    enum err e = OK;

    if (!dir)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    if (asprintf(&out->folder, "%s/", path) < 0) {
        out->folder = NULL;
        e = ERR_NOMEM;
    }
    while (e == OK && (entry = readdir(dir)))
        if (is_picture(entry->d_name) && !append(out, entry->d_name))
            e = ERR_NOMEM;
    closedir(dir);
    if (e != OK)
        return err_say(why, e, "%s: no memory for its list of files", path);
    if (out->n == 0)
        return err_say(why, ERR_FORMAT, "%s: no .jpg, .jpeg or .png file in it", path);
    qsort(out->name, out->n, sizeof *out->name, by_name);
    return OK;
}

static enum err list_file(const char *path, struct pictures *out, struct why *why)
{
    const char *slash = strrchr(path, '/');

    out->folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("");
    if (!out->folder || !append(out, slash ? slash + 1 : path))
        return err_say(why, ERR_NOMEM, "%s: no memory", path);
    return OK;
}

enum err pictures_list(const char *path, struct pictures *out, struct why *why)
{
    struct stat st;
    enum err e;

    *out = (struct pictures){0};
    if (stat(path, &st) != 0)
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    e = S_ISDIR(st.st_mode) ? list_folder(path, out, why) : list_file(path, out, why);
    if (e != OK)
        pictures_finish(out);
    return e;
}

void pictures_keep(struct pictures *p, const bool *keep)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        if (keep[i])
            p->name[n++] = p->name[i];
        else
            free(p->name[i]);
    p->n = n;
}

void pictures_finish(struct pictures *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->name[i]);
    free(p->name);
    free(p->folder);
    *p = (struct pictures){0};
}
