#include "daemon/clock.h"

#include <criterion/criterion.h>

#define MS NS_PER_MS

static struct timeline line;
static struct frame_header h;

static void begin(void)
{
    timeline_init(&line, 100 * MS);
}

TestSuite(clock, .init = begin);

/* A frame of this epoch; afterwards h.clock_epoch is what became of it. */
static enum arrival admit(uint64_t id, int64_t t_ns, uint32_t epoch)
{
    h = (struct frame_header){
        .frame_id = id, .t_sof_ns = t_ns, .clock_id = CLOCK_ID_SIM, .clock_epoch = epoch};
    return timeline_admit(&line, &h, TIME_UNKNOWN);
}

Test(clock, goes_on)
{
    int64_t a = clock_now_ns();

    cr_assert_leq(a, clock_now_ns());
}

Test(clock, frames_in_order)
{
    for (uint64_t i = 0; i < 50; i++) {
        cr_assert_eq(admit(i, (int64_t)i * 100 * MS, 3), ARRIVAL_NEW);
        cr_assert_eq(h.clock_epoch, 3);
    }
    cr_assert_eq(admit(60, 5200 * MS, 3), ARRIVAL_NEW, "gaps are no matter");
    cr_assert_eq(admit(61, 5200 * MS, 3), ARRIVAL_NEW, "nor is the same instant");
}

Test(clock, old_frames)
{
    admit(1, 100 * MS, 0);
    admit(3, 300 * MS, 0);
    cr_assert_eq(admit(3, 300 * MS, 0), ARRIVAL_DUPLICATE);
    cr_assert_eq(admit(3, 400 * MS, 0), ARRIVAL_DUPLICATE);
    cr_assert_eq(admit(2, 200 * MS, 0), ARRIVAL_LATE);
    cr_assert_eq(admit(1, 100 * MS, 0), ARRIVAL_DUPLICATE);
    cr_assert_eq(admit(4, 400 * MS, 0), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 0);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(admit(4, 400 * MS, 0), ARRIVAL_DUPLICATE, "however often");
}

Test(clock, late_frames_now_and_then_are_no_new_time)
{
    for (uint64_t i = 1; i < 50; i += 2) {
        cr_assert_eq(admit(2 * i, (int64_t)(2 * i) * 100 * MS, 0), ARRIVAL_NEW);
        cr_assert_eq(admit(2 * i - 1, (int64_t)(2 * i - 1) * 100 * MS, 0), ARRIVAL_LATE);
        cr_assert_eq(h.clock_epoch, 0);
    }
}

Test(clock, time_back_while_frames_go_on)
{
    admit(1, 900 * MS, 0);
    cr_assert_eq(admit(2, 800 * MS, 0), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 1);
    cr_assert_eq(admit(3, 900 * MS, 0), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 1);
}

/* Live: captured at t_ns, here at arrival_ns. Returns our epoch. */
static uint32_t epoch_at(uint64_t id, int64_t t_ns, int64_t arrival_ns)
{
    h = (struct frame_header){.frame_id = id, .t_sof_ns = t_ns, .clock_id = CLOCK_ID_MONOTONIC};
    cr_assert_eq(timeline_admit(&line, &h, arrival_ns), ARRIVAL_NEW);
    return h.clock_epoch;
}

static void ten_frames(int64_t step)
{
    for (int i = 0; i < 10; i++)
        cr_assert_eq(epoch_at((uint64_t)i, i * 100 * MS, 7 * NS_PER_S + i * step), 0);
}

Test(clock, time_that_leaps_forward_while_frames_arrive_as_ever)
{
    static const int64_t arrival_step[] = {100 * MS, 10 * MS, 400 * MS}; /* also a slow replay */

    for (int k = 0; k < 3; k++) {
        int64_t step = arrival_step[k], at = 7 * NS_PER_S + 10 * step;

        begin();
        ten_frames(step);
        cr_assert_eq(epoch_at(10, 3000 * MS, at), 1, "arrivals each %d ms", (int)(step / MS));
        for (int i = 11; i < 30; i++)
            cr_assert_eq(
                epoch_at((uint64_t)i, 3000 * MS + (i - 10) * 100 * MS, at + (i - 10) * step), 1,
                "once");
        cr_assert_eq(epoch_at(30, 7000 * MS, at + 20 * step), 2, "again");
    }
}

Test(clock, a_pause_a_loss_and_a_burst_are_no_leap)
{
    ten_frames(100 * MS);
    cr_assert_eq(epoch_at(10, 3000 * MS, 10 * NS_PER_S), 0, "it arrives as late");
    cr_assert_eq(epoch_at(35, 5500 * MS, 10001 * MS), 0, "the count goes on");
    for (int i = 36; i < 60; i++)
        cr_assert_eq(epoch_at((uint64_t)i, i * 100 * MS + 2000 * MS, 10002 * MS), 0, "a burst");
}

