/* request.c: keyfob get, post, put, patch, delete, head, download, upload: requests that carry the
 * token. Bodies are read and written as they go, so none is in memory as a whole. */
#include "program.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* Gives what comes on standard input. */
static int64_t read_input(uint8_t *buffer, size_t capacity, void *user_data) {
    size_t came = fread(buffer, 1, capacity, stdin);
    (void)user_data;
    return ferror(stdin) ? -1 : (int64_t)came;
}

/* The body: a text, @FILE, or @- for standard input, which cannot be sent twice. */
static keyfob_status set_body(keyfob_request *request, const char *data, keyfob_error **err) {
    if (strcmp(data, "@-") == 0)
        return keyfob_request_set_body_reader(request, read_input, NULL, -1, NULL, err);
    if (data[0] == '@')
        return keyfob_request_set_body_file(request, data + 1, err);
    return keyfob_request_set_body(request, (const uint8_t *)data, strlen(data), err);
}

static keyfob_status make(const struct invocation *invocation, const char *method,
                          keyfob_request **request, keyfob_error **err) {
    char name[32];
    keyfob_status status;
    size_t i;
    for (i = 0; i + 1 < sizeof name && method[i] != '\0'; i++)
        name[i] = (char)toupper((unsigned char)method[i]);
    name[i] = '\0';
    status = keyfob_request_new(name, invocation->arguments[0], request, err);
    for (int n = 0; status == KEYFOB_OK && n < invocation->query_count; n++)
        status = set_pair(*request, invocation->queries[n], '=', keyfob_request_add_query, err);
    for (int n = 0; status == KEYFOB_OK && n < invocation->header_count; n++)
        status = set_pair(*request, invocation->headers[n], ':', keyfob_request_set_header, err);
    if (status == KEYFOB_OK && invocation->data != NULL)
        status = set_body(*request, invocation->data, err);
    return status;
}

static void print_head(const keyfob_response *response) {
    const char *name, *value;
    printf("HTTP %d\n", (int)keyfob_response_status(response));
    for (size_t i = 0; (name = keyfob_response_header_at(response, i, &value)) != NULL; i++)
        printf("%s: %s\n", name, value);
    putchar('\n');
}

/* The beginning of a body: what says that the cloud refuses, where its status does not. */
struct beginning {
    uint8_t bytes[16385]; /* one more than an error document has */
    size_t size;
};

/* Writes the body as it comes. */
static int print_body(const struct invocation *invocation, keyfob_response *response,
                      struct beginning *beginning) {
    static uint8_t piece[65536];
    const char *name = invocation->output ? invocation->output : "standard output";
    FILE *to = invocation->output ? fopen(invocation->output, "wb") : stdout;
    keyfob_error *err = NULL;
    size_t length = 0;
    int code = DONE, last = '\n';
    if (to == NULL)
        return report_file(name, "cannot be written");
    do {
        if (keyfob_response_read(response, piece, sizeof piece, &length, &err) != KEYFOB_OK)
            code = complain(invocation, err);
        else if (fwrite(piece, 1, length, to) != length)
            code = report_file(name, "cannot be written");
        if (code == DONE && length > 0)
            last = piece[length - 1];
        if (code == DONE && length > 0 && beginning->size < sizeof beginning->bytes) {
            size_t room = sizeof beginning->bytes - beginning->size;
            memcpy(beginning->bytes + beginning->size, piece, length < room ? length : room);
            beginning->size += length < room ? length : room;
        }
    } while (code == DONE && length > 0);
    /* What a person types next, or the next program prints, begins a line. A file has the body as it came. */
    if (to == stdout && last != '\n' && isatty(STDOUT_FILENO))
        putchar('\n');
    if (to != stdout && fclose(to) != 0 && code == DONE)
        code = report_file(name, "cannot be written");
    return code;
}

/* Tells what was answered, and where; without the query, in which a secret may stand. */
static void tell_of(const struct invocation *invocation, int status, const char *more) {
    const char *url = invocation->arguments[0];
    if (!invocation->quiet)
        fprintf(stderr, "keyfob: %.*s answered %d%s\n", (int)strcspn(url, "?#"), url, status, more);
}

/* What the answer's status comes to. */
static int judged(const struct invocation *invocation, const keyfob_response *response) {
    int status = keyfob_response_status(response);
    if (status >= 400)
        tell_of(invocation, status, "");
    return exit_code_of_http(status);
}

