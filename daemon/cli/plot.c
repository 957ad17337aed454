/* outrider plot: drives from above, tracks with their ellipses against the truth, as a picture. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/cli.h"
#include "daemon/cli/options.h"
#include "daemon/cli/plot_panel.h"
#include "daemon/decode.h"
#include "sim/encode.h"
#include "sim/file.h"

enum { MAX_DRIVES = 32, GAP_PX = 16 };

struct options {
    const char *truth[MAX_DRIVES], *run[MAX_DRIVES], *out;
    int n_truths, n_runs, columns, width, quality;
    struct plot_view view;
};

static const char usage[] =
    "usage: outrider plot --truth SET --run FILE.jsonl -o FILE.png [options]\n"
    "\n"
    "What was published of a simulated drive, from above, against the truth: SET is a folder of\n"
    "`outrider sim --write`, FILE.jsonl what `outrider run --input SET` wrote. Everything stands "
    "where it is\n"
    "in our vehicle frame at its own instant: tracks by id with ellipses of one and two sigmas, "
    "hollow\n"
    "where they are only predicted, the path of the next 3 s every 3 s, changes of identity; "
    "beneath it\n"
    "distance and speed of who is next in our way. Signs and lights are left out.\n"
    "\n"
    "  --truth SET, --run FILE   more than once, in pairs: several drives on one page\n"
    "  -o FILE            .png or .jpg\n"
    "  --quality N        of a .jpg, 1 to 100                    (92)\n"
    "  --columns N        drives side by side                    (1)\n"
    "  --width PX         of a drive                             (1600)\n"
    "  --range M          shown ahead                            (80)\n"
    "  --side M           shown to each side                     (12)\n"
    "  --every S          between two ellipses                   (0.5)\n"
    "  --sigmas N         ellipses of one, or of one and two     (2)\n"
    "  --from S, --to S   only these seconds                     (all)\n";

enum { TRUTH = 1, RUN, COLUMNS, WIDTH, RANGE, SIDE, EVERY, SIGMAS, QUALITY, FROM, TO, HELP };

static const struct option long_options[] = {
    {"truth", required_argument, NULL, TRUTH},
    {"run", required_argument, NULL, RUN},
    {"columns", required_argument, NULL, COLUMNS},
    {"width", required_argument, NULL, WIDTH},
    {"range", required_argument, NULL, RANGE},
    {"side", required_argument, NULL, SIDE},
    {"every", required_argument, NULL, EVERY},
    {"sigmas", required_argument, NULL, SIGMAS},
    {"quality", required_argument, NULL, QUALITY},
    {"from", required_argument, NULL, FROM},
    {"to", required_argument, NULL, TO},
    {"help", no_argument, NULL, HELP},
    {0},
};

static bool add(const char *what, const char **list, int *n)
{
    if (*n == MAX_DRIVES) {
        fprintf(stderr, "outrider plot: %s %s is one too many, limit %d\n", what, optarg,
                MAX_DRIVES);
        return false;
    }
    list[(*n)++] = optarg;
    return true;
}

static bool read_option(struct options *o, int c)
{
    switch (c) {
    case TRUTH:
        return add("--truth", o->truth, &o->n_truths);
    case RUN:
        return add("--run", o->run, &o->n_runs);
    case 'o':
        o->out = optarg;
        return true;
    case COLUMNS:
        return option_whole("plot", "--columns", optarg, 1, MAX_DRIVES, &o->columns);
    case WIDTH:
        return option_whole("plot", "--width", optarg, 320, 4096, &o->width);
    case RANGE:
        return option_real("plot", "--range", optarg, 10, 500, &o->view.range_m);
    case SIDE:
        return option_real("plot", "--side", optarg, 4, 100, &o->view.side_m);
    case EVERY:
        return option_real("plot", "--every", optarg, 0.01, 100, &o->view.every_s);
    case SIGMAS:
        return option_whole("plot", "--sigmas", optarg, 1, 2, &o->view.sigmas);
    case QUALITY:
        return option_whole("plot", "--quality", optarg, 1, 100, &o->quality);
    case FROM:
        return option_real("plot", "--from", optarg, 0, 1e6, &o->view.from_s);
    case TO:
        return option_real("plot", "--to", optarg, 0, 1e6, &o->view.to_s);
    default:
        fputs(usage, stderr);
        return false;
    }
}

/* ---- the page ------------------------------------------------------------------------------ */

