#include "daemon/cli/infer_line.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct perceived p;
static char *text;
static size_t size;

static json_t *line(const char *name, int width, int height)
{
    FILE *f = open_memstream(&text, &size);
    json_error_t error;

    infer_line(f, name, width, height, &p);
    fclose(f);
    cr_assert_eq(text[size - 1], '\n');
    cr_assert_eq(strchr(text, '\n'), text + size - 1, "one line");
    json_t *j = json_loads(text, 0, &error);
    cr_assert_not_null(j, "%s: %s", error.text, text);
    return j;
}

Test(infer_line, nothing_seen)
{
    line("a.jpg", 640, 480);
    cr_assert_str_eq(text, "{\"image\":\"a.jpg\",\"width\":640,\"height\":480,\"objects\":[],"
                           "\"lanes\":[],\"road\":null}\n");
}

Test(infer_line, objects_and_lanes)
{
    p.n_detections = 2;
    p.detection[0] = (struct detection){
        .box_px = {1.234f, 2, 3.5f, 400}, .score = 0.98762f, .class = OBJECT_VEHICLE};
    p.detection[1] =
        (struct detection){.box_px = {0, 0, 1, 1}, .score = 0.5f, .class = OBJECT_TRAFFIC_LIGHT};
    p.detection[1].sigma_px[0] = 2;
    p.detection[1].sigma_px[1] = p.detection[1].sigma_px[2] = p.detection[1].sigma_px[3] = 0.25f;
    p.n_curves = 1;
    p.curve[0].role = -1;
    p.curve[0].score = 0.75f;
    p.curve[0].n = 2;
    p.curve[0].point[0].x = 10;
    p.curve[0].point[0].y = 20.456f;
    line("a.jpg", 640, 480);
    cr_assert(strstr(text, "\"objects\":[{\"class\":\"car\",\"merged\":[\"car\",\"truck\",\"bus\"],"
                           "\"score\":0.9876,\"box\":[1.23,2.00,3.50,400.00]},"
                           "{\"class\":\"traffic_light\",\"score\":0.5000,"
                           "\"box\":[0.00,0.00,1.00,1.00],\"sigma\":[2.000,0.250,0.250,0.250]}]"),
              "%s", text);
    cr_assert(strstr(text, "\"lanes\":[{\"role\":-1,\"score\":0.7500,"
                           "\"points\":[[10.00,20.46],[0.00,0.00]]}]"),
              "%s", text);
}

Test(infer_line, any_name_is_json)
{
    static const struct {
        const char *name, *read;
    } names[] = {
        {"a\"b\\c\n\x01.jpg", "a\"b\\c\n\x01.jpg"},
        {"stra\xc3\x9f"
         "e \xf0\x9f\x9a\x97.png",
         "stra\xc3\x9f"
         "e \xf0\x9f\x9a\x97.png"},
        {"\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* not UTF-8, cut short */
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* longer than need be */
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* half a pair */
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cr_assert_str_eq(json_string_value(json_object_get(line(names[i].name, 1, 1), "image")),
                         names[i].read);
}

/* The run lengths, read back into pixels. */
static void road_read(json_t *j, int width, int height, char *out)
{
    json_t *road = json_object_get(j, "road"), *counts = json_object_get(road, "counts");
    size_t at = 0;

    cr_assert_eq(json_integer_value(json_array_get(json_object_get(road, "size"), 0)), height);
    cr_assert_eq(json_integer_value(json_array_get(json_object_get(road, "size"), 1)), width);
    for (size_t i = 0; i < json_array_size(counts); i++) {
        int64_t run = json_integer_value(json_array_get(counts, i));

        cr_assert(run > 0 || i == 0);
        for (int64_t k = 0; k < run; k++, at++)
            out[at % (size_t)height * (size_t)width + at / (size_t)height] = i % 2 ? '#' : '.';
    }
    cr_assert_eq(at, (size_t)(width * height));
}

Test(infer_line, road_in_columns)
{
    static const uint8_t same[] = {0, 255, 0, 255, 255, 0};
    static const uint8_t half[] = {255, 0, 255, 0};
    char out[8 * 6];

    p.road = (struct road_mask){3, 2, same};
    road_read(line("a", 3, 2), 3, 2, out);
    cr_assert_arr_eq(out,
                     ".#."
                     "##.",
                     6);
    p.road = (struct road_mask){2, 2, half}; /* enlarged: the border stays in the middle */
    road_read(line("a", 8, 6), 8, 6, out);
    for (int y = 0; y < 6; y++)
        cr_assert_arr_eq(out + (ptrdiff_t)8 * y, "####....", 8);
    cr_assert(strstr(text, "\"counts\":[0,24,24]"), "%s", text);
    road_read(line("a", 1, 1), 1, 1, out); /* and made small */
}

Test(infer_line, error)
{
    FILE *f = open_memstream(&text, &size);

    infer_line_error(f, "a.jpg", "it is \"no\" picture");
    fclose(f);
    cr_assert_str_eq(text, "{\"image\":\"a.jpg\",\"error\":\"it is \\\"no\\\" picture\"}\n");
}
