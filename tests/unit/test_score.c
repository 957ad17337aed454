#include "sim/score.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cameras.h"

static struct score *s;
static struct truth t;
static struct objects_message o;
static struct lanes_message l;
static struct score_result r;

static struct object car(uint64_t id, float x, float y, struct box b)
{
    struct object c;

    object_clear(&c);
    c.id = id;
    c.n_classes = 1;
    c.classes[0].class = OBJECT_CAR;
    c.measurement = MEASUREMENT_MEASURED;
    c.occlusion = c.truncation = 0;
    c.x_m = x;
    c.y_m = y;
    c.box_px = b;
    return c;
}

static void begin(const char *const *faults)
{
    struct camera c = front_camera();
    struct faults f = {0};
    struct why why;

    for (int i = 0; faults && faults[i]; i++)
        cr_assert_eq(faults_add(&f, faults[i], &why), OK);
    cr_assert_eq(score_open(&c, &f, &s), OK);
    scene_clear(&t.scene);
    o = (struct objects_message){.header.qualifier = QUALIFIER_AVAILABLE};
    o.header.has_frame = true;
    l = (struct lanes_message){.header = o.header};
}

/* One frame, whose truth and answer lie in t, o and l. */
static void frame(int64_t t_ns, double now_s)
{
    o.header.state_time_ns = l.header.state_time_ns = t_ns;
    score_truth(s, &t, t_ns);
    score_objects(s, &o, now_s);
    score_lanes(s, &l, now_s);
}

static void end(void)
{
    score_result(s, &r);
    score_close(s);
}

Test(score, distance_detection_and_identity)
{
    begin(NULL);
    t.scene.n_objects = 2;
    t.scene.object[0] = car(1, 11.7f, 0, (struct box){600, 150, 700, 250}); /* 10 m */
    t.scene.object[1] = car(2, 51.7f, 0, (struct box){300, 160, 340, 190}); /* 50 m */
    o.n_objects = 2;
    o.object[0] = car(77, 12.2f, 0.1f, (struct box){605, 150, 700, 250});
    o.object[0].covariance[0] = 0.36f;                              /* 0.5 m off: within 1 sigma */
    o.object[0].covariance[6] = 0.004f;                             /* 0.1 m off: within 2 */
    o.object[1] = car(78, 30, 0, (struct box){900, 160, 940, 190}); /* nothing real */
    for (int i = 0; i < 10; i++) {
        o.object[0].id = i < 5 ? 77 : 79;
        frame(i * 100, 0.1 * i);
    }
    end();
    cr_expect_eq(r.compared, 10);
    cr_expect_eq(r.vehicle[0].asked, 10);
    cr_expect_eq(r.vehicle[0].found, 10);
    cr_expect_float_eq(r.vehicle[0].median_percent, 5, 0.01);
    cr_expect_float_eq(r.vehicle[0].bias_percent, 5, 0.01);
    cr_expect_eq(r.vehicle[2].asked, 10);
    cr_expect_eq(r.vehicle[2].found, 0);
    cr_expect(isnan(r.vehicle[2].median_percent));
    cr_expect_eq(r.published, 20);
    cr_expect_eq(r.false_alarms, 10);
    cr_expect_eq(r.id_switches, 1);
    cr_expect_eq(r.position.n, 20);
    cr_expect_eq(r.position.within1, 10);
    cr_expect_eq(r.position.within2, 20);
}

Test(score, who_is_not_asked_for)
{
    begin(NULL);
    t.scene.n_objects = 4;
    for (int i = 0; i < 4; i++)
        t.scene.object[i] = car((uint64_t)i + 1, 11.7f, 0, (struct box){600, 150, 700, 250});
    t.scene.object[0].occlusion = 0.6f;
    t.scene.object[1].truncation = 0.3f;
    t.scene.object[2].box_px.y2 = 160;
    t.scene.object[3].x_m = 100;
    frame(5, 0);
    o.header.qualifier = QUALIFIER_NOT_AVAILABLE;
    t.scene.object[3].x_m = 10;
    frame(6, 0);
    o.header.qualifier = QUALIFIER_AVAILABLE;
    o.header.state_time_ns = 999; /* no truth of this instant */
    score_objects(s, &o, 0);
    end();
    cr_expect_eq(r.messages, 3);
    cr_expect_eq(r.compared, 1);
    cr_expect_eq(r.vehicle[0].asked, 0);
}

