/* qr.c: a QR code on a terminal. libqrencode draws it, where it is installed: a phone's camera saves
 * typing, and nothing else here needs that library, so it is not linked but looked for. */
#include "program.h"

#include <dlfcn.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

/* As qrencode.h has it, in versions 3 and 4. */
typedef struct {
    int version, width;
    unsigned char *data; /* the lowest bit of each says whether it is dark */
} qr_code;

typedef qr_code *encode_fn(const char *text, int version, int level, int hint, int case_sensitive);
typedef void free_fn(qr_code *code);

/* What must stay light around it (ISO 18004 asks for four modules; cameras do with two). */
enum { MARGIN = 2, LEVEL_L = 0, AS_BYTES = 2 };

static int is_dark(const qr_code *code, int x, int y) {
    if (x < 0 || y < 0 || x >= code->width || y >= code->width)
        return 0;
    return code->data[y * code->width + x] & 1;
}

/* Two rows of modules in a line of text: light ones are drawn, on black, whatever the terminal's own
 * colours are. */
static void print_halves(const qr_code *code) {
    static const char *const halves[] = {"\xe2\x96\x88", "\xe2\x96\x84", "\xe2\x96\x80", " "};
    for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
        fputs("  \033[37;1;40m", stdout);
        for (int x = -MARGIN; x < code->width + MARGIN; x++)
            fputs(halves[is_dark(code, x, y) + 2 * is_dark(code, x, y + 1)], stdout);
        puts("\033[0m");
    }
}

/* The same for a terminal that knows no such letters: two columns a module. */
static void print_blocks(const qr_code *code) {
    for (int y = -MARGIN; y < code->width + MARGIN; y++) {
        fputs("  ", stdout);
        for (int x = -MARGIN; x < code->width + MARGIN; x++)
            fputs(is_dark(code, x, y) ? "\033[40m  " : "\033[107m  ", stdout);
        puts("\033[0m");
    }
}

/* A function of the library's. POSIX has dlsym give functions as it gives data. */
static void find(void *library, const char *name, void *function, size_t size) {
    void *found = dlsym(library, name);
    memcpy(function, &found, size);
}

int print_qr(const char *text) {
    static const char *const names[] = {"libqrencode.so.4", "libqrencode.so.3", "libqrencode.4.dylib"};
    void *library = NULL;
    encode_fn *encode;
    free_fn *release;
    qr_code *code;
    for (size_t i = 0; library == NULL && i < sizeof names / sizeof *names; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return 0;
    find(library, "QRcode_encodeString", &encode, sizeof encode);
    find(library, "QRcode_free", &release, sizeof release);
    code = encode != NULL && release != NULL ? encode(text, 0, LEVEL_L, AS_BYTES, 1) : NULL;
    if (code != NULL) {
        setlocale(LC_CTYPE, "");
        if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
            print_halves(code);
        else
            print_blocks(code);
        release(code);
    }
    dlclose(library);
    return code != NULL;
}
