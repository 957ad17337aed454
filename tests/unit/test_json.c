#include "proto/json.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/ego.pb-c.h"
#include "proto/lanes.pb-c.h"
#include "proto/status.pb-c.h"
#include "tests/wire_samples.h"

static char *text;
static size_t size;

static const char *print(const void *message, enum json_style style)
{
    FILE *f;

    free(text);
    f = open_memstream(&text, &size);
    json_print(f, message, style);
    fclose(f);
    return text;
}

Test(json, one_line)
{
    Outrider__Ego e = OUTRIDER__EGO__INIT;

    cr_expect_str_eq(print(&e, JSON_LINE), "{}");
    cr_expect_str_eq(print(&e, JSON_INDENTED), "{}");
    e.has_t_ns = e.has_clock_id = e.has_speed_mps = e.has_yaw_rate_radps = 1;
    e.t_ns = INT64_MIN;
    e.clock_id = OUTRIDER__CLOCK__CLOCK_UTC;
    e.speed_mps = 0.1f;
    e.yaw_rate_radps = NAN;
    cr_expect_str_eq(print(&e, JSON_LINE),
                     "{\"t_ns\":-9223372036854775808,\"clock_id\":\"CLOCK_UTC\","
                     "\"speed_mps\":0.1,\"yaw_rate_radps\":null}");
    e.clock_id = 99;
    e.has_t_ns = e.has_speed_mps = e.has_yaw_rate_radps = 0;
    cr_expect_str_eq(print(&e, JSON_INDENTED), "{\n  \"clock_id\": 99\n}");
}

Test(json, lists_texts_and_bytes)
{
    float y[] = {1, NAN, -0.0f, 16777216, 1e-20f, 0.333333343f};
    Outrider__LaneBoundary b = OUTRIDER__LANE_BOUNDARY__INIT, *boundaries[] = {&b, &b};
    Outrider__Lanes lanes = OUTRIDER__LANES__INIT;
    Outrider__Road road = OUTRIDER__ROAD__INIT;
    Outrider__Status s = OUTRIDER__STATUS__INIT;

    b.n_y_m = sizeof y / sizeof *y;
    b.y_m = y;
    lanes.n_boundaries = 2;
    lanes.boundaries = boundaries;
    lanes.road = &road;
    road.has_probability = 1;
    road.probability = (ProtobufCBinaryData){3, (uint8_t *)"\x00\x7f\xff"};
    cr_expect_str_eq(print(&lanes, JSON_LINE),
                     "{\"boundaries\":[{\"y_m\":[1,null,-0,16777216,1e-20,0.33333334]},"
                     "{\"y_m\":[1,null,-0,16777216,1e-20,0.33333334]}],"
                     "\"road\":{\"probability\":\"007fff\"}}");
    b.n_y_m = 0;
    cr_expect_str_eq(print(&lanes, JSON_INDENTED),
                     "{\n  \"boundaries\": [\n    {},\n    {}\n  ],\n"
                     "  \"road\": {\n    \"probability\": \"007fff\"\n  }\n}");
    s.version = "a\"\\\x1b\xc3\xa9\xff";
    cr_expect_str_eq(print(&s, JSON_LINE), "{\"version\":\"a\\\"\\\\\\u001b\xc3\xa9\\ufffd\"}");
}

static json_t *message(struct wire *w, const char *topic, struct bytes body, enum json_style style)
{
    struct bytes t = {(const uint8_t *)topic, strlen(topic)};
    struct why why;
    FILE *f;
    json_t *root;
    json_error_t error;
    static uint8_t copy[64 << 10];

    memcpy(copy, body.data, body.size);
    free(text);
    f = open_memstream(&text, &size);
    cr_assert_eq(json_message(w, t, (struct bytes){copy, body.size}, style, f, &why), OK, "%s",
                 why.text);
    fclose(f);
    if (style == JSON_LINE)
        cr_expect_null(strchr(text, '\n'));
    root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    cr_assert_not_null(root, "%s: %s", topic, error.text);
    cr_expect_str_eq(json_string_value(json_object_get(root, "topic")), topic);
    return root;
}

Test(json, every_message_is_json)
{
    static struct objects_message objects;
    static struct lanes_message lanes;
    struct status_message status;
    struct wire *w;

    cr_assert_eq(wire_open(&w), OK);
    for (enum json_style style = JSON_LINE; style <= JSON_INDENTED; style++) {
        json_t *root, *o;

        sample_objects(&objects, SCENE_MAX_OBJECTS);
        root = message(w, "objects/front", wire_objects_pack(w, &objects), style);
        cr_expect_eq(json_array_size(json_object_get(root, "objects")), SCENE_MAX_OBJECTS);
        o = json_array_get(json_object_get(root, "objects"), 5);
        cr_expect_eq(json_integer_value(json_object_get(o, "id")), 105);
        cr_expect_eq(json_real_value(json_object_get(o, "y_m")), -1.25);
        cr_expect_str_eq(json_string_value(json_object_get(o, "measurement")), "MEASURED");
        json_decref(root);
        sample_lanes(&lanes, SCENE_MAX_LANES);
        json_decref(message(w, "lanes/front", wire_lanes_pack(w, &lanes), style));
        sample_status(&status, MESSAGE_MAX_CAMERAS);
        json_decref(message(w, "status", wire_status_pack(w, &status), style));
        json_decref(message(w, "truth/lanes/front", wire_lanes_pack(w, &lanes), style));
    }
    wire_close(w);
}

Test(json, other_bytes_and_topics)
{
    struct bytes bad = {(const uint8_t *)"\xff\xff", 2};
    struct wire *w;
    struct why why;

    cr_assert_eq(wire_open(&w), OK);
    cr_expect_eq(
        json_message(w, (struct bytes){(const uint8_t *)"status", 6}, bad, JSON_LINE, stdout, &why),
        ERR_FORMAT);
    cr_expect_eq(
        json_message(w, (struct bytes){(const uint8_t *)"states", 6}, bad, JSON_LINE, stdout, &why),
        ERR_UNSUPPORTED);
    wire_close(w);
}
