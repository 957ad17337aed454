/* outrider plot: what is read of a set and a run, where it lands on the picture, what is refused. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/plot_panel.h"
#include "tests/folder.h"

enum { WIDTH = 1280 };

static struct folder f;
static struct plot_data data;
static struct why why;
static struct image page;
static const struct plot_view view = {
    .range_m = 80, .side_m = 12, .every_s = 0.5, .sigmas = 2, .to_s = 1};

static void make(void)
{
    folder_make(&f);
}

static void clean(void)
{
    plot_data_finish(&data);
    free(page.data);
    folder_remove(&f);
}

TestSuite(plot, .init = make, .fini = clean);

#define TRUTH(id, x1, x, y)                                                                        \
    "{\"class\": \"car\", \"id\": " #id ", \"box\": [" #x1 ", 10, 120, 60], \"at\": [" #x ", " #y  \
    ", 0], \"velocity\": [-2, 0.5], \"lead\": true, \"counts\": true}"
#define SIGN                                                                                       \
    "{\"class\": \"traffic_sign\", \"id\": 9, \"box\": [0, 0, 9, 9], \"at\": [5, 5, 0], "          \
    "\"counts\": true}"
/* sigma 4 m ahead, 2 m to the side, correlated as xy says; of vx 1.5 m/s. */
#define TRACK(id, measurement, x, y, xy)                                                           \
    "{\"id\": " #id ", \"measurement\": \"" #measurement                                           \
    "\", \"classes\": [{\"object_class\": \"TRUCK\", \"probability\": 1}], \"box\": {\"x1\": 21, " \
    "\"y1\": 11, \"x2\": 121, \"y2\": 61}, \"x_m\": " #x ", \"y_m\": " #y                          \
    ", \"vx_mps\": -3, \"vy_mps\": 0, \"covariance\": [16, " #xy                                   \
    ", 0, 0, 0, 0, 4, 0, 0, 0, 0, 2.25, 0, 0, 0, 9, 0, 0, 9, 0, 9], \"is_lead\": true, "           \
    "\"path\": [{\"t_s\": 3, \"x_m\": 30, \"y_m\": 2, \"sigma_x_m\": 5, \"sigma_y_m\": 1}]}"
#define MESSAGE(topic, frame, ns, rest)                                                            \
    "{\"topic\": \"" topic "/front\", \"header\": {\"frame_id\": " #frame                          \
    ", \"state_time_ns\": " #ns "}" rest "}\n"
#define OBJECTS(frame, ns, track) MESSAGE("objects", frame, ns, ", \"objects\": [" track "]")

static void put_set(void)
{
    folder_put_text(&f, "set.json", "{\"simulator\": {\"scenario\": \"cut_in\"}}");
    folder_put_text(&f, "timestamps.txt", "0.0\n0.5\n1.0\n");
    folder_put_text(
        &f, "truth.jsonl",
        "{\"objects\": [" TRUTH(7, 20, 40, 3) ", " SIGN "]}\n"
                                              "{\"objects\": [" TRUTH(
                                                  7, 20, 39, 3) "]}\n"
                                                                "{\"objects\": [" TRUTH(7, 20, 38,
                                                                                        3) "]}\n");
}

static enum err read_run(const char *run)
{
    plot_data_finish(&data);
    folder_put_text(&f, "run.jsonl", "%s", run);
    return plot_data_read(f.path, folder_path(&f, "run.jsonl"), &data, &why);
}

static void draw(void)
{
    const int height = plot_panel_height(&view, WIDTH);

    page = (struct image){malloc(3 * (size_t)WIDTH * (size_t)height), WIDTH, height, 3 * WIDTH};
    memset(page.data, 255, 3 * (size_t)WIDTH * (size_t)height);
    plot_panel_draw(&page, &data, &view);
}

/* How much of the id's colour lies at a place in metres: 0 the ground, 1 all. */
static double ink_at(uint64_t id, double x_m, double y_m)
{
    const struct plot_plan at = plot_panel_plan(&view, WIDTH);
    const struct color c = plot_color(id);
    const uint8_t *p =
        image_at(&page, (int)(at.x0 + (float)x_m * at.scale), (int)(at.y0 - (float)y_m * at.scale));
    double most = 0;

    /* Where the colour is darkest; the ground is nearly white. */
    const int ink[3] = {c.r, c.g, c.b};
    for (int i = 0; i < 3; i++)
        most = fmax(most, (248.0 - p[i]) / (248.0 - ink[i]) * (ink[i] < 100));
    return most;
}

Test(plot, a_run_is_read_beside_the_truth)
{
    put_set();
    cr_assert_eq(read_run(OBJECTS(0, 0, TRACK(8, MEASURED, 41, 2, 3)) MESSAGE(
                     "lanes", 0, 0,
                     ", \"boundaries\": [{\"id\": 1, \"role\": 1, \"kind\": \"LINE\", \"types\": "
                     "[{\"type\": \"DASHED\"}], \"y_m\": [1.5, null], \"sigma_y_m\": [0.1, null]}]")
                              OBJECTS(1, 500000000, "")
                                  OBJECTS(2, 1000000000, TRACK(11, PREDICTED, 38, 2, 3))),
                 OK, "%s", why.text);
    cr_assert_str_eq(data.name, "cut_in");
    cr_assert_eq(data.n, 3);
    cr_assert_eq(data.frame[0].n_truths, 1, "a sign is no road user");
    cr_assert_eq(data.frame[1].n_tracks, 0);

    const struct plot_track *t = data.frame[0].track, *u = data.frame[2].track;
    cr_assert(t->measured && !u->measured && t->lead);
    cr_assert_eq(t->class, OBJECT_TRUCK);
    cr_assert_eq(t->covariance[0], 16);
    cr_assert_eq(t->covariance[1], 3);
    cr_assert_eq(t->covariance[2], 4);
    cr_assert_float_eq(t->sigma_vx_mps, 1.5, 1e-9);
    cr_assert_eq(t->path[0].sigma_x_m, 5);
    cr_assert_eq(t->truth, 7);
    cr_assert_eq(t->before, 0);
    cr_assert_eq(u->before, 8, "the truth goes by another id now");
    cr_assert_eq(data.n_lanes, 1);
    cr_assert_eq(data.lane[0].station[0].y_m, 1.5f);
    cr_assert(isnan(data.lane[0].station[1].y_m));
}

