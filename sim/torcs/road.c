#include "sim/torcs/road.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/encode.h"
#include "sim/world/random.h"

/* Half of the road; the other half is the same again, so that it closes. */
static const struct part {
    const char *kind;
    double size, arc; /* m; of turns radius, m, and degrees */
} parts[] = {{"str", 350, 0}, {"rgt", 500, 20}, {"lft", 500, 40}, {"rgt", 500, 20},
             {"str", 250, 0}, {"lft", 180, 90}, {"str", 150, 0},  {"lft", 180, 90}};
enum { PARTS = sizeof parts / sizeof *parts };

enum { LANES_WIDTH = 1024, LANES_HEIGHT = 512, SKY_WIDTH = 1024, SKY_HEIGHT = 256 };
static const double LANES_LENGTH_M = 24, DASH_M = 6, PERIOD_M = 12, LINE_M = 0.15;

static const char BEFORE[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<!DOCTYPE params SYSTEM \"../../../src/libs/tgf/params.dtd\" [\n"
    "<!ENTITY default-surfaces SYSTEM \"../../../data/tracks/surfaces.xml\">\n]>\n"
    "<params name=\"Outrider\" type=\"trackdef\" mode=\"mw\">\n"
    "<section name=\"Surfaces\">&default-surfaces;\n"
    "<section name=\"three lanes\"><attstr name=\"texture name\" val=\"lanes.png\"/>"
    "<attstr name=\"texture type\" val=\"discrete\"/><attnum name=\"texture size\" val=\"24\"/>"
    "<attnum name=\"texture mipmap\" val=\"1\"/><attnum name=\"friction\" val=\"1.2\"/>"
    "<attnum name=\"rolling resistance\" val=\"0.001\"/><attnum name=\"roughness\" val=\"0\"/>"
    "<attnum name=\"roughness wavelength\" val=\"1\"/></section></section>\n"
    "<section name=\"Header\"><attstr name=\"name\" val=\"Outrider\"/>"
    "<attstr name=\"category\" val=\"road\"/><attnum name=\"version\" val=\"4\"/>"
    "<attstr name=\"author\" val=\"Outrider\"/><attstr name=\"description\" val=\"\"/></section>\n"
    "<section name=\"Graphic\"><attstr name=\"3d description\" val=\"outrider.ac\"/>"
    "<attstr name=\"background image\" val=\"background.png\"/>"
    "<attnum name=\"background color R\" val=\"0.72\"/>"
    "<attnum name=\"background color G\" val=\"0.8\"/>"
    "<attnum name=\"background color B\" val=\"0.88\"/>"
    "<attnum name=\"ambient color R\" val=\"0.25\"/><attnum name=\"ambient color G\" val=\"0.25\"/>"
    "<attnum name=\"ambient color B\" val=\"0.25\"/><attnum name=\"diffuse color R\" val=\"1\"/>"
    "<attnum name=\"diffuse color G\" val=\"1\"/><attnum name=\"diffuse color B\" val=\"1\"/>"
    "<attnum name=\"light position x\" val=\"0\"/><attnum name=\"light position y\" val=\"1000\"/>"
    "<attnum name=\"light position z\" val=\"600\"/><section name=\"Terrain Generation\">"
    "<attnum name=\"track step\" val=\"20\"/><attnum name=\"border margin\" val=\"50\"/>"
    "<attnum name=\"border step\" val=\"30\"/><attnum name=\"border height\" val=\"3\"/>"
    "<attstr name=\"orientation\" val=\"counter-clockwise\"/></section></section>\n"
    "<section name=\"Main Track\"><attnum name=\"width\" val=\"12\"/>"
    "<attnum name=\"profil steps length\" val=\"20\"/>"
    "<section name=\"Pits\"><attstr name=\"type\" val=\"no pits\"/></section>\n"
    "<section name=\"Track Segments\">\n";

/* Said once, they hold for all that follow. */
static const char SIDES[] =
    "<attstr name=\"surface\" val=\"three lanes\"/>"
    "<section name=\"Left Side\"><attnum name=\"start width\" val=\"8\"/>"
    "<attnum name=\"end width\" val=\"8\"/><attstr name=\"surface\" val=\"grass\"/></section>"
    "<section name=\"Right Side\"><attnum name=\"start width\" val=\"8\"/>"
    "<attnum name=\"end width\" val=\"8\"/><attstr name=\"surface\" val=\"grass\"/></section>"
    "<section name=\"Left Barrier\"><attnum name=\"width\" val=\"0.1\"/>"
    "<attnum name=\"height\" val=\"0.8\"/><attstr name=\"surface\" val=\"barrier\"/>"
    "<attstr name=\"style\" val=\"fence\"/></section>"
    "<section name=\"Right Barrier\"><attnum name=\"width\" val=\"0.1\"/>"
    "<attnum name=\"height\" val=\"0.8\"/><attstr name=\"surface\" val=\"barrier\"/>"
    "<attstr name=\"style\" val=\"fence\"/></section>";

static const char AFTER[] =
    "</section></section>\n<section name=\"Cameras\"><section name=\"1\">"
    "<attstr name=\"segment\" val=\"part 1\"/><attnum name=\"to right\" val=\"-5\"/>"
    "<attnum name=\"to start\" val=\"10\"/><attnum name=\"height\" val=\"8\"/>"
    "<attstr name=\"fov start\" val=\"part 1\"/><attstr name=\"fov end\" val=\"part 16\"/>"
    "</section></section></params>\n";

static enum err write_file(const char *folder, const char *name, const void *data, size_t n,
                           struct why *why)
{
    char path[1024];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f))
        return err_say(why, ERR_IO, "%.200s: %s", path, strerror(errno));
    return OK;
}

