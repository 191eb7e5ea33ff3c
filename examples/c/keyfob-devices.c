/* keyfob-devices: lists the devices of an account, page by page, whatever the cloud.
 *
 *     cc -o keyfob-devices keyfob-devices.c $(pkg-config --cflags --libs keyfob)
 *
 * Each cloud says in its own way where the next page is; keyfob_response_link reads all of them.
 */
#include <keyfob.h>

#include <stdio.h>
#include <string.h>

enum { DONE = 0, FAILED = 1, USAGE = 2 };

static const char HELP[] =
    "usage: keyfob-devices PROVIDER [URL]\n"
    "\n"
    "Prints the name of each device, a line each. Options come from the environment:\n"
    "KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, KEYFOB_ENVIRONMENT, ... URL is where the list begins:\n"
    "absolute, or relative to the cloud's base URL. It may be left out for kontakt, for kii, and for\n"
    "iotconnect with an environment.\n"
    "\n"
    "exit status: 0 all pages were read; 1 not all; 2 wrong arguments or options.\n";

/* A list that goes on longer than this goes in circles. */
enum { MOST_PAGES = 10000 };

/* Says in one line why a call failed, and frees the error. */
static int complain(keyfob_error *err, int code) {
    fprintf(stderr, "keyfob-devices: %s: %s\n", keyfob_status_name(keyfob_error_status(err)),
            keyfob_error_message(err));
    keyfob_error_free(err);
    return code;
}

/* Where a cloud lists its devices, in `url`; 0 where the caller has to say. */
static int default_url(const keyfob_config *config, const char *provider, char *url, size_t size) {
    char *app_id;
    int known = 0;
    if (strcmp(provider, "kontakt") == 0)
        return snprintf(url, size, "/v3/device") > 0;
    if (strcmp(provider, "iotconnect") == 0)
        return snprintf(url, size, "{deviceBaseUrl}/Device") > 0;
    if (strcmp(provider, "kii") == 0 &&
        keyfob_config_get(config, "app_id", &app_id, NULL) == KEYFOB_OK && app_id != NULL) {
        known = (size_t)snprintf(url, size, "/api/apps/%s/things", app_id) < size;
        keyfob_string_free(app_id);
    }
    return known;
}

/* The end of the JSON string that begins at `at`, on its closing quote; `end` if it has none. */
static const char *string_end(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\' && at + 1 < end)
            at++;
    return at;
}

static const char *skip_blanks(const char *at, const char *end) {
    while (at < end && strchr(" \t\r\n", *at) != NULL)
        at++;
    return at;
}

/* Prints the value of every member `"name": "..."`, as it is written in the JSON: enough for an
 * example. A program has a JSON parser. */
static void print_names(const char *at, const char *end) {
    static const char KEY[] = "\"name";
    while (at < end) {
        const char *key = at;
        if (*at != '"') {
            at++;
            continue;
        }
        at = string_end(key, end);
        if (at == end)
            return;
        int named = (size_t)(at - key) == strlen(KEY) && memcmp(key, KEY, strlen(KEY)) == 0;
        at = skip_blanks(at + 1, end);
        if (!named || at == end || *at != ':')
            continue;
        at = skip_blanks(at + 1, end);
        if (at < end && *at == '"') {
            const char *value = at + 1;
            at = string_end(at, end);
            printf("%.*s\n", (int)(at - value), value);
            at += at < end;
        }
    }
}

/* Fetches one page and prints it. `*next` is the page after it, or NULL. */
static int page(const keyfob_client *client, const char *url, char **next) {
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    keyfob_error *err = NULL;
    int code = DONE;
    *next = NULL;
    if (keyfob_request_new("GET", url, &request, &err) != KEYFOB_OK ||
        keyfob_client_send(client, request, &response, &err) != KEYFOB_OK) {
        code = complain(err, FAILED);
    } else if (keyfob_response_status(response) != 200) {
        fprintf(stderr, "keyfob-devices: %s answered %d\n", url, keyfob_response_status(response));
        code = FAILED;
    } else {
        size_t len;
        const char *body = (const char *)keyfob_response_body(response, &len);
        print_names(body, body + len);
        if (keyfob_response_link(response, "next", next, &err) != KEYFOB_OK)
            code = complain(err, FAILED);
    }
    keyfob_response_free(response);
    keyfob_request_free(request);
    return code;
}

static int list(const keyfob_client *client, const char *first) {
    char *url = NULL;
    int code = page(client, first, &url);
    for (int pages = 1; code == DONE && url != NULL; pages++) {
        char *next = NULL;
        if (pages < MOST_PAGES) {
            code = page(client, url, &next);
        } else {
            fprintf(stderr, "keyfob-devices: the list does not end\n");
            code = FAILED;
        }
        keyfob_string_free(url);
        url = next;
    }
    keyfob_string_free(url);
    return code;
}

static int run(const char *provider, const char *url) {
    char usual[512];
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    int code;
    if (keyfob_config_new(provider, &config, &err) != KEYFOB_OK ||
        keyfob_config_load_env(config, "KEYFOB", &err) != KEYFOB_OK ||
        keyfob_client_new(config, &client, &err) != KEYFOB_OK) {
        code = complain(err, USAGE);
    } else if (url != NULL) {
        code = list(client, url);
    } else if (default_url(config, provider, usual, sizeof usual)) {
        code = list(client, usual);
    } else {
        fprintf(stderr, "keyfob-devices: where does %s list devices? Give a URL\n", provider);
        code = USAGE;
    }
    keyfob_client_free(client);
    keyfob_config_free(config);
    return code;
}

int main(int argc, char **argv) {
    int code;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(HELP, stdout);
        return DONE;
    }
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        fputs("keyfob-devices: which provider? See keyfob-devices --help\n", stderr);
        return USAGE;
    }
    code = run(argv[1], argc == 3 ? argv[2] : NULL);
    if (fflush(stdout) != 0) {
        perror("keyfob-devices");
        code = FAILED;
    }
    return code;
}
