/* The test runner: each test is a function named after the promise it keeps. One line a test on
 * standard output, `ok NAME` or `not ok NAME`, for tests/suites/c/run to count. */
#ifndef CHECK_H
#define CHECK_H

#include <keyfob.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int faults_of_this_test;
static int failed_tests;

static inline void check_failed(const char *file, int line, const char *what, const char *detail) {
    fprintf(stderr, "%s:%d: %s%s%.300s\n", file, line, what, detail[0] ? ": " : "", detail);
    faults_of_this_test++;
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            check_failed(__FILE__, __LINE__, #condition, "");                                      \
    } while (0)

/* A string that must be what is expected. */
#define CHECK_TEXT(got, expected)                                                                  \
    do {                                                                                           \
        const char *got_ = (got);                                                                  \
        if (got_ == NULL || strcmp(got_, (expected)) != 0)                                         \
            check_failed(__FILE__, __LINE__, #got " is not " #expected, got_ ? got_ : "NULL");     \
    } while (0)

static inline void check_status(const char *file, int line, const char *call, int32_t got,
                                int32_t expected, keyfob_error *err) {
    char why[512];
    int consistent = expected == KEYFOB_OK ? err == NULL : keyfob_error_status(err) == got;
    if (got != expected || !consistent) {
        snprintf(why, sizeof why, "%s, not %s; %s", keyfob_status_name(got),
                 keyfob_status_name(expected), err ? keyfob_error_message(err) : "no error");
        check_failed(file, line, call, why);
    }
    keyfob_error_free(err);
}

/* A call whose last argument is `&err` and which must return this status. */
#define CHECK_STATUS(expected, call)                                                               \
    do {                                                                                           \
        keyfob_error *err = NULL;                                                                  \
        int32_t got_ = (call);                                                                     \
        check_status(__FILE__, __LINE__, #call, got_, (expected), err);                            \
    } while (0)

#define CHECK_OK(call) CHECK_STATUS(KEYFOB_OK, call)

static inline void run_test(const char *name, void (*test)(void)) {
    const char *only = getenv("ONLY");
    if (only != NULL && strcmp(only, name) != 0)
        return;
    faults_of_this_test = 0;
    test();
    printf("%s %s\n", faults_of_this_test ? "not ok" : "ok", name);
    fflush(stdout);
    failed_tests += faults_of_this_test != 0;
}

#define RUN(test) run_test(#test, test)

#endif
