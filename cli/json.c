/* json.c: reads the JSON that the library gives. It is well formed, so nothing is checked here. */
#include "program.h"

#include <stdio.h>
#include <string.h>

static const char *skip_blanks(const char *at) {
    return at + strspn(at, " \t\r\n");
}

/* What follows a value. */
static const char *past(const char *value) {
    int depth = 0;
    do {
        if (*value == '"') {
            for (value++; *value != '"'; value++)
                if (*value == '\\')
                    value++;
        } else if (*value == '{' || *value == '[') {
            depth++;
        } else if (*value == '}' || *value == ']') {
            depth--;
        }
        value++;
    } while (depth > 0 || (*value != '\0' && strchr(",:]} \t\r\n", *value) == NULL));
    return value;
}

const char *json_first(const char *array) {
    const char *item = skip_blanks(array + 1);
    return *item == ']' || *item == '}' ? NULL : item;
}

const char *json_after(const char *value) {
    const char *next = skip_blanks(past(value));
    return *next == ',' ? skip_blanks(next + 1) : NULL;
}

const char *json_value(const char *key) {
    return skip_blanks(skip_blanks(past(key)) + 1);
}

const char *json_member(const char *object, const char *name) {
    size_t length = strlen(name);
    if (object == NULL || *object != '{')
        return NULL;
    for (const char *key = json_first(object); key != NULL;) {
        const char *value = json_value(key);
        if (strncmp(key + 1, name, length) == 0 && key[length + 1] == '"')
            return value;
        key = json_after(value);
    }
    return NULL;
}

char *json_text(const char *value, char *into, size_t size) {
    size_t used = 0;
    if (value == NULL || strncmp(value, "null", 4) == 0) {
        into[0] = '\0';
        return into;
    }
    if (*value != '"') {
        size_t length = (size_t)(past(value) - value);
        snprintf(into, size, "%.*s", (int)(length < size ? length : size - 1), value);
        return into;
    }
    for (value++; *value != '"' && used + 1 < size; value++) {
        if (*value == '\\')
            value++; /* the library escapes quotes and backslashes; control characters it replaces */
        into[used++] = *value;
    }
    into[used] = '\0';
    return into;
}

void json_write(void *stream, const char *text) {
    FILE *to = stream;
    fputc('"', to);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            fprintf(to, "\\%c", byte);
        else if (byte < 0x20)
            fprintf(to, "\\u%04x", byte);
        else
            fputc(byte, to);
    }
    fputc('"', to);
}
