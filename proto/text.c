#include "proto/text.h"

#include <stdint.h>

static bool continues(const uint8_t *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return false;
    return true;
}

size_t text_character(const char *text, size_t size)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t n;

    if (size == 0 || s[0] < 0x20 || s[0] == 0x7f)
        return 0;
    if (s[0] < 0x80)
        return 1;
    n = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (n == 0 || n > size || !continues(s, n))
        return 0;
    if ((s[0] == 0xc2 && s[1] < 0xa0) ||  /* C1 control characters */
        (s[0] == 0xe0 && s[1] < 0xa0) ||  /* longer than needed */
        (s[0] == 0xed && s[1] >= 0xa0) || /* surrogates */
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}

bool text_is_name(const char *s, size_t size, size_t max)
{
    if (size == 0 || size >= max)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
              (s[i] >= '0' && s[i] <= '9') || s[i] == '_' || s[i] == '.' || s[i] == '-'))
            return false;
    return true;
}