static enum err page_open(const struct options *o, struct image *page, struct why *why)
{
    const int columns = o->columns < o->n_truths ? o->columns : o->n_truths;
    const int rows = (o->n_truths + columns - 1) / columns;
    const int width = columns * o->width + (columns - 1) * GAP_PX;
    const int height =
        plot_legend_height(o->width) + rows * (plot_panel_height(&o->view, o->width) + GAP_PX);

    *page = (struct image){.width = width, .height = height, .stride_bytes = 3 * width};
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return err_say(why, ERR_LIMIT, "the page has %d x %d px, limit %d a side", width, height,
                       IMAGE_MAX_SIDE);
    if (!(page->data = malloc((size_t)height * (size_t)page->stride_bytes)))
        return err_say(why, ERR_NOMEM, "no memory for a page of %d x %d", width, height);
    memset(page->data, 255, (size_t)height * (size_t)page->stride_bytes);
    return OK;
}

static enum err add_drive(const struct options *o, int i, struct image *page, struct why *why)
{
    const int height = plot_panel_height(&o->view, o->width);
    struct image panel = plot_part(
        page, i % o->columns * (o->width + GAP_PX),
        plot_legend_height(o->width) + i / o->columns * (height + GAP_PX), o->width, height);
    struct plot_view view = o->view;
    struct plot_data d;
    enum err e = plot_data_read(o->truth[i], o->run[i], &d, why);

    if (e != OK)
        return e;
    if (view.to_s > d.frame[d.n - 1].t_s)
        view.to_s = d.frame[d.n - 1].t_s;
    if (view.to_s <= view.from_s)
        e = err_say(why, ERR_LIMIT, "--from %g: %.200s ends at %g s", view.from_s, o->truth[i],
                    view.to_s);
    else
        plot_panel_draw(&panel, &d, &view);
    plot_data_finish(&d);
    return e;
}

static enum err write_jpeg(const struct options *o, const struct image *page, struct why *why)
{
    struct encoder *encoder = NULL;
    struct bytes b;
    enum err e = encoder_open(&encoder);

    if (e != OK)
        return err_say(why, e, "no memory");
    encoder_quality(encoder, o->quality);
    if ((e = encoder_picture(encoder, page, ENCODING_JPEG, &b, why)) == OK)
        e = file_put(o->out, b.data, b.size, why);
    encoder_close(encoder);
    return e;
}

static bool ends_in(const char *path, const char *end)
{
    const size_t n = strlen(path), m = strlen(end);

    return n >= m && !strcmp(path + n - m, end);
}

static enum err draw(const struct options *o, struct why *why)
{
    struct image page;
    enum err e = page_open(o, &page, why);

    if (e == OK) {
        struct image legend = plot_part(&page, 0, 0, o->width, plot_legend_height(o->width));

        plot_legend_draw(&legend, &o->view);
    }
    for (int i = 0; i < o->n_truths && e == OK; i++)
        e = add_drive(o, i, &page, why);
    if (e == OK)
        e = ends_in(o->out, ".jpg") ? write_jpeg(o, &page, why) : png_write(o->out, &page, why);
    free(page.data);
    return e;
}

int plot_command(int argc, char **argv)
{
    struct options o = {
        .columns = 1,
        .width = 1600,
        .quality = ENCODE_JPEG_QUALITY,
        .view = {.range_m = 80, .side_m = 12, .every_s = 0.5, .sigmas = 2, .to_s = 1e6}};
    struct why why = {""};

    for (int c; (c = getopt_long(argc, argv, "o:", long_options, NULL)) != -1;) {
        if (c == HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (!read_option(&o, c))
            return 2;
    }
    if (optind != argc || !o.n_truths || o.n_truths != o.n_runs || !o.out) {
        fprintf(stderr, "outrider plot: %s%s\n%s",
                optind != argc           ? "what is "
                : !o.out                 ? "no -o FILE given"
                : !o.n_truths            ? "no --truth SET given"
                : o.n_truths != o.n_runs ? "as many --run as --truth are needed"
                                         : "",
                optind != argc ? argv[optind] : "", usage);
        return 2;
    }
    if (draw(&o, &why) == OK)
        return 0;
    fprintf(stderr, "outrider plot: %s\n", why.text);
    return 1;
}