static int send_one(const struct invocation *invocation, const char *method,
                    const keyfob_client *client) {
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    keyfob_error *err = NULL;
    static struct beginning beginning;
    int code;
    beginning.size = 0;
    if (make(invocation, method, &request, &err) != KEYFOB_OK ||
        keyfob_client_open(client, request, &response, &err) != KEYFOB_OK) {
        code = complain(invocation, err);
    } else {
        if (invocation->include)
            print_head(response);
        code = print_body(invocation, response, &beginning);
        if (code == DONE)
            code = judged(invocation, response);
        /* Some clouds answer 200 to everything. */
        if (code == DONE && keyfob_client_is_refusal(client, (uint16_t)keyfob_response_status(response),
                                                     beginning.bytes, beginning.size)) {
            tell_of(invocation, keyfob_response_status(response),
                    ", and refuses the credentials in the body");
            code = NEED_PERSON;
        }
    }
    keyfob_response_free(response);
    keyfob_request_free(request);
    return code;
}

int run_request(const struct invocation *invocation) {
    keyfob_client *client = NULL;
    int code = open_client(invocation, &client);
    if (code == DONE)
        code = send_one(invocation, invocation->command, client);
    keyfob_client_free(client);
    return code;
}

/* keyfob upload PROVIDER URL FILE is keyfob put PROVIDER URL --data @FILE. */
int run_upload(const struct invocation *invocation) {
    struct invocation put = *invocation;
    const char *file = invocation->arguments[1];
    char *data = malloc(strlen(file) + 2);
    keyfob_client *client = NULL;
    int code;
    if (data == NULL)
        return SOFTWARE;
    sprintf(data, "@%s", file);
    put.data = data;
    code = open_client(invocation, &client);
    if (code == DONE)
        code = send_one(&put, "put", client);
    keyfob_client_free(client);
    free(data);
    return code;
}

struct bar {
    time_t begun;
    uint64_t first; /* how much was there already */
    int shown;
};

/* One line that is written over: how far, how fast, how long to go. */
static bool show_progress(uint64_t done, int64_t total, void *user_data) {
    struct bar *bar = user_data;
    time_t now = time(NULL);
    double seconds, rate;
    if (!bar->shown) {
        bar->begun = now;
        bar->first = done;
        bar->shown = 1;
    }
    seconds = difftime(now, bar->begun);
    rate = seconds > 0 ? (double)(done - bar->first) / seconds : 0;
    fprintf(stderr, "\r%8.1f MB", (double)done / 1e6);
    if (total > 0) {
        fprintf(stderr, " of %.1f (%3.0f %%)", (double)total / 1e6, 100.0 * (double)done / (double)total);
        if (rate > 0)
            fprintf(stderr, ", %.0f s left  ", ((double)total - (double)done) / rate);
    }
    if (rate > 0)
        fprintf(stderr, " %.1f MB/s ", rate / 1e6);
    return true;
}

/* Where a download goes that is given no name: the last part of its URL. */
static const char *name_of(const char *url, char *name, size_t size) {
    size_t length = strcspn(url, "?#"), begin = length;
    while (begin > 0 && url[begin - 1] != '/')
        begin--;
    snprintf(name, size, "%.*s", (int)(length - begin), url + begin);
    return name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? NULL : name;
}

static int download(const struct invocation *invocation, const keyfob_client *client, const char *path) {
    struct bar bar = {0, 0, 0};
    keyfob_request *request = NULL;
    keyfob_response *response = NULL;
    keyfob_error *err = NULL;
    int code = DONE, is_watched = !invocation->quiet && isatty(STDERR_FILENO);
    keyfob_status status = make(invocation, "get", &request, &err);
    if (status == KEYFOB_OK && is_watched)
        status = keyfob_request_set_progress(request, show_progress, &bar, &err);
    if (status == KEYFOB_OK)
        status = keyfob_client_download(client, request, path, invocation->sha256, &response, &err);
    if (bar.shown)
        fputc('\n', stderr);
    code = status == KEYFOB_OK ? judged(invocation, response) : complain(invocation, err);
    keyfob_response_free(response);
    keyfob_request_free(request);
    return code;
}

int run_download(const struct invocation *invocation) {
    char name[256];
    const char *path = invocation->argument_count > 1 ? invocation->arguments[1]
                       : invocation->output           ? invocation->output
                                                      : name_of(invocation->arguments[0], name, sizeof name);
    keyfob_client *client = NULL;
    int code;
    if (path == NULL)
        return refuse("the URL has no file name: say where the download goes", "");
    code = open_client(invocation, &client);
    if (code == DONE)
        code = download(invocation, client, path);
    keyfob_client_free(client);
    return code;
}
