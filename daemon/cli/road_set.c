#include "daemon/cli/road_set.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/file.h"

enum { TEXT_MAX_BYTES = 1 << 20 };

static const char *const folders[] = {"masks", "road"};
enum { N_FOLDERS = sizeof folders / sizeof *folders };

static bool has_folder(const char *path, const char *name)
{
    char folder[FILE_MAX_PATH];

    return path_join(folder, path, name) && folder_exists(folder);
}

/* NULL: there is none. */
static const char *folder_of(const char *path)
{
    for (size_t i = 0; i < N_FOLDERS; i++)
        if (has_folder(path, folders[i]))
            return folders[i];
    return NULL;
}

bool road_set_is(const char *path)
{
    return folder_of(path) != NULL;
}

/* "FOLDER == ID". Where there are both, masks/ may be of other things: the folder is the one named. */
static enum err take_area(const char *path, const json_t *j, struct road_set *s, struct why *why)
{
    const json_t *area = json_object_get(j, "drivable_area");
    const char *text = json_string_value(area);
    int end = 0;

    if (!json_is_object(j))
        return err_say(why, ERR_FORMAT, "%s: must be a JSON object", path);
    if (!area)
        return OK;
    for (size_t i = 0; text && i < N_FOLDERS; i++) {
        const size_t name = strlen(folders[i]);

        if (!strncmp(text, folders[i], name) && has_folder(s->path, folders[i]) &&
            sscanf(text + name, " == %3d%n", &s->road, &end) == 1 && !text[name + (size_t)end] &&
            s->road >= 0 && s->road <= 255) {
            s->folder = folders[i];
            return OK;
        }
    }
    return err_say(why, ERR_FORMAT, "%s: drivable_area must be \"%s == ID\", 0 to 255", path,
                   s->folder);
}

static enum err read_json(struct road_set *s, struct why *why)
{
    char path[FILE_MAX_PATH];
    struct file text = {0};
    json_error_t error;
    json_t *j;
    enum err e;

    s->road = 1;
    if (!path_join(path, s->path, "set.json") || !file_exists(path))
        return OK;
    e = file_read(&text, path, TEXT_MAX_BYTES, why);
    if (e == OK) {
        j = json_loadb(text.text, text.size, JSON_REJECT_DUPLICATES, &error);
        e = j ? take_area(path, j, s, why)
              : err_say(why, ERR_FORMAT, "%s:%d: %s", path, error.line, error.text);
        json_decref(j);
    }
    file_finish(&text);
    return e;
}

enum err road_set_read(const struct set_choice *choice, struct road_set *out, struct why *why)
{
    const char *path = choice->path;
    char folder[FILE_MAX_PATH];
    bool *keep = NULL;
    enum err e;

    *out = (struct road_set){.path = path, .folder = folder_of(path)};
    if (!out->folder)
        return err_say(why, ERR_IO,
                       "%.200s: not a set with masks of the road, there is no masks/ or road/",
                       path);
    if ((e = read_json(out, why)) != OK)
        return e;
    if (!path_join(folder, path, "images"))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", path);
    if ((e = pictures_list(folder, &out->pictures, why)) == OK)
        e = set_choice_mark(choice, out->pictures.name, out->pictures.n, &keep, why);
    if (e == OK)
        pictures_keep(&out->pictures, keep);
    free(keep);
    if (e != OK)
        road_set_finish(out);
    return e;
}

void road_set_finish(struct road_set *s)
{
    pictures_finish(&s->pictures);
    *s = (struct road_set){0};
}

/* ---- masks ----------------------------------------------------------------------------------- */
static enum err take_ids(const char *path, const struct image *im, struct road_mask_file *m,
                         struct why *why)
{
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++) {
            const uint8_t *p = image_at(im, x, y);

            if (p[0] != p[1] || p[0] != p[2])
                return err_say(why, ERR_FORMAT,
                               "%s: colours at (%d, %d), must be grey: an id a pixel", path, x, y);
            m->id[(size_t)y * (size_t)im->width + (size_t)x] = p[0];
        }
    return OK;
}

enum err road_mask_read(struct decoder *d, const char *folder, const char *picture,
                        struct road_mask_file *out, struct why *why)
{
    const char *dot = strrchr(picture, '.');
    char path[FILE_MAX_PATH], name[300];
    struct image im;
    enum err e;

    snprintf(name, sizeof name, "%.*s.png", (int)(dot ? dot - picture : 250), picture);
    if (!path_join(path, folder, name))
        return err_say(why, ERR_LIMIT, "%.200s: the path is too long", folder);
    if ((e = decoder_file(d, path, &im, why)) != OK)
        return e;
    const size_t n = (size_t)im.width * (size_t)im.height;
    if (n > out->room) {
        free(out->id);
        out->id = malloc(n);
        out->room = out->id ? n : 0;
        if (!out->id)
            return err_say(why, ERR_NOMEM, "%s: no memory", path);
    }
    out->width = im.width;
    out->height = im.height;
    return take_ids(path, &im, out, why);
}

void road_mask_finish(struct road_mask_file *m)
{
    free(m->id);
    *m = (struct road_mask_file){0};
}
