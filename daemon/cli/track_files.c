#include "daemon/cli/track_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/file.h"

static const char GT[] = "gt/gt.txt";

struct listing {
    const char *truth, *tracks;
    const char *const *only;
    int n_only;
    struct track_files *out;
    struct why *why;
};

static enum err no_memory(const struct listing *l)
{
    return err_say(l->why, ERR_NOMEM, "%s: no memory for its list of files", l->truth);
}

/* name: length bytes of it. */
static enum err add(struct listing *l, const char *name, int length, const char *truth,
                    const char *tracks)
{
    struct track_files *f = l->out;

    if (f->n == f->room) {
        const int room = f->room ? 2 * f->room : 64;
        struct track_pair *more = realloc(f->pair, (size_t)room * sizeof *more);

        if (!more)
            return no_memory(l);
        f->pair = more;
        f->room = room;
    }
    struct track_pair *p = &f->pair[f->n++];
    *p = (struct track_pair){strndup(name, (size_t)length), strdup(truth), strdup(tracks)};
    return p->name && p->truth && p->tracks ? OK : no_memory(l);
}

/* Bytes of the name of a sequence in a folder; 0: this is none. */
static int name_length(const char *entry)
{
    const char *end = strrchr(entry, '.');

    if (entry[0] == '.')
        return 0;
    return end && !strcmp(end, ".txt") ? (int)(end - entry) : (int)strlen(entry);
}

static bool is_wanted(const struct listing *l, const char *name, int length)
{
    for (int i = 0; i < l->n_only; i++)
        if (!strncmp(l->only[i], name, (size_t)length) && !l->only[i][length])
            return true;
    return l->n_only == 0;
}

static enum err add_entry(struct listing *l, const char *entry)
{
    char truth[FILE_MAX_PATH], inner[300 + sizeof GT], tracks[FILE_MAX_PATH], file[300];
    const int length = name_length(entry);
    const bool text = length && entry[length];

    if (length == 0 || !is_wanted(l, entry, length))
        return OK;
    snprintf(inner, sizeof inner, "%s/%s", entry, GT);
    snprintf(file, sizeof file, "%.*s.txt", length, entry);
    if (!path_join(truth, l->truth, text ? entry : inner) || !path_join(tracks, l->tracks, file))
        return err_say(l->why, ERR_LIMIT, "%.200s: the path is too long", l->truth);
    if (!text && !file_exists(truth))
        return OK;
    if (!file_exists(tracks))
        return err_say(l->why, ERR_IO, "%.120s: there are labels for it, but no %.120s", entry,
                       tracks);
    return add(l, entry, length, truth, tracks);
}

static enum err find_missing(const struct listing *l)
{
    for (int i = 0; i < l->n_only; i++) {
        int k = 0;

        while (k < l->out->n && strcmp(l->out->pair[k].name, l->only[i]) != 0)
            k++;
        if (k == l->out->n)
            return err_say(l->why, ERR_FORMAT, "%s: no sequence '%.80s' in it", l->truth,
                           l->only[i]);
    }
    if (l->out->n == 0)
        return err_say(l->why, ERR_FORMAT, "%s: no *.txt and no */%s in it", l->truth, GT);
    return OK;
}

static enum err list_folder(struct listing *l)
{
    struct dirent **entry;
    const int n = scandir(l->truth, &entry, NULL, alphasort);
    enum err e = OK;

    if (n < 0)
        return err_say(l->why, ERR_IO, "%s: %s", l->truth, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (e == OK)
            e = add_entry(l, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    return e == OK ? find_missing(l) : e;
}

static enum err list_file(struct listing *l)
{
    const char *slash = strrchr(l->truth, '/'), *name = slash ? slash + 1 : l->truth;

    if (l->n_only)
        return err_say(l->why, ERR_FORMAT, "%s: a file, of which no sequence can be chosen",
                       l->truth);
    return add(l, name, name_length(name), l->truth, l->tracks);
}

enum err track_files_list(const char *truth, const char *tracks, const char *const *only,
                          int n_only, struct track_files *out, struct why *why)
{
    struct listing l = {truth, tracks, only, n_only, out, why};
    struct stat a, b;
    enum err e;

    *out = (struct track_files){0};
    if (stat(truth, &a) != 0)
        return err_say(why, ERR_IO, "%s: %s", truth, strerror(errno));
    if (stat(tracks, &b) != 0)
        return err_say(why, ERR_IO, "%s: %s", tracks, strerror(errno));
    if (S_ISDIR(a.st_mode) != S_ISDIR(b.st_mode))
        return err_say(why, ERR_FORMAT, "%.120s and %.120s: one is a folder, the other is not",
                       truth, tracks);
    e = S_ISDIR(a.st_mode) ? list_folder(&l) : list_file(&l);
    if (e != OK)
        track_files_finish(out);
    return e;
}

void track_files_finish(struct track_files *f)
{
    for (int i = 0; i < f->n; i++) {
        free(f->pair[i].name);
        free(f->pair[i].truth);
        free(f->pair[i].tracks);
    }
    free(f->pair);
    *f = (struct track_files){0};
}
