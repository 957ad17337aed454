/* Our own motion, from pictures that the simulator drew, through the whole pipeline and our own
 * network: `outrider eval ego` as people call it. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "tests/e2e/harness.h"
#include "tests/folder.h"

#define CONFIG "sim/examples/sim.yaml"

static struct folder f;
static char said[8192];

static void make(void)
{
    folder_make(&f);
}

static void drop(void)
{
    folder_remove(&f);
}

TestSuite(eval_ego, .init = make, .fini = drop, .timeout = 240);

static double number(const json_t *j, const char *part, const char *name)
{
    const json_t *v = json_object_get(json_object_get(j, part), name);

    cr_assert(json_is_number(v), "%s.%s in %s", part, name, said);
    return json_number_value(v);
}

Test(eval_ego, a_simulated_drive_tells_how_it_was_driven)
{
    char set[128], out[128];

    snprintf(set, sizeof set, "%s", folder_path(&f, "set"));
    snprintf(out, sizeof out, "%s", folder_path(&f, "out.jsonl"));
    const char *sim[] = {"outrider",   "sim",    "--write", set,      "--scenario",
                         "empty_road", "--seed", "9",       "--rate", "10",
                         "--frames",   "40",     NULL};
    const char *run[] = {"outrider", "run", "-c", CONFIG, "--set", "ego_motion=pictures",
                         "--input",  set,   "-o", out,    NULL};
    const char *eval[] = {"outrider", "eval", "ego", "--set", set, "--run", out, "--json", NULL};

    cr_assert_eq(program_run(sim, said, sizeof said), 0, "%s", said);
    cr_assert_eq(program_run(run, said, sizeof said), 0, "%s", said);
    cr_assert_eq(program_run(eval, said, sizeof said), 0, "%s", said);
    json_t *j = json_loads(said, 0, NULL);
    cr_assert_not_null(j, "%s", said);
    cr_expect_eq(json_integer_value(json_object_get(j, "frames")), 40);
    cr_expect_gt(number(j, "speed_mps", "said"), 0.5, "%s", said);
    cr_expect_lt(number(j, "speed_mps", "rms"), 1, "%s", said); /* at 19 m/s */
    cr_expect_gt(number(j, "speed_mps", "within_2_sigma"), 0.85, "%s", said);
    cr_expect_gt(number(j, "yaw_rate_radps", "said"), 0.8, "%s", said);
    cr_expect_lt(number(j, "yaw_rate_radps", "rms"), 0.006, "%s", said);
    json_decref(j);
}

Test(eval_ego, says_what_is_wrong_with_its_files)
{
    const char *eval[] = {"outrider", "eval", "ego", "--set", f.path, "--run", "x.jsonl", NULL};
    const char *alone[] = {"outrider", "eval", "ego", "--set", f.path, NULL};

    cr_expect_eq(program_run(alone, said, sizeof said), 2);
    cr_expect_eq(program_run(eval, said, sizeof said), 1);
    cr_expect(strstr(said, "truth.jsonl"), "%s", said);
    folder_put_text(&f, "truth.jsonl", "{\"ego\": {\"speed_mps\": 3}}\n");
    cr_expect_eq(program_run(eval, said, sizeof said), 1);
    cr_expect(strstr(said, "truth.jsonl:1: ego must be"), "%s", said);
    folder_put_text(&f, "truth.jsonl", "{\"ego\": {\"speed_mps\": 3, \"yaw_rate_radps\": 0}}\n");
    folder_put_text(&f, "run.jsonl",
                    "{\"topic\": \"objects/front\", \"header\": {\"frame_id\": 7}}\n");
    eval[6] = folder_path(&f, "run.jsonl");
    cr_expect_eq(program_run(eval, said, sizeof said), 1);
    cr_expect(strstr(said, "frame 7, the set has 1"), "%s", said);
}
