#include "daemon/cli/worst_pictures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cli/sim_sheet.h"
#include "daemon/decode.h"
#include "sim/file.h"

struct work {
    const char *pictures, *folder;
    struct decoder *decoder;
    struct sheet sheet;
    worst_drawer *draw;
    void *context;
    struct why *why;
};

static int by_rank(const void *a, const void *b)
{
    const struct worst_picture *x = a, *y = b;

    for (int i = 0; i < 2; i++)
        if (x->rank[i] != y->rank[i])
            return x->rank[i] > y->rank[i] ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static enum err write_one(struct work *w, const struct worst_picture *p, int place)
{
    const char *slash = strrchr(p->image, '/'), *name = slash ? slash + 1 : p->image,
               *dot = strrchr(name, '.');
    char path[FILE_MAX_PATH], file[320];
    struct image im;
    enum err e;

    if (!path_join(path, w->pictures, p->image))
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", name);
    if ((e = decoder_file(w->decoder, path, &im, w->why)) != OK ||
        (e = w->draw(w->context, p->at, &im, w->why)) != OK)
        return e;
    if (!w->sheet.page.data && sheet_open(&w->sheet, im.width, im.height, 1) != OK)
        return err_say(w->why, ERR_NOMEM, "%.120s: no memory for a sheet", name);
    sheet_add_drawn(&w->sheet, &im);
    snprintf(file, sizeof file, "%02d_%.*s.png", place, (int)(dot ? dot - name : 250), name);
    if (!path_join(path, w->folder, file))
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", w->folder);
    return png_write(path, &im, w->why);
}

static enum err write_sheet(struct work *w)
{
    char path[FILE_MAX_PATH];
    const struct image page = sheet_page(&w->sheet);

    if (!w->sheet.placed) /* nothing is wrong */
        return OK;
    if (!path_join(path, w->folder, "sheet.png"))
        return err_say(w->why, ERR_LIMIT, "%.200s: the path is too long", w->folder);
    return png_write(path, &page, w->why);
}

enum err worst_pictures_write(const char *pictures, struct worst_picture *list, size_t n, int count,
                              const char *folder, worst_drawer *draw, void *context,
                              struct why *why)
{
    struct work w = {
        .pictures = pictures, .folder = folder, .draw = draw, .context = context, .why = why};
    enum err e = OK;

    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return err_say(why, ERR_IO, "%s: %s", folder, strerror(errno));
    if (decoder_open(&w.decoder) != OK)
        return err_say(why, ERR_NOMEM, "%.200s: no memory to draw into it", folder);
    if (n)
        qsort(list, n, sizeof *list, by_rank);
    for (int i = 0; e == OK && i < count && (size_t)i < n; i++)
        if (list[i].rank[0] > 0 || list[i].rank[1] > 0)
            e = write_one(&w, &list[i], i + 1);
    if (e == OK)
        e = write_sheet(&w);
    sheet_close(&w.sheet);
    decoder_close(w.decoder);
    return e;
}
