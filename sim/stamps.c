#include "sim/stamps.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STAMP_MAX = 64, NAME_MAX_DIGITS = 18 };
#define NS_PER_S INT64_C(1000000000)
#define MAX_NS (INT64_C(1) << 62)

/* ---- one time ------------------------------------------------------------------------------ */

/* ".964389445" -> nanoseconds; digits beyond the ninth are cut off. NULL: something else is there.
 */
static const char *read_fraction(const char *s, int64_t *ns)
{
    int64_t unit = NS_PER_S;

    *ns = 0;
    if (*s != '.')
        return s;
    for (s++; isdigit((unsigned char)*s); s++) {
        unit /= 10;
        *ns += (*s - '0') * unit;
    }
    return s;
}

static bool parse_date(const char *s, int64_t *t_ns)
{
    struct tm tm = {0};
    int64_t ns;
    const char *end = strptime(s, "%Y-%m-%d", &tm);

    if (!end || (*end != ' ' && *end != 'T'))
        return false;
    if (!(end = strptime(end + 1, "%H:%M:%S", &tm)))
        return false;
    end = read_fraction(end, &ns);
    if (*end == 'Z')
        end++;
    int64_t seconds = timegm(&tm);
    if (*end || seconds < 0 || seconds >= MAX_NS / NS_PER_S)
        return false;
    *t_ns = seconds * NS_PER_S + ns;
    return true;
}

static bool parse_number(const char *s, int64_t *t_ns)
{
    size_t digits = strspn(s, "0123456789");
    const char *rest = s + digits;
    int64_t whole = 0, ns;
    char *end;

    if (!digits && *s != '.')
        return false;
    if (strpbrk(s, "eE")) {
        double seconds = strtod(s, &end);

        if (*end || !(seconds >= 0 && seconds * 1e9 < (double)MAX_NS))
            return false;
        *t_ns = llround(seconds * 1e9);
        return true;
    }
    for (size_t i = 0; i < digits; i++) {
        int digit = s[i] - '0';

        if (whole > (MAX_NS - digit) / 10)
            return false;
        whole = 10 * whole + digit;
    }
    *t_ns = whole;
    if (!*rest)
        return true;
    rest = read_fraction(rest, &ns);
    if (*rest || whole >= MAX_NS / NS_PER_S)
        return false;
    *t_ns = whole * NS_PER_S + ns;
    return true;
}

bool stamp_parse(const char *s, size_t size, int64_t *t_ns)
{
    char text[STAMP_MAX];

    while (size && isspace((unsigned char)s[0])) {
        s++;
        size--;
    }
    while (size && isspace((unsigned char)s[size - 1]))
        size--;
    if (size == 0 || size >= sizeof text)
        return false;
    memcpy(text, s, size);
    text[size] = 0;
    return parse_date(text, t_ns) || parse_number(text, t_ns);
}

/* ---- the file ------------------------------------------------------------------------------ */

struct line {
    const char *text; /* without space around it */
    size_t size;
    int number; /* in the file, from 1 */
};

/* The next line that says something. */
static bool next_line(const char **at, struct line *l)
{
    while (**at) {
        const char *s = *at;
        size_t n = strcspn(s, "\n");

        *at = s + n + (s[n] == '\n');
        l->number++;
        while (n && isspace((unsigned char)s[n - 1]))
            n--;
        while (n && isspace((unsigned char)*s)) {
            s++;
            n--;
        }
        if (n && *s != '#') {
            l->text = s;
            l->size = n;
            return true;
        }
    }
    return false;
}

static int picture_find(const struct listing *l, const char *s, size_t size)
{
    int lo = 0, hi = l->n;
    char name[256];

    if (size >= sizeof name)
        return -1;
    memcpy(name, s, size);
    name[size] = 0;
    while (lo < hi) {
        int middle = lo + (hi - lo) / 2, order = name_compare(l->name[middle], name);

        if (order == 0)
            return middle;
        if (order < 0)
            lo = middle + 1;
        else
            hi = middle;
    }
    return -1;
}

