#include "daemon/cli/set_choice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/train_simulator.h"

static struct set_choice c;
static struct why why;
static char text[200];

static enum err parse(const char *from)
{
    snprintf(text, sizeof text, "%s", from);
    return set_choice_parse(text, &c, &why);
}

Test(set_choice, a_path_alone_is_everything)
{
    cr_assert_eq(parse("../some/set"), OK);
    cr_assert_str_eq(c.path, "../some/set");
    cr_assert_eq(c.weight, 1);
    cr_assert(set_choice_takes(&c, "a.jpg", 0));
}

Test(set_choice, names_and_numbers)
{
    cr_assert_eq(parse("set,only=Town0*,without=*_9.jpg,weight=0.25,every=2/1"), OK, "%s",
                 why.text);
    cr_assert_eq(c.weight, 0.25);
    cr_assert(set_choice_takes(&c, "Town02_1.jpg", 3));
    cr_assert_not(set_choice_takes(&c, "Town02_1.jpg", 2));
    cr_assert_not(set_choice_takes(&c, "Town12_1.jpg", 3));
    cr_assert_not(set_choice_takes(&c, "Town02_9.jpg", 3));
    cr_assert_eq(parse("set,without-every=10/9"), OK);
    cr_assert_not(set_choice_takes(&c, "x", 19));
    cr_assert(set_choice_takes(&c, "x", 20));
}

Test(set_choice, the_simulator_is_told_what_to_draw)
{
    cr_assert_eq(parse("sim:town.yaml,seed=7,frames=64,calibration=cam.yaml,weight=2"), OK, "%s",
                 why.text);
    cr_assert_str_eq(set_choice_simulator(&c), "town.yaml");
    cr_assert_str_eq(c.calibration, "cam.yaml");
    cr_assert(c.seed == 7 && c.frames == 64 && c.weight == 2);
    cr_assert_eq(parse("simulated/set"), OK);
    cr_assert_null(set_choice_simulator(&c));
    cr_assert_eq(c.frames, 0);
}

Test(set_choice, a_step_learns_from_what_is_due)
{
    const struct train_simulator s = {.frames = 1000};
    int before = 0;

    cr_assert_eq(train_simulator_due(&s, 0, 400), 48);
    for (int step = 0; step < 400; step++) {
        const int due = train_simulator_due(&s, step, 400);

        cr_assert_geq(due, before);
        cr_assert_geq(due, step < 200 ? 5 * step : 1000);
        before = due;
    }
    cr_assert_eq(train_simulator_due(&(struct train_simulator){.frames = 30}, 0, 400), 30);
}

Test(set_choice, what_is_wrong_is_said)
{
    static const char *const wrong[][2] = {{"set,weight=x", "weight is 'x'"},
                                           {"set,weight=-1", "0 to 1000"},
                                           {"set,every=3", "must be N/K"},
                                           {"set,every=3/3", "0 <= K < N"},
                                           {"set,only=", "only: must be"},
                                           {"set,seed=1", "'seed=1' behind set: must be only=GLOB"},
                                           {"sim:curve,only=*", "must be seed=N"},
                                           {"sim:curve,frames=7", "frames is '7', must be 8 to"},
                                           {"sim:curve,seed=1x", "seed is '1x'"},
                                           {"set,half", "'half' behind set"},
                                           {"set,without-every=0/0", "without-every"}};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_assert_eq(parse(wrong[i][0]), ERR_FORMAT, "%s", wrong[i][0]);
        cr_assert(strstr(why.text, wrong[i][1]), "'%s' does not say '%s'", why.text, wrong[i][1]);
    }
}

Test(set_choice, marks_a_list)
{
    char *name[] = {"images/a1", "images/a2", "images/b1"};
    bool *keep;

    cr_assert_eq(parse("set,only=*1"), OK);
    cr_assert_eq(set_choice_mark(&c, name, 3, &keep, &why), OK);
    cr_assert(keep[0] && !keep[1] && keep[2]);
    free(keep);
    cr_assert_eq(parse("set,only=c*"), OK);
    cr_assert_eq(set_choice_mark(&c, name, 3, &keep, &why), ERR_FORMAT);
    cr_assert(strstr(why.text, "none of its 3 pictures"), "%s", why.text);
}
