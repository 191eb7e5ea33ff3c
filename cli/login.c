/* login.c: a person lets this machine in: by a code at another device, or in a browser. */
#include "program.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_ANSWER = 16384, BROWSER_LIMIT_S = 600 };

/* How long the person has, in milliseconds; `otherwise` where the command line does not say. */
static int64_t limit_of(const struct invocation *invocation, int64_t otherwise) {
    double seconds = invocation->timeout == NULL ? 0 : strtod(invocation->timeout, NULL);
    return seconds > 0 ? (int64_t)(seconds * 1000) : otherwise;
}

static void say_device(const struct invocation *invocation, const keyfob_login *login) {
    const char *uri = keyfob_login_verification_uri(login), *code = keyfob_login_user_code(login);
    const char *complete = keyfob_login_verification_uri_complete(login);
    long long minutes = (keyfob_login_expires_in_ms(login) + 59999) / 60000;
    if (invocation->json) {
        fputs("{\"verification_uri\": ", stdout);
        json_write(stdout, uri);
        fputs(", \"verification_uri_complete\": ", stdout);
        if (complete == NULL)
            fputs("null", stdout);
        else
            json_write(stdout, complete);
        fputs(", \"user_code\": ", stdout);
        json_write(stdout, code);
        printf(", \"expires_in_s\": %lld}\n", (long long)keyfob_login_expires_in_ms(login) / 1000);
    } else {
        printf("On a phone or a computer, open\n\n    %s\n\nand type the code\n\n    %s\n\n", uri, code);
        if (isatty(STDOUT_FILENO) && print_qr(keyfob_login_url(login)))
            puts("");
        printf("Waiting for that; the code is good for %lld minutes.\n", minutes);
    }
    fflush(stdout);
}

static int by_code(const struct invocation *invocation, const keyfob_client *client,
                   const keyfob_login *login) {
    keyfob_error *err = NULL;
    say_device(invocation, login);
    if (keyfob_client_login_wait(client, login, limit_of(invocation, 0), &err) != KEYFOB_OK)
        return complain(invocation, err);
    return DONE;
}

/* What somebody typed, if it is what a browser was sent to: for a browser on another machine, which
 * finds nobody at its own loopback address. */
static int typed_answer(char *answer, size_t size) {
    if (fgets(answer, (int)size, stdin) == NULL)
        return -1;
    answer[strcspn(answer, "\r\n")] = '\0';
    return strstr(answer, "code=") != NULL || strstr(answer, "error=") != NULL;
}

/* Gives an answer to the library. Whether the login is over; `code` is what to exit with then. */
static int is_over(const struct invocation *invocation, const keyfob_client *client,
                   const keyfob_login *login, const char *answer, int *code) {
    keyfob_error *err = NULL;
    keyfob_status status = keyfob_client_login_finish(client, login, answer, &err);
    *code = status == KEYFOB_OK ? DONE : complain(invocation, err);
    /* Somebody else's answer, or none: this login goes on waiting for its own. */
    return status != KEYFOB_INVALID_ARGUMENT;
}

static int wait_for_browser(const struct invocation *invocation, const keyfob_client *client,
                            const keyfob_login *login, int listener) {
    char answer[LONGEST_ANSWER];
    int code = TRY_LATER, reads_typing = isatty(STDIN_FILENO);
    time_t until = time(NULL) + (time_t)(limit_of(invocation, BROWSER_LIMIT_S * 1000) / 1000);
    for (time_t now; (now = time(NULL)) <= until;) {
        struct pollfd ends[2] = {{listener, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
        if (poll(ends, reads_typing ? 2 : 1, 1000) <= 0)
            continue;
        if (ends[0].revents & POLLIN) {
            int visitor = take_visitor(listener, answer, sizeof answer);
            if (visitor >= 0) {
                int over = is_over(invocation, client, login, answer, &code);
                show_page(visitor, code == DONE);
                if (over)
                    return code;
            }
        }
        if (reads_typing && (ends[1].revents & (POLLIN | POLLHUP))) {
            int typed = typed_answer(answer, sizeof answer);
            reads_typing = typed >= 0;
            if (typed > 0 && is_over(invocation, client, login, answer, &code))
                return code;
        }
    }
    fputs("keyfob: nobody came back from the browser in time\n", stderr);
    return TRY_LATER;
}

static int by_browser(const struct invocation *invocation, const keyfob_client *client) {
    char uri[512];
    keyfob_login *login = NULL;
    keyfob_error *err = NULL;
    int code, listener = open_listener(invocation->redirect, uri, sizeof uri);
    if (listener < 0)
        return USAGE;
    if (keyfob_client_login_begin_browser(client, uri, &login, &err) != KEYFOB_OK) {
        close(listener);
        return complain(invocation, err);
    }
    if (invocation->json) {
        fputs("{\"url\": ", stdout);
        json_write(stdout, keyfob_login_url(login));
        puts("}");
    } else {
        printf("In a browser of this machine, open\n\n    %s\n\n", keyfob_login_url(login));
        if (isatty(STDIN_FILENO))
            puts("If the browser is on another machine, it ends at a page that it cannot load: paste that\n"
                 "page's address here.");
    }
    fflush(stdout);
    code = wait_for_browser(invocation, client, login, listener);
    close(listener);
    keyfob_login_free(login);
    return code;
}

static int log_in(const struct invocation *invocation, const keyfob_client *client) {
    keyfob_login *login = NULL;
    keyfob_error *err = NULL;
    keyfob_status status;
    int code;
    if (invocation->browser)
        return by_browser(invocation, client);
    status = keyfob_client_login_begin(client, &login, &err);
    if (status == KEYFOB_MISSING_OPTION) {
        fputs("keyfob: this server has no login by a code, so it is a browser's\n", stderr);
        keyfob_error_free(err);
        return by_browser(invocation, client);
    }
    if (status != KEYFOB_OK)
        return complain(invocation, err);
    code = by_code(invocation, client, login);
    keyfob_login_free(login);
    return code;
}

int run_login(const struct invocation *invocation) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    char *store = NULL;
    int code = open_config(invocation, &config);
    if (code == DONE && keyfob_config_get(config, "store", &store, &err) != KEYFOB_OK)
        code = complain(invocation, err);
    if (code == DONE && strcmp(store, "memory") == 0) {
        fputs("keyfob: a login that is kept nowhere is of no use: name a directory with --store\n", stderr);
        code = CONFIGURATION;
    }
    if (code == DONE && keyfob_client_new(config, &client, &err) != KEYFOB_OK)
        code = complain(invocation, err);
    keyfob_config_free(config);
    if (code == DONE)
        code = log_in(invocation, client);
    if (code == DONE && invocation->json)
        puts("{\"logged_in\": true}");
    else if (code == DONE && !invocation->quiet)
        printf("Logged in. The token is kept in %s: `keyfob token %s` prints it, and renews it when it is due.\n",
               strncmp(store, "file:", 5) == 0 ? store + 5 : store, invocation->provider);
    keyfob_string_free(store);
    keyfob_client_free(client);
    return code;
}
