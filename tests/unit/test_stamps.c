#include "sim/stamps.h"

#include <criterion/criterion.h>
#include <string.h>

static int64_t t_ns[8];
static struct why why;

static enum err parse(const char *text, int n, const char *const *names)
{
    char *name[8];

    for (int i = 0; i < n; i++)
        name[i] = (char *)names[i];
    why.text[0] = 0;
    return stamps_parse(text, "t.txt", &(struct listing){n, name}, t_ns, &why);
}

static const char *const three[] = {"0000000001.png", "0000000002.png", "0000000004.png"};

static void refused(const char *text, int n, const char *const *names, const char *word)
{
    cr_expect_eq(parse(text, n, names), ERR_FORMAT, "%s", text);
    cr_expect(strstr(why.text, word), "%s", why.text);
}

Test(stamps, forms)
{
    static const struct {
        const char *text;
        int64_t t_ns;
    } good[] = {
        {"2011-09-26 13:02:25.964389445", 1317042145964389445},
        {"2011-09-26 13:02:25", 1317042145000000000},
        {"2011-09-26T13:02:25.5Z", 1317042145500000000},
        {"0.103736", 103736000},
        {"12.", 12000000000},
        {".5", 500000000},
        {"1.037360e-01", 103736000},
        {"1403636579.763555584", 1403636579763555584},
        {"0.1234567899", 123456789},
        {"1403636579763555584", 1403636579763555584},
        {"4611686018427387904", INT64_C(1) << 62},
        {"  7 \r", 7},
    };
    static const char *const bad[] = {"",
                                      "x",
                                      "-1",
                                      "1 2",
                                      "nan",
                                      "1e99",
                                      "inf",
                                      "0x10",
                                      "2011-09-26",
                                      "1.2.3",
                                      "9999999999.",
                                      "2011-13-26 13:02:25",
                                      "2011-09-26 13:02:25.5x",
                                      "4611686018427387905",
                                      "99999999999999999999999"};
    int64_t t;

    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_expect(stamp_parse(good[i].text, strlen(good[i].text), &t), "%s", good[i].text);
        cr_expect_eq(t, good[i].t_ns, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(stamp_parse(bad[i], strlen(bad[i]), &t), "%s", bad[i]);
}

Test(stamps, lines_in_order)
{
    cr_assert_eq(parse("# s\n0.1\n\n0.2\r\n0.4", 3, three), OK, "%s", why.text);
    cr_assert(t_ns[0] == 100000000 && t_ns[1] == 200000000 && t_ns[2] == 400000000);
}

Test(stamps, numbered_names_choose_their_lines)
{
    cr_assert_eq(parse("10\n11\n12\n13\n14\n15\n", 3, three), OK, "%s", why.text);
    cr_assert(t_ns[0] == 11 && t_ns[1] == 12 && t_ns[2] == 14);
}

Test(stamps, csv)
{
    static const char *const names[] = {"a.png", "b,c.png", "d.png"};

    cr_assert_eq(
        parse("name,time\nd.png, 3.5\nelsewhere.png,2\na.png,1.5\n2.5,b,c.png\n", 3, names), OK,
        "%s", why.text);
    cr_assert(t_ns[0] == 1500000000 && t_ns[1] == 2500000000 && t_ns[2] == 3500000000);
    refused("a.png,1\nd.png,3\n", 3, names, "no time for b,c.png");
    refused("a.png,1\nd.png,soon\n", 3, names, "t.txt:2: 'soon' is not a time");
    refused("a.png,1\nd.png 2\n", 3, names, "t.txt:2: 'd.png 2' has no comma");
    refused("a.png,9\nd.png,3\n5,b,c.png", 3, names, "b,c.png is not later than a.png");
}

Test(stamps, broken)
{
    static const char *const names[] = {"a.png", "b.png", "c.png"};

    refused("", 3, three, "empty");
    refused("# nothing\n", 3, three, "empty");
    refused("1\n2\nthree\n", 3, three, "t.txt:3: 'three' is not a time");
    refused("1\n3\n2\n", 3, three, "t.txt:3: '2' is not later");
    refused("1\n2\n2\n", 3, three, "t.txt:3: '2' is not later");
    refused("1\n2\n", 3, three, "2 times for 3 pictures");
    refused("1\n2\n3\n4\n", 3, names, "4 times for 3 pictures");
}
