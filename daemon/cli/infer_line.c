#include "daemon/cli/infer_line.h"

#include <inttypes.h>
#include <string.h>

#include "daemon/cli/lane_words.h"
#include "daemon/cli/road_runs.h"

/* Bytes of the UTF-8 character at s; 0 if they are none. */
static int utf8_length(const unsigned char *s)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    int n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    unsigned code = n > 1 ? s[0] & (0x7fu >> n) : s[0];

    for (int i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    return n == 1 || (n > 1 && code >= least[n] && code < 0x110000 && code >> 11 != 0x1b) ? n : 0;
}

/* File names may hold anything; what is not UTF-8 becomes the replacement character. */
static void string(FILE *f, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;

    fputc('"', f);
    while (*s) {
        int n = utf8_length(s);

        if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else if (*s < 0x20)
            fprintf(f, "\\u%04x", *s);
        else if (n)
            fwrite(s, 1, (size_t)n, f);
        else
            fputs("\\ufffd", f);
        s += n ? n : 1;
    }
    fputc('"', f);
}

/* A detector that knows vehicles only says "car", the name that the three share in the class lists
 * of data sets, and which classes that stands for. */
static void object(FILE *f, const struct detection *d)
{
    const bool merged = d->class == OBJECT_VEHICLE;

    fprintf(f, "{\"class\":\"%s\",", merged ? "car" : object_class_name(d->class));
    if (merged)
        fputs("\"merged\":[\"car\",\"truck\",\"bus\"],", f);
    fprintf(f, "\"score\":%.4f,\"box\":[%.2f,%.2f,%.2f,%.2f]", d->score, d->box_px.x1, d->box_px.y1,
            d->box_px.x2, d->box_px.y2);
    if (d->sigma_px[0] > 0)
        fprintf(f, ",\"sigma\":[%.3f,%.3f,%.3f,%.3f]", d->sigma_px[0], d->sigma_px[1],
                d->sigma_px[2], d->sigma_px[3]);
    if (d->distance_per_px > 0)
        fprintf(f, ",\"distance\":{\"per_px\":%.6f,\"sigma\":%.4f}", d->distance_per_px,
                d->distance_sigma);
    fputs("}", f);
}

static void lane(FILE *f, const struct lane_curve *c)
{
    fprintf(f, "{\"role\":%d,\"score\":%.4f,", c->role, c->score);
    if (c->kind == LANE_ROAD_EDGE)
        fputs("\"kind\":\"road_edge\",", f);
    if (c->type)
        fprintf(f, "\"type\":\"%s\",", lane_type_word[c->type]);
    if (c->color)
        fprintf(f, "\"color\":\"%s\",", lane_color_word[c->color]);
    fputs("\"points\":[", f);
    for (int i = 0; i < c->n; i++)
        fprintf(f, "%s[%.2f,%.2f]", i ? "," : "", c->point[i].x, c->point[i].y);
    fputs("]", f);
    for (int i = 0; i < c->n && c->point[0].sigma_x > 0; i++)
        fprintf(f, "%s%.2f", i ? "," : ",\"sigma\":[", c->point[i].sigma_x);
    fputs(c->n > 0 && c->point[0].sigma_x > 0 ? "]}" : "}", f);
}

struct runs {
    FILE *f;
    const char *between;
};

static void run(void *context, uint32_t length)
{
    struct runs *r = context;

    fprintf(r->f, "%s%" PRIu32, r->between, length);
    r->between = ",";
}

static void road(FILE *f, const struct road_mask *m, int width, int height)
{
    struct runs r = {f, ""};

    fprintf(f, "{\"size\":[%d,%d],\"counts\":[", height, width);
    road_runs(m, width, height, run, &r);
    fputs("]}", f);
}

void infer_line(FILE *f, const char *name, int width, int height, const struct perceived *p)
{
    fputs("{\"image\":", f);
    string(f, name);
    fprintf(f, ",\"width\":%d,\"height\":%d,\"objects\":[", width, height);
    for (int i = 0; i < p->n_detections; i++) {
        fputs(i ? "," : "", f);
        object(f, &p->detection[i]);
    }
    fputs("],\"lanes\":[", f);
    for (int i = 0; i < p->n_curves; i++) {
        fputs(i ? "," : "", f);
        lane(f, &p->curve[i]);
    }
    fputs("],\"road\":", f);
    if (p->road.width > 0)
        road(f, &p->road, width, height);
    else
        fputs("null", f);
    fputs("}\n", f);
}

void infer_line_error(FILE *f, const char *name, const char *error)
{
    fputs("{\"image\":", f);
    string(f, name);
    fputs(",\"error\":", f);
    string(f, error);
    fputs("}\n", f);
}