static enum err write_description(const char *folder, struct why *why)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    enum err e;

    if (!f)
        return err_say(why, ERR_NOMEM, "no memory");
    fputs(BEFORE, f);
    for (int i = 0; i < 2 * PARTS; i++) {
        const struct part *p = &parts[i % PARTS];

        fprintf(f, "<section name=\"part %d\"><attstr name=\"type\" val=\"%s\"/>%s", i + 1, p->kind,
                i ? "" : SIDES);
        if (p->arc > 0)
            fprintf(f,
                    "<attnum name=\"radius\" val=\"%g\"/><attnum name=\"arc\" unit=\"deg\" "
                    "val=\"%g\"/>",
                    p->size, p->arc);
        else
            fprintf(f, "<attnum name=\"lg\" val=\"%g\"/>", p->size);
        fputs("</section>\n", f);
    }
    fputs(AFTER, f);
    e = fclose(f) ? err_say(why, ERR_NOMEM, "no memory") : OK;
    if (e == OK)
        e = write_file(folder, "outrider.xml", text, n, why);
    free(text);
    return e;
}

static void paint(uint8_t *rgb, double r, double g, double b)
{
    rgb[0] = (uint8_t)r;
    rgb[1] = (uint8_t)g;
    rgb[2] = (uint8_t)b;
}

/* Rows run along the road; the first is its left edge. */
static void paint_lanes(uint8_t *rgb)
{
    struct random r;

    random_seed(&r, 1, 0);
    for (int y = 0; y < LANES_HEIGHT; y++)
        for (int x = 0; x < LANES_WIDTH; x++, rgb += 3) {
            double d = fabs(((y + 0.5) / LANES_HEIGHT - 0.5) * TORCS_ROAD_WIDTH);
            double s = (x + 0.5) / LANES_WIDTH * LANES_LENGTH_M;
            double grain = 80 + 26 * random_unit(&r);
            bool edge = fabs(d - 1.5 * TORCS_LANE_WIDTH) < LINE_M / 2;
            bool dash = fabs(d - 0.5 * TORCS_LANE_WIDTH) < LINE_M / 2 && fmod(s, PERIOD_M) < DASH_M;

            if (edge || dash)
                grain = 225 + 0.1 * grain;
            paint(rgb, grain, grain, grain + 3);
        }
}

static void paint_sky(uint8_t *rgb)
{
    for (int y = 0; y < SKY_HEIGHT; y++)
        for (int x = 0; x < SKY_WIDTH; x++, rgb += 3) {
            double t = (double)y / SKY_HEIGHT;

            paint(rgb, 110 + 90 * t, 150 + 70 * t, 210 + 25 * t);
        }
}

static enum err write_picture(const char *folder, const char *name, int width, int height,
                              void (*fill)(uint8_t *rgb), struct why *why)
{
    struct encoder *encoder = NULL;
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3);
    struct image image = {.data = rgb, .width = width, .height = height, .stride_bytes = 3 * width};
    struct bytes png = {0};
    enum err e;

    if (rgb && encoder_open(&encoder) == OK) {
        fill(rgb);
        e = encoder_picture(encoder, &image, ENCODING_PNG, &png, why);
    } else {
        e = err_say(why, ERR_NOMEM, "no memory");
    }
    if (e == OK)
        e = write_file(folder, name, png.data, png.size, why);
    encoder_close(encoder);
    free(rgb);
    return e;
}

enum err torcs_road_write(const char *folder, struct why *why)
{
    enum err e = write_description(folder, why);

    if (e == OK)
        e = write_picture(folder, "lanes.png", LANES_WIDTH, LANES_HEIGHT, paint_lanes, why);
    if (e == OK)
        e = write_picture(folder, "background.png", SKY_WIDTH, SKY_HEIGHT, paint_sky, why);
    return e;
}
