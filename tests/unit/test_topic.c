#include <criterion/criterion.h>
#include <string.h>

#include "proto/wire.h"

static enum topic parse(const char *text, char name[MESSAGE_MAX_NAME])
{
    return topic_parse((struct bytes){(const uint8_t *)text, strlen(text)}, name);
}

Test(topic, there_and_back)
{
    for (enum topic t = TOPIC_FRAME; t < TOPIC_COUNT; t++) {
        char text[MESSAGE_MAX_NAME + 16], name[MESSAGE_MAX_NAME];
        size_t n = topic_format(t, "cam_0.left-A", text);

        cr_expect_eq(n, strlen(text));
        cr_expect_eq(parse(text, name), t);
        cr_expect_str_eq(name, t == TOPIC_STATUS ? "" : "cam_0.left-A");
    }
}

Test(topic, others_are_unknown)
{
    static const char *const wrong[] = {
        "",        "/",        "objects",   "objects/",     "objects/a/b", "objects/a b",
        "Frame/a", "frames/a", "status/",   "status/front", "statu",       "objects/\xc3\xa9",
        "ego",     "lanes/*",  "frame/a\n", "status ",      "/front",
    };
    char name[MESSAGE_MAX_NAME], text[200];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(parse(wrong[i], name), TOPIC_UNKNOWN, "'%s'", wrong[i]);
        cr_expect_str_eq(name, "");
    }
    cr_expect_eq(topic_parse((struct bytes){NULL, 0}, name), TOPIC_UNKNOWN);
    cr_expect_eq(topic_parse((struct bytes){(const uint8_t *)"frame/a\0b", 9}, name),
                 TOPIC_UNKNOWN);
    memset(text, 'x', sizeof text);
    memcpy(text, "frame/", 6);
    text[6 + MESSAGE_MAX_NAME - 1] = 0;
    cr_expect_eq(parse(text, name), TOPIC_FRAME);
    cr_expect_eq(strlen(name), MESSAGE_MAX_NAME - 1);
    text[6 + MESSAGE_MAX_NAME - 1] = 'x';
    text[6 + MESSAGE_MAX_NAME] = 0;
    cr_expect_eq(parse(text, name), TOPIC_UNKNOWN);
}

Test(topic, truth_is_the_same_topic_behind_a_prefix)
{
    const char *cases[][2] = {{"truth/objects/front", "objects/front"},
                              {"objects/front", "objects/front"},
                              {"truth/", "truth/"},
                              {"truth", "truth"},
                              {"truths/objects/front", "truths/objects/front"}};

    for (int i = 0; i < 5; i++) {
        struct bytes b =
            topic_without_truth((struct bytes){(const uint8_t *)cases[i][0], strlen(cases[i][0])});

        cr_expect_eq(b.size, strlen(cases[i][1]));
        cr_expect_eq(memcmp(b.data, cases[i][1], b.size), 0);
    }
    char name[MESSAGE_MAX_NAME];
    cr_expect_eq(topic_parse((struct bytes){(const uint8_t *)cases[0][0], 19}, name), TOPIC_UNKNOWN,
                 "nobody takes it for an answer");
}