Test(clock, in_lock_step_the_count_speaks)
{
    for (uint64_t i = 0; i < 10; i++)
        admit(i, (int64_t)i * 100 * MS, 0);
    admit(30, 3000 * MS, 0);
    cr_assert_eq(h.clock_epoch, 0, "frames were left out");
    admit(31, 3500 * MS, 0);
    cr_assert_eq(h.clock_epoch, 0, "a few periods may pass");
    for (uint64_t i = 32; i < 42; i++)
        admit(i, (int64_t)i * 100 * MS + 400 * MS, 0);
    admit(42, 6700 * MS, 0);
    cr_assert_eq(h.clock_epoch, 1);
}

Test(clock, slow_cameras_and_first_frames_do_not_leap)
{
    for (int i = 0; i < 10; i++)
        cr_assert_eq(epoch_at((uint64_t)i, i * NS_PER_S, i * MS), 0, "one a second, not ten");
}

Test(clock, a_loop_that_nobody_announces)
{
    for (int round = 0; round < 3; round++)
        for (uint64_t i = 0; i < 30; i++) {
            cr_assert_eq(admit(i, (int64_t)i * 100 * MS, 0), ARRIVAL_NEW);
            cr_assert_eq(h.clock_epoch, round);
        }
}

Test(clock, a_short_loop_is_found_out_after_three)
{
    for (uint64_t i = 0; i < 5; i++)
        admit(i, (int64_t)i * 100 * MS, 0);
    cr_assert_eq(admit(0, 0, 0), ARRIVAL_DUPLICATE);
    cr_assert_eq(admit(1, 100 * MS, 0), ARRIVAL_DUPLICATE);
    cr_assert_eq(admit(2, 200 * MS, 0), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 1);
    cr_assert_eq(admit(3, 300 * MS, 0), ARRIVAL_NEW);
}

Test(clock, a_short_drive_again)
{
    admit(0, 0, 0);
    admit(1, 100 * MS, 0);
    h = (struct frame_header){
        .frame_id = 2, .t_sof_ns = 200 * MS, .clock_id = CLOCK_ID_SIM, .last = true};
    cr_assert_eq(timeline_admit(&line, &h, TIME_UNKNOWN), ARRIVAL_NEW);
    cr_assert_eq(admit(2, 200 * MS, 0), ARRIVAL_DUPLICATE, "that was its end");
    cr_assert_eq(admit(0, 0, 0), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 1);
    cr_assert_eq(admit(1, 100 * MS, 0), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 1, "not again");
}

Test(clock, epochs_of_the_sender_never_take_ours_back)
{
    admit(1, 100 * MS, 0);
    admit(2, 50 * MS, 0);
    cr_assert_eq(h.clock_epoch, 1);
    cr_assert_eq(admit(1, 10 * MS, 1), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 2, "1 is taken");
    cr_assert_eq(admit(1, 10 * MS, 9), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 9);
    cr_assert_eq(admit(1, 10 * MS, 0), ARRIVAL_NEW, "the sender was started again");
    cr_assert_eq(h.clock_epoch, 10);
    h.clock_id = CLOCK_ID_UTC;
    h.clock_epoch = 0;
    cr_assert_eq(timeline_admit(&line, &h, TIME_UNKNOWN), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 11, "another clock is another time");
}

Test(clock, extreme_times)
{
    int64_t far = INT64_C(1) << 62; /* what the parser lets through */

    cr_assert_eq(admit(1, far, 0), ARRIVAL_NEW);
    cr_assert_eq(admit(2, -far, 0), ARRIVAL_NEW);
    cr_assert_eq(h.clock_epoch, 1);
    cr_assert_eq(admit(UINT64_MAX, far, UINT32_MAX), ARRIVAL_NEW);
    cr_assert_eq(admit(0, -far, UINT32_MAX), ARRIVAL_NEW);
}

static int64_t period_after(int n, int64_t step, int64_t jitter)
{
    int64_t t = 0;

    for (int i = 0; i < n; i++) {
        t += step + (i % 2 ? jitter : -jitter);
        admit((uint64_t)i, t, 0);
    }
    return line.period_ns;
}

Test(clock, the_period_follows_a_steady_rate)
{
    cr_assert_eq(period_after(5, 50 * MS, 0), 100 * MS, "too early to tell");
    begin();
    cr_assert_eq(period_after(20, 50 * MS, 0), 50 * MS);
    begin();
    cr_assert_eq(period_after(20, 97 * MS, 3 * MS), 100 * MS, "as promised");
    begin();
    cr_assert_eq(period_after(20, 50 * MS, 30 * MS), 100 * MS, "not steady");
    begin();
    cr_assert_eq(period_after(20, 5 * MS, 0), 100 * MS, "a burst");
    begin();
    cr_assert_eq(period_after(20, 300 * MS, 0), 300 * MS);
    admit(1000, 3600 * NS_PER_S, 0);
    cr_assert_eq(line.period_ns, 300 * MS, "a pause is no rate");
}
