/* request.c: keyfob get, post, put, patch, delete, head: a request that carries the token. */
#include "program.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A body: as given, or read whole from a file or standard input. */
struct body {
    char *bytes;
    size_t length;
};

static int read_whole(const char *path, struct body *body) {
    FILE *from = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t room = 0, came;
    if (from == NULL)
        return report_file(path, "cannot be read");
    do {
        if (body->length == room) {
            char *more = realloc(body->bytes, room = room * 2 + 65536);
            if (more == NULL) {
                errno = ENOMEM;
                break;
            }
            body->bytes = more;
        }
        came = fread(body->bytes + body->length, 1, room - body->length, from);
        body->length += came;
    } while (came > 0);
    came = (size_t)!feof(from);
    if (from != stdin)
        fclose(from);
    return came ? report_file(path, "cannot be read") : DONE;
}

static keyfob_status set_pair(keyfob_request *request, const char *pair, char parted_by,
                              keyfob_status (*set)(keyfob_request *, const char *, const char *,
                                                   keyfob_error **),
                              keyfob_error **err) {
    const char *value = strchr(pair, parted_by);
    size_t length = value == NULL ? strlen(pair) : (size_t)(value - pair);
    char *name = calloc(1, length + 1);
    keyfob_status status;
    if (name == NULL)
        return KEYFOB_INVALID_ARGUMENT;
    memcpy(name, pair, length);
    value = value == NULL ? "" : value + 1;
    if (parted_by == ':')
        value += strspn(value, " \t");
    status = set(request, name, value, err);
    free(name);
    return status;
}

static keyfob_status make(const struct invocation *invocation, const struct body *body,
                          keyfob_request **request, keyfob_error **err) {
    char method[32];
    keyfob_status status;
    size_t i;
    for (i = 0; i + 1 < sizeof method && invocation->command[i] != '\0'; i++)
        method[i] = (char)toupper((unsigned char)invocation->command[i]);
    method[i] = '\0';
    status = keyfob_request_new(method, invocation->arguments[0], request, err);
    for (int n = 0; status == KEYFOB_OK && n < invocation->query_count; n++)
        status = set_pair(*request, invocation->queries[n], '=', keyfob_request_add_query, err);
    for (int n = 0; status == KEYFOB_OK && n < invocation->header_count; n++)
        status = set_pair(*request, invocation->headers[n], ':', keyfob_request_set_header, err);
    if (status == KEYFOB_OK && invocation->data != NULL)
        status = keyfob_request_set_body(*request, (const uint8_t *)body->bytes, body->length, err);
    return status;
}

static void print_head(const keyfob_response *response) {
    const char *name, *value;
    printf("HTTP %d\n", (int)keyfob_response_status(response));
    for (size_t i = 0; (name = keyfob_response_header_at(response, i, &value)) != NULL; i++)
        printf("%s: %s\n", name, value);
    putchar('\n');
}

static int print_body(const struct invocation *invocation, const keyfob_response *response) {
    size_t length;
    const uint8_t *bytes = keyfob_response_body(response, &length);
    FILE *to = stdout;
    int failed;
    if (invocation->output != NULL && (to = fopen(invocation->output, "wb")) == NULL)
        return report_file(invocation->output, "cannot be written");
    failed = length > 0 && fwrite(bytes, 1, length, to) != length;
    if (to != stdout)
        failed |= fclose(to) != 0;
    return failed ? report_file(invocation->output ? invocation->output : "standard output",
                                "cannot be written")
                  : DONE;
}

static int send_one(const struct invocation *invocation, const keyfob_client *client,
                    const struct body *body) {
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    keyfob_error *err = NULL;
    int code;
    if (make(invocation, body, &request, &err) != KEYFOB_OK ||
        keyfob_client_send(client, request, &response, &err) != KEYFOB_OK) {
        code = complain(invocation, err);
    } else {
        int status = keyfob_response_status(response);
        if (invocation->include)
            print_head(response);
        code = print_body(invocation, response);
        if (status >= 400 && !invocation->quiet)
            fprintf(stderr, "keyfob: %s answered %d\n", invocation->arguments[0], status);
        if (code == DONE)
            code = exit_code_of_http(status);
    }
    keyfob_response_free(response);
    keyfob_request_free(request);
    return code;
}

int run_request(const struct invocation *invocation) {
    struct body body = {NULL, 0};
    keyfob_client *client = NULL;
    int code = DONE;
    if (invocation->data != NULL && invocation->data[0] == '@') {
        code = read_whole(invocation->data + 1, &body);
    } else if (invocation->data != NULL) {
        body.length = strlen(invocation->data);
        if ((body.bytes = malloc(body.length + 1)) != NULL)
            memcpy(body.bytes, invocation->data, body.length + 1);
    }
    if (code == DONE)
        code = open_client(invocation, &client);
    if (code == DONE)
        code = send_one(invocation, client, &body);
    keyfob_client_free(client);
    free(body.bytes);
    return code;
}
