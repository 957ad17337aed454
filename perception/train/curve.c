#include "perception/train/curve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "perception/train/graph.h"

static const char *loss_name(const struct train *t, int k)
{
    for (int i = 0; i < t->n_layers; i++)
        if (t->layer[i].kind == &layer_loss && t->layer[i].loss_index == k)
            return t->layer[i].name;
    return "";
}

/* The file's bytes up to the first line of a step that is still to come. */
static enum err keep_past(const char *path, int64_t steps, struct why *why)
{
    FILE *f = fopen(path, "re");
    char *line = NULL, *kept = NULL;
    size_t room = 0, size = 0, n = 0;
    enum err e = OK;
    FILE *copy;

    if (!f)
        return errno == ENOENT ? OK : err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    copy = open_memstream(&kept, &size);
    for (; copy && getline(&line, &room, f) > 0; n++)
        if (!strchr(line, '\n') || (n > 0 && strtoll(line, NULL, 10) >= steps))
            break;
        else
            fputs(line, copy);
    if (!copy || fclose(copy) != 0)
        e = err_say(why, ERR_NOMEM, "no memory for %s", path);
    free(line);
    fclose(f);
    if (e == OK)
        e = file_replace(path, kept, size, why);
    free(kept);
    return e;
}

enum err curve_open(struct train *t, const char *path, FILE **out, struct why *why)
{
    enum err e = keep_past(path, t->step, why);

    *out = NULL;
    if (e != OK)
        return e;
    if (!(*out = fopen(path, "ae")))
        return err_say(why, ERR_IO, "%s: %s", path, strerror(errno));
    fseek(*out, 0, SEEK_END);
    if (ftell(*out) == 0) {
        fprintf(*out, "step,loss,gradient,rate");
        for (int i = 0; i < t->n_losses; i++)
            fprintf(*out, ",%s", loss_name(t, i));
        fputc('\n', *out);
    }
    return OK;
}

void curve_add(FILE *f, const struct train_report *r)
{
    fprintf(f, "%" PRId64 ",%.17g,%.17g,%.17g", r->step, r->loss, r->gradient, r->rate);
    for (int i = 0; i < r->n_terms; i++)
        fprintf(f, ",%.17g", r->term[i]);
    fputc('\n', f);
    fflush(f);
}

/* ---- the line ------------------------------------------------------------------------------ */
static void add(char *text, size_t n, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void add(char *text, size_t n, const char *fmt, ...)
{
    size_t at = strlen(text);
    va_list args;

    va_start(args, fmt);
    vsnprintf(text + at, n - at, fmt, args);
    va_end(args);
}

static void add_time(char *text, size_t n, double seconds)
{
    if (seconds < 100)
        add(text, n, "%.0f s", seconds);
    else if (seconds < 6000)
        add(text, n, "%.0f min", seconds / 60);
    else
        add(text, n, "%.1f h", seconds / 3600);
}

void progress_line(const struct train *t, const struct train_report *r, int64_t done, int samples,
                   double seconds, char *text, size_t n)
{
    double rate = seconds > 0 ? (double)done / seconds : 0;

    if (n == 0)
        return;
    text[0] = '\0';
    add(text, n, "step %" PRId64, r->step + 1);
    if (t->recipe.steps > 0)
        add(text, n, "/%" PRId64, t->recipe.steps);
    add(text, n, " loss %.4g", r->loss);
    for (int i = 0; i < r->n_terms && r->n_terms > 1; i++)
        add(text, n, "%s%s %.4g%s", i ? " " : " (", loss_name(t, i), r->term[i],
            i + 1 < r->n_terms ? "" : ")");
    add(text, n, " rate %.3g%s | %.1f samples/s", r->rate, r->skipped ? " SKIPPED" : "",
        rate * samples);
    if (t->recipe.steps > r->step && rate > 0) {
        add(text, n, ", ");
        add_time(text, n, (double)(t->recipe.steps - r->step - 1) / rate);
        add(text, n, " left");
    }
}