Test(score, lines)
{
    begin(NULL);
    t.scene.n_lanes = l.n_lanes = 2;
    for (int i = 0; i < 2; i++) {
        struct lane_boundary *a = &t.scene.lane[i], *b = &l.lane[i];

        lane_boundary_clear(a);
        lane_boundary_clear(b);
        a->role = b->role = i ? -1 : 1;
        a->kind = b->kind = LANE_LINE;
        a->has_metres = b->has_metres = true;
        for (int k = 0; k < SCENE_STATIONS; k++) {
            a->station[k] = (struct lane_station){2, 0, 0, 1};
            b->station[k] = (struct lane_station){2.1f + 0.1f * (float)i, 0, 0.15f, 1};
            if (SCENE_STATION_M[k] > 50)
                b->station[k].y_m = NAN;
        }
    }
    t.scene.ego_lane.offset_m = 0.5f;
    l.ego_lane.offset_m = 0.2f;
    frame(1, 0);
    end();
    cr_expect_eq(r.lane[0].asked, 2);
    cr_expect_eq(r.lane[0].found, 2);
    cr_expect_float_eq(r.lane[0].p95_m, 0.2, 1e-5);
    cr_expect_eq(r.lane[2].asked, 2);
    cr_expect_eq(r.lane[2].found, 0);
    cr_expect_eq(r.lines.n, 4);
    cr_expect_eq(r.lines.within1, 2);
    cr_expect_eq(r.lines.within2, 4);
    cr_expect_float_eq(r.offset_median_m, 0.3, 1e-5);
}

Test(score, faults_and_their_end)
{
    begin((const char *const[]){"freeze=1,1", "clock=4,2", "stall=6,1", NULL});
    for (int i = 0; i < 100; i++) {
        double now = 0.1 * i;
        bool frozen = now > 1.25 && now<2.15, jumped = now> 4.05 && now < 4.35;

        o.header.reasons = frozen ? 1u << REASON_FROZEN : jumped ? 1u << REASON_CLOCK_JUMP : 0;
        o.header.qualifier = frozen   ? QUALIFIER_NOT_AVAILABLE
                             : jumped ? QUALIFIER_AVAILABLE_REDUCED
                                      : QUALIFIER_AVAILABLE;
        frame(i, now);
    }
    end();
    cr_assert_eq(r.n_faults, 3);
    cr_expect_float_eq(r.fault[0].said_s, 0.3, 1e-6);
    cr_expect_float_eq(r.fault[0].recovered_s, 0.2, 1e-6);
    cr_expect_eq(r.fault[0].said, 7);
    cr_expect_eq(r.fault[0].silent, 3);
    cr_expect_float_eq(r.fault[1].said_s, 0.1, 1e-6);
    cr_expect_float_eq(r.fault[1].recovered_s, 0.4, 1e-6);
    cr_expect(isnan(r.fault[2].said_s), "nobody said that frames had stopped");
}

Test(score, table_and_json)
{
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    begin((const char *const[]){"blocked=1,1", NULL});
    end();
    score_print(&r, f);
    fclose(f);
    cr_expect(strstr(text, "blocked"), "%s", text);
    free(text);
    f = open_memstream(&text, &size);
    score_json(&r, f);
    fclose(f);
    json_t *j = json_loads(text, 0, NULL);
    cr_assert(j, "%s", text);
    cr_expect_eq(json_array_size(json_object_get(j, "vehicles")), SCORE_BANDS);
    cr_expect(
        json_is_null(json_object_get(json_array_get(json_object_get(j, "faults"), 0), "said_s")));
    json_decref(j);
    free(text);
}