Test(plot, places_and_ellipses_lie_where_they_should)
{
    put_set();
    cr_assert_eq(read_run(OBJECTS(0, 0, TRACK(8, MEASURED, 30, -4, 0))), OK, "%s", why.text);
    draw();
    cr_assert_gt(ink_at(8, 30, -4), 0.95, "its place");
    cr_assert_gt(ink_at(8, 34, -4), 0.5, "one sigma ahead");
    cr_assert_gt(ink_at(8, 30, -2), 0.5, "one sigma to the left");
    cr_assert_gt(ink_at(8, 30, -6), 0.5);
    cr_assert_gt(ink_at(8, 38, -4), 0.2, "two sigmas");
    cr_assert_lt(ink_at(8, 32, -4), 0.2, "between them next to nothing");
    cr_assert_lt(ink_at(8, 36, -4), 0.1);
    cr_assert_lt(ink_at(8, 39, -4), 0.1);
    cr_assert_lt(ink_at(8, 30, 4), 0.1, "left is upwards");
}

Test(plot, an_ellipse_leans_as_its_covariance_says)
{
    /* Correlation 0.8: along the main diagonal sqrt(1.8) sigmas, across it sqrt(0.2). */
    const double along = sqrt((1 + 0.8) / 2), across = sqrt((1 - 0.8) / 2);

    put_set();
    cr_assert_eq(read_run(OBJECTS(0, 0, TRACK(8, PREDICTED, 30, -4, 6.4))), OK, "%s", why.text);
    draw();
    cr_assert_gt(ink_at(8, 30 + 4 * along, -4 + 2 * along), 0.25, "ahead and left");
    cr_assert_gt(ink_at(8, 30 - 4 * along, -4 - 2 * along), 0.25);
    cr_assert_gt(ink_at(8, 30 + 4 * across, -4 - 2 * across), 0.25);
    cr_assert_lt(ink_at(8, 30 + 4 * along, -4 - 2 * along), 0.1, "ahead and right");
    cr_assert_lt(ink_at(8, 30, -4), 0.1, "what is only predicted is hollow");
}

static void refuse(enum err e, const char *run, const char *says)
{
    cr_expect_eq(read_run(run), e, "'%s'", says);
    cr_expect(strstr(why.text, says), "'%s' does not say '%s'", why.text, says);
    cr_expect_eq(data.n, 0);
}

Test(plot, what_is_wrong_is_named)
{
    char cut[] = OBJECTS(0, 0, TRACK(8, MEASURED, 30, -4, 0));

    cr_expect_eq(plot_data_read(f.path, "none.jsonl", &data, &why), ERR_IO);
    cr_expect(strstr(why.text, "truth.jsonl: No such file"), "%s", why.text);
    put_set();
    cr_expect_eq(plot_data_read(f.path, "none.jsonl", &data, &why), ERR_IO);
    cr_expect(strstr(why.text, "none.jsonl: No such file"), "%s", why.text);
    cut[sizeof cut / 2] = '\0';
    refuse(ERR_FORMAT, cut, "run.jsonl:1: ");
    refuse(ERR_FORMAT, "\n[]\n", "run.jsonl:2: a line must be a JSON object");
    refuse(ERR_FORMAT, "{\"header\": 1}\n", "run.jsonl:1: topic must be a string");
    refuse(ERR_FORMAT, "{\"topic\": \"objects/front\"}\n", "header must be");
    refuse(ERR_FORMAT, OBJECTS(0, 0, TRACK(0, MEASURED, 1, 2, 3)), "id must be");
    refuse(ERR_FORMAT, OBJECTS(0, 0, TRACK(8, MEASURED, "far", 2, 3)), "x_m must be a number");
    refuse(ERR_FORMAT, OBJECTS(0, 0, TRACK(8, MEASURED, 1, 2, "3, 4")),
           "covariance must be 21 numbers");
    refuse(ERR_MISMATCH, OBJECTS(3, 0, ""), "frame 3, the set has 3");
    refuse(ERR_MISMATCH, OBJECTS(1, 400000000, ""), "frame 1 is of 0.400 s, in the set of 0.500 s");
    folder_put_text(&f, "timestamps.txt", "0.0\n0.5\n");
    refuse(ERR_MISMATCH, "", "timestamps.txt: has 2 times, truth.jsonl 3 frames");
    folder_put_text(&f, "truth.jsonl", "{\"objects\": [{\"class\": \"cow\"}]}\n");
    refuse(ERR_FORMAT, "", "truth.jsonl:1: class must be");
    folder_put_text(&f, "truth.jsonl",
                    "{\"objects\": [{\"class\": \"car\", \"id\": 1, \"at\": [1, 2, 3], \"box\": "
                    "[1, 2, 3, 4]}]}\n");
    refuse(ERR_FORMAT, "", "truth.jsonl:1: velocity must be 2 numbers");
}
