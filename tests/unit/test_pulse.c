#include "daemon/pulse.h"

#include <criterion/criterion.h>

#include "proto/message.h"

enum { P = 100 }; /* the period; nanoseconds here, but nobody waits */

static struct pulse pulse;
static int64_t next;

static void begin(void)
{
    pulse_init(&pulse);
}

TestSuite(pulse, .init = begin);

static struct pulse_view at(int64_t now, int64_t received)
{
    return (struct pulse_view){
        .now_ns = now, .period_ns = P, .received_ns = received, .busy_since_ns = TIME_UNKNOWN};
}

static enum pulse_speech check(struct pulse_view v)
{
    return pulse_check(&pulse, &v, &next);
}

Test(pulse, speaks_at_once_and_every_period)
{
    cr_assert_eq(check(at(1000, TIME_UNKNOWN)), PULSE_NO_FRAMES);
    cr_assert_eq(next, 1100);
    cr_assert_eq(check(at(1099, TIME_UNKNOWN)), PULSE_NOTHING);
    cr_assert_eq(check(at(1103, TIME_UNKNOWN)), PULSE_NO_FRAMES);
    cr_assert_eq(next, 1200, "being late once does not shift the beat");
    cr_assert_eq(check(at(1500, TIME_UNKNOWN)), PULSE_NO_FRAMES);
    cr_assert_eq(next, 1600, "what was missed is not made up for");
}

Test(pulse, is_silent_while_answers_come)
{
    for (int64_t t = 1000; t < 3000; t += P) {
        pulse_answered(&pulse, t + 40);
        cr_assert_eq(check(at(t + 50, t)), PULSE_NOTHING);
        cr_assert_eq(check(at(t + 130, t + P)), PULSE_NOTHING, "the next frame is there");
    }
}

Test(pulse, says_that_frames_stopped_within_two_periods)
{
    pulse_answered(&pulse, 1080); /* the frame came at 1000 */
    cr_assert_eq(check(at(1100, 1000)), PULSE_NOTHING);
    cr_assert_eq(next, 1150);
    cr_assert_eq(check(at(1150, 1000)), PULSE_NO_FRAMES);
    cr_assert_eq(check(at(1160, 1000)), PULSE_NOTHING);
    cr_assert_eq(next, 1250);
    cr_assert_eq(check(at(1250, 1000)), PULSE_NO_FRAMES);
}

Test(pulse, waits_for_the_last_answer_but_not_for_long)
{
    struct pulse_view v = at(1160, 1000);

    pulse_answered(&pulse, 1020);
    v.busy_since_ns = 1000;
    cr_assert_eq(check(v), PULSE_NOTHING, "it is being answered");
    v.now_ns = next;
    cr_assert_eq(next, 1170);
    cr_assert_eq(check(v), PULSE_NO_FRAMES);
}

Test(pulse, a_busy_worker_is_overload)
{
    struct pulse_view v = at(1150, 1100);

    pulse_answered(&pulse, 1000);
    v.busy_since_ns = 1050;
    cr_assert_eq(check(v), PULSE_OVERLOAD);
    v.now_ns = next;
    v.received_ns = 1200;
    cr_assert_eq(check(v), PULSE_OVERLOAD);
    v.now_ns = 1050 + PULSE_HUNG_NS;
    v.received_ns = v.now_ns - 10;
    cr_assert_eq(check(v), PULSE_HUNG);
}

Test(pulse, loading_is_told_from_overload)
{
    struct pulse_view v = at(1000, 990);

    v.loading = v.waiting = true;
    cr_assert_eq(check(v), PULSE_LOADING);
    v.now_ns = 1200;
    cr_assert_eq(check(v), PULSE_NO_FRAMES);
}
