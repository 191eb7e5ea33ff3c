/* token.c: the commands about the token itself. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Prints a string of the library's and frees it. */
static int print_line(char *line) {
    puts(line);
    keyfob_string_free(line);
    return DONE;
}

/* Obtains a token where there is none; what it is stays inside. */
static keyfob_status obtain(const keyfob_client *client, keyfob_error **err) {
    char *token;
    keyfob_status status = keyfob_client_token(client, &token, err);
    keyfob_string_free(token);
    return status;
}

static void print_lifetime(const keyfob_client *client, const char *forever) {
    int64_t ms;
    if (keyfob_client_expires_in_ms(client, &ms, NULL) != KEYFOB_OK || ms == INT64_MAX)
        fputs(forever, stdout);
    else
        printf("%lld", (long long)(ms / 1000));
}

static int token(const struct invocation *invocation, const keyfob_client *client) {
    char *token;
    keyfob_error *err = NULL;
    if (keyfob_client_token(client, &token, &err) != KEYFOB_OK)
        return complain(invocation, err);
    if (!invocation->json)
        return print_line(token);
    fputs("{\"access_token\": ", stdout);
    json_write(stdout, token);
    fputs(", \"expires_in_s\": ", stdout);
    print_lifetime(client, "null");
    puts("}");
    keyfob_string_free(token);
    return DONE;
}

static int header(const struct invocation *invocation, const keyfob_client *client) {
    char *lines;
    keyfob_error *err = NULL;
    if (keyfob_client_headers(client, &lines, &err) != KEYFOB_OK)
        return complain(invocation, err);
    return print_line(lines);
}

static int headers_for(const struct invocation *invocation, const keyfob_client *client) {
    char *lines;
    keyfob_error *err = NULL;
    if (keyfob_client_headers_for(client, invocation->arguments[0], &lines, &err) != KEYFOB_OK)
        return complain(invocation, err);
    return print_line(lines);
}

static int expires(const struct invocation *invocation, const keyfob_client *client) {
    keyfob_error *err = NULL;
    if (obtain(client, &err) != KEYFOB_OK)
        return complain(invocation, err);
    print_lifetime(client, invocation->json ? "null" : "never");
    putchar('\n');
    return DONE;
}

/* What is known, without asking the cloud. */
static int status(const struct invocation *invocation, const keyfob_client *client) {
    char *json;
    keyfob_error *err = NULL;
    if (keyfob_client_status_json(client, &json, &err) != KEYFOB_OK)
        return complain(invocation, err);
    return print_line(json);
}

static int renew(const struct invocation *invocation, const keyfob_client *client) {
    keyfob_error *err = NULL;
    return keyfob_client_renew(client, &err) == KEYFOB_OK ? DONE : complain(invocation, err);
}

static int refused(const struct invocation *invocation, const keyfob_client *client) {
    char line[65536];
    const char *token = invocation->arguments[0];
    keyfob_error *err = NULL;
    if (strcmp(token, "-") == 0) {
        if (fgets(line, sizeof line, stdin) == NULL)
            return refuse("no token came on standard input", "");
        line[strcspn(line, "\r\n")] = '\0';
        token = line;
    }
    return keyfob_client_refused(client, token, &err) == KEYFOB_OK ? DONE : complain(invocation, err);
}

static int forget(const struct invocation *invocation, const keyfob_client *client) {
    char message[1024], *json = NULL;
    keyfob_error *err = NULL;
    if (keyfob_client_forget(client, &err) != KEYFOB_OK)
        return complain(invocation, err);
    /* Here it is gone; the cloud may not know. */
    if (!invocation->quiet && keyfob_client_status_json(client, &json, NULL) == KEYFOB_OK) {
        json_text(json_member(json_member(json, "not_revoked"), "message"), message, sizeof message);
        if (message[0] != '\0')
            fprintf(stderr, "keyfob: forgotten, but not revoked at the cloud: %s\n", message);
    }
    keyfob_string_free(json);
    return DONE;
}

static int with_client(const struct invocation *invocation,
                       int (*work)(const struct invocation *, const keyfob_client *)) {
    keyfob_client *client = NULL;
    int code = open_client(invocation, &client);
    if (code == DONE)
        code = work(invocation, client);
    keyfob_client_free(client);
    return code;
}

int run_token(const struct invocation *invocation) { return with_client(invocation, token); }
int run_header(const struct invocation *invocation) { return with_client(invocation, header); }
int run_headers_for(const struct invocation *invocation) { return with_client(invocation, headers_for); }
int run_expires(const struct invocation *invocation) { return with_client(invocation, expires); }
int run_status(const struct invocation *invocation) { return with_client(invocation, status); }
int run_renew(const struct invocation *invocation) { return with_client(invocation, renew); }
int run_refused(const struct invocation *invocation) { return with_client(invocation, refused); }
int run_forget(const struct invocation *invocation) { return with_client(invocation, forget); }