/* "NAME,TIME" or "TIME,NAME": what is not the name of a picture becomes l. *picture is -1 where
 * neither is: a heading, or a picture that is not here. False: there is no comma. */
static bool split_csv(const struct listing *pictures, struct line *l, int *picture)
{
    const char *comma = memchr(l->text, ',', l->size);
    size_t left = comma ? (size_t)(comma - l->text) : 0, right = comma ? l->size - left - 1 : 0;

    if (!comma)
        return false;
    if ((*picture = picture_find(pictures, l->text, left)) >= 0) {
        l->text = comma + 1;
        l->size = right;
    } else {
        *picture = picture_find(pictures, comma + 1, right);
        l->size = left;
    }
    return true;
}

static enum err parse_csv(const char *text, const char *name, const struct listing *pictures,
                          int64_t *t_ns, struct why *why)
{
    struct line l = {0};
    int picture;

    for (int i = 0; i < pictures->n; i++)
        t_ns[i] = -1;
    while (next_line(&text, &l)) {
        if (!split_csv(pictures, &l, &picture))
            return err_say(why, ERR_FORMAT, "%s:%d: '%.*s' has no comma", name, l.number,
                           (int)l.size, l.text);
        if (picture >= 0 && !stamp_parse(l.text, l.size, &t_ns[picture]))
            return err_say(why, ERR_FORMAT, "%s:%d: '%.*s' is not a time", name, l.number,
                           (int)l.size, l.text);
    }
    for (int i = 0; i < pictures->n; i++)
        if (t_ns[i] < 0)
            return err_say(why, ERR_FORMAT, "%s: no time for %s", name, pictures->name[i]);
    for (int i = 1; i < pictures->n; i++)
        if (t_ns[i] <= t_ns[i - 1])
            return err_say(why, ERR_FORMAT, "%s: %s is not later than %s", name, pictures->name[i],
                           pictures->name[i - 1]);
    return OK;
}

/* "0000000012.png" -> 12; -1: there is more than a number. */
static int64_t name_number(const char *name)
{
    size_t n = strspn(name, "0123456789");

    return n && n <= NAME_MAX_DIGITS && name[n] == '.' ? strtoll(name, NULL, 10) : -1;
}

/* Of how many lines there are, which one is picture i's? -1: nobody knows. */
static int64_t line_of(const struct listing *pictures, int i, int lines)
{
    int64_t k = lines == pictures->n ? i : name_number(pictures->name[i]);

    return k < lines ? k : -1;
}

static enum err parse_lines(const char *text, const char *name, const struct listing *pictures,
                            int64_t *t_ns, struct why *why)
{
    const char *at = text;
    struct line l = {0};
    int64_t t, before = -1;
    int lines = 0, picture = 0;

    while (next_line(&at, &l))
        lines++;
    for (int i = 0; i < pictures->n; i++)
        if (line_of(pictures, i, lines) < 0)
            return err_say(why, ERR_FORMAT,
                           "%s: %d times for %d pictures, and the name %s does not tell its line",
                           name, lines, pictures->n, pictures->name[i]);
    l = (struct line){0};
    for (int k = 0; next_line(&text, &l); k++) {
        if (!stamp_parse(l.text, l.size, &t))
            return err_say(why, ERR_FORMAT, "%s:%d: '%.*s' is not a time", name, l.number,
                           (int)l.size, l.text);
        if (t <= before)
            return err_say(why, ERR_FORMAT, "%s:%d: '%.*s' is not later than the line before", name,
                           l.number, (int)l.size, l.text);
        before = t;
        while (picture < pictures->n && line_of(pictures, picture, lines) == k)
            t_ns[picture++] = t;
    }
    return OK;
}

enum err stamps_parse(const char *text, const char *name, const struct listing *pictures,
                      int64_t *t_ns, struct why *why)
{
    const char *at = text;
    struct line first = {0};

    if (!next_line(&at, &first))
        return err_say(why, ERR_FORMAT, "%s: empty", name);
    return memchr(first.text, ',', first.size) ? parse_csv(text, name, pictures, t_ns, why)
                                               : parse_lines(text, name, pictures, t_ns, why);
}
