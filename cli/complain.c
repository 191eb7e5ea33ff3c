/* complain.c: says in one line on standard error why a command failed, and what to exit with. */
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int exit_code_of(keyfob_status status) {
    switch (status) {
    case KEYFOB_OK:
        return DONE;
    case KEYFOB_NULL_ARGUMENT:
    case KEYFOB_INVALID_UTF8:
    case KEYFOB_INVALID_ARGUMENT:
        return USAGE;
    case KEYFOB_UNKNOWN_OPTION:
    case KEYFOB_INVALID_OPTION:
    case KEYFOB_MISSING_OPTION:
    case KEYFOB_UNKNOWN_PROVIDER:
    case KEYFOB_INVALID_PROFILE:
    case KEYFOB_INSECURE_URL:
    case KEYFOB_FOREIGN_ORIGIN:
        return CONFIGURATION;
    case KEYFOB_CREDENTIALS_REJECTED:
    case KEYFOB_LOGIN_REQUIRED:
    case KEYFOB_LOGIN_DENIED:
    case KEYFOB_LOGIN_EXPIRED:
        return NEED_PERSON;
    case KEYFOB_LOGIN_ON_HOLD:
    case KEYFOB_NETWORK:
    case KEYFOB_TIMEOUT:
    case KEYFOB_RATE_LIMITED:
    case KEYFOB_SERVER_ERROR:
    case KEYFOB_WOULD_BLOCK:
    case KEYFOB_CANCELLED:
        return TRY_LATER;
    case KEYFOB_PANIC:
        return SOFTWARE;
    default:
        return UNAVAILABLE;
    }
}

int exit_code_of_http(int status) {
    if (status < 400)
        return DONE;
    if (status == 401 || status == 403)
        return NEED_PERSON;
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return TRY_LATER;
    return UNAVAILABLE;
}

static void complain_in_json(const keyfob_error *err, long long wait_s) {
    fputs("{\"status\": ", stderr);
    json_write(stderr, keyfob_status_name(keyfob_error_status(err)));
    fputs(", \"message\": ", stderr);
    json_write(stderr, keyfob_error_message(err));
    if (keyfob_error_http_status(err) != 0)
        fprintf(stderr, ", \"http_status\": %d", (int)keyfob_error_http_status(err));
    if (keyfob_error_provider_code(err) != NULL) {
        fputs(", \"provider_code\": ", stderr);
        json_write(stderr, keyfob_error_provider_code(err));
    }
    if (keyfob_error_provider_message(err) != NULL) {
        fputs(", \"provider_message\": ", stderr);
        json_write(stderr, keyfob_error_provider_message(err));
    }
    if (wait_s >= 0)
        fprintf(stderr, ", \"retry_after_s\": %lld", wait_s);
    fputs("}\n", stderr);
}

int complain(const struct invocation *invocation, keyfob_error *err) {
    int code = exit_code_of(keyfob_error_status(err));
    int64_t wait = keyfob_error_retry_after_ms(err);
    long long wait_s = wait < 0 ? -1 : (long long)(wait / 1000 + (wait % 1000 != 0));
    if (invocation->json) {
        complain_in_json(err, wait_s);
    } else if (!invocation->quiet) {
        fprintf(stderr, "keyfob: %s: %s", keyfob_status_name(keyfob_error_status(err)),
                keyfob_error_message(err));
        if (wait_s >= 0)
            fprintf(stderr, " (retry after %lld s)", wait_s);
        fputc('\n', stderr);
    }
    keyfob_error_free(err);
    return code;
}

int refuse(const char *what, const char *which) {
    fprintf(stderr, "keyfob: %s%s; see keyfob --help\n", what, which);
    return USAGE;
}

int report_file(const char *path, const char *what) {
    fprintf(stderr, "keyfob: %s: %s: %s\n", path, what, strerror(errno));
    return UNAVAILABLE;
}
