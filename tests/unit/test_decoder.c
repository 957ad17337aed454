#include "perception/heads/decoder.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/heads.h"

Test(decoder, shapes)
{
    struct tensor *t = TENSOR("t", 1, 7, 2);

    cr_assert(TENSOR_IS(t, 1, 7, 2));
    cr_assert(TENSOR_IS(t, 1, -1, -1));
    cr_assert_not(TENSOR_IS(t, 1, 7));
    cr_assert_not(TENSOR_IS(t, 1, 7, 3));
    cr_assert_not(TENSOR_IS(NULL, 1));
    t->type = DTYPE_I64;
    cr_assert_not(TENSOR_IS(t, 1, 7, 2));
}

Test(decoder, a_mismatch_tells_all_shapes_and_stays_within_bounds)
{
    struct head_io io = io_new(8, 8);
    struct why why;

    cr_assert_eq(head_mismatch(&io, "x", "this", &why), ERR_MISMATCH);
    cr_assert_str_eq(why.text, "decoder 'x' expects this; the model gives nothing");
    io_output(&io, TENSOR("a", 1, 7, 2));
    io_output(&io, TENSOR("b", 3));
    head_mismatch(&io, "x", "this", &why);
    cr_assert_str_eq(why.text, "decoder 'x' expects this; the model gives a (1, 7, 2), b (3)");
    for (int i = 0; i < 12; i++)
        io_output(&io, TENSOR("a_name_that_is_longer_than_anybody_would_like_it_to_be", 1, 2, 3));
    head_mismatch(&io, "x", "this", &why);
    cr_assert_lt(strlen(why.text), sizeof why.text);
    cr_assert_eq(head_output(&io, "b"), io.output[1]);
    cr_assert_null(head_output(&io, "c"));
}

Test(decoder, class_names)
{
    struct class_map map;
    struct why why;

    cr_assert_eq(class_map_parse("car,-,traffic_light", 3, &map, &why), OK);
    cr_assert_eq(map.class[0], OBJECT_CAR);
    cr_assert_eq(map.class[1], -1);
    cr_assert_eq(map.class[2], OBJECT_TRAFFIC_LIGHT);
    cr_assert_eq(class_map_parse("car,", 2, &map, &why), ERR_MISMATCH, "an empty name");
    cr_assert_eq(class_map_parse("", 1, &map, &why), ERR_MISMATCH);
    cr_assert_eq(class_map_parse("ca", 1, &map, &why), ERR_MISMATCH);
    cr_assert_eq(class_map_parse("car,car", 3, &map, &why), ERR_MISMATCH);
    char many[2 * 300] = "";
    for (int i = 0; i < 299; i++)
        strcat(many, i ? ",-" : "-");
    cr_assert_eq(class_map_parse(many, 299, &map, &why), ERR_MISMATCH, "more than a map holds");
}
