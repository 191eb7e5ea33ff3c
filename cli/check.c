/* check.c: keyfob check: what is wrong with a set-up, found before anything is sent. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST_VALUE = 1024 };

static void good(const char *what, const char *detail) {
    printf("ok    %-9s %s\n", what, detail);
}

static void bad(const char *what, const char *detail) {
    printf("WRONG %-9s %s\n", what, detail);
}

/* No gateway lives before this program was written; TLS needs a clock that is about right. */
static int check_clock(void) {
    char text[64];
    time_t now = time(NULL);
    struct tm parts;
    if (gmtime_r(&now, &parts) == NULL || strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        return UNAVAILABLE;
    if (now < 1767225600) { /* 2026-01-01 */
        bad("clock", text);
        return CONFIGURATION;
    }
    good("clock", text);
    return DONE;
}

/* Whether there is a way to the host of a URL, or of the base URL where it is "". Connects, and sends
 * nothing. */
static int check_way(const keyfob_client *client, const char *what, const char *url) {
    keyfob_error *err = NULL;
    keyfob_status status = keyfob_client_reach(client, url, &err);
    int code = DONE;
    if (status == KEYFOB_OK) {
        good("way", what);
    } else if (status != KEYFOB_MISSING_OPTION) { /* there is no base URL before a login tells it */
        const char *said = keyfob_error_message(err);
        bad(strstr(said, ": the proxy ") != NULL ? "proxy" : "way", said);
        code = exit_code_of(status);
    }
    keyfob_error_free(err);
    return code;
}

/* The way to each host that the options name. */
static int check_ways(const keyfob_config *config, const keyfob_client *client) {
    static const char *const urls[] = {"issuer", "token_url", "discovery_url"};
    char *proxy = NULL;
    int has_proxy = keyfob_config_get(config, "proxy", &proxy, NULL) == KEYFOB_OK && proxy != NULL;
    int code = check_way(client, has_proxy ? "to the cloud, as the option proxy says" : "to the cloud", ""), worse;
    keyfob_string_free(proxy);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char *url = NULL;
        if (keyfob_config_get(config, urls[i], &url, NULL) != KEYFOB_OK || url == NULL)
            continue;
        if (strstr(url, "://") != NULL && (worse = check_way(client, urls[i], url)) != DONE)
            code = worse;
        keyfob_string_free(url);
    }
    return code;
}

static int check_store(const char *status) {
    char kind[LONGEST_VALUE], fault[LONGEST_VALUE];
    const char *store = json_member(status, "store");
    json_text(json_member(store, "kind"), kind, sizeof kind);
    json_text(json_member(json_member(store, "fault"), "message"), fault, sizeof fault);
    if (fault[0] != '\0') {
        bad("store", fault);
        return UNAVAILABLE;
    }
    good("store", kind);
    return DONE;
}

static int check_new_store(const char *store, const char *above) {
    char line[2 * LONGEST_VALUE];
    int is_fine = access(above, W_OK | X_OK) == 0;
    snprintf(line, sizeof line, is_fine ? "%s, which will be made" : "%s: %s cannot be written by this user", store,
             above);
    if (is_fine)
        good("store", line);
    else
        bad("store", line);
    return is_fine ? DONE : UNAVAILABLE;
}

/* The directory that a file store will be made in, where it is not there yet: the nearest that is. True:
 * the store has to be made. */
static int is_to_be_made(const char *store, char *above, size_t size) {
    struct stat about;
    char *slash;
    if (strncmp(store, "file:", 5) != 0 || strlen(store) >= size || stat(store + 5, &about) == 0)
        return 0;
    strcpy(above, store + 5);
    while (stat(above, &about) != 0 && (slash = strrchr(above, '/')) != NULL)
        strcpy(slash == above ? slash + 1 : slash, "");
    return 1;
}

static int check_client(const struct invocation *invocation, keyfob_config *config) {
    char login[LONGEST_VALUE], above[LONGEST_VALUE], *status = NULL, *store = NULL, *token;
    int is_new = 0;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    int code = DONE, worse;
    /* A store that is not there yet is made when a login is, and not to look whether it can be. */
    if (!invocation->send && keyfob_config_get(config, "store", &store, NULL) == KEYFOB_OK && store != NULL &&
        is_to_be_made(store, above, sizeof above))
        is_new = keyfob_config_set(config, "store", "memory", NULL) == KEYFOB_OK;
    if (keyfob_client_new(config, &client, &err) != KEYFOB_OK) {
        bad("options", keyfob_error_message(err));
        keyfob_error_free(err);
        keyfob_string_free(store);
        return CONFIGURATION;
    }
    if (keyfob_client_status_json(client, &status, NULL) == KEYFOB_OK) {
        good("options", json_text(json_member(status, "login"), login, sizeof login));
        code = is_new ? check_new_store(store, above) : check_store(status);
        keyfob_string_free(status);
    }
    keyfob_string_free(store);
    if ((worse = check_clock()) != DONE)
        code = worse;
    /* Files of certificates are read when a client is made, so they are in order. */
    good("TLS", "certificates and keys that the options name can be read");
    if ((worse = check_ways(config, client)) != DONE)
        code = worse;
    if (invocation->send && code == DONE) {
        if (keyfob_client_token(client, &token, &err) == KEYFOB_OK) {
            good("login", "a token is at hand");
            keyfob_string_free(token);
        } else {
            bad("login", keyfob_error_message(err));
            code = complain(invocation, err);
        }
    }
    keyfob_client_free(client);
    return code;
}

int run_check(const struct invocation *invocation) {
    keyfob_config *config = NULL;
    int code = open_config(invocation, &config);
    if (code == DONE)
        code = check_client(invocation, config);
    keyfob_config_free(config);
    return code;
}
