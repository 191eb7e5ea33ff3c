/* curl.c: keyfob curl PROVIDER -- ...: runs curl with the headers that carry the token. They go
 * through standard input, because every user of the machine can read a command line. If the API
 * refuses the token, it is renewed and curl runs once more. Without a token no curl runs at all. */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

/* An answer that refuses a token is small. What is larger goes straight through. */
enum { LARGEST_REFUSAL = 65536 };

struct answer {
    char *bytes;
    size_t length;
    int passed_on; /* part of it is on standard output already */
    int exit_code;
    int http_status; /* 0 where curl got no answer */
};

static int is_url(const char *word) {
    return strncmp(word, "https://", 8) == 0 || strncmp(word, "http://", 7) == 0;
}

/* Words with which the headers could go where they must not, or not be read at all. */
static const char *forbidden(const char *word) {
    static const char *const words[] = {"-K", "--config", "--location-trusted", "-:", "--next",
                                        "-D", "--dump-header", "-"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return words[i];
    /* Standard input carries the headers, so no data can come from there. */
    return strstr(word, "@-") != NULL ? "@-" : NULL;
}

static int check_words(const struct invocation *invocation) {
    int urls = 0;
    for (int i = 0; i < invocation->argument_count; i++) {
        const char *word = invocation->arguments[i];
        if (forbidden(word) != NULL)
            return refuse("curl's arguments must not have ", forbidden(word));
        urls += is_url(word);
    }
    return urls > 0 ? DONE : refuse("curl needs a URL that begins with https://", "");
}

static int begins(const char *word, const char *with) {
    return strncmp(word, with, strlen(with)) == 0;
}

/* The method that curl will use, as far as its words say it: some headers are good for one alone. */
static const char *method_of(const struct invocation *invocation) {
    const char *method = "GET";
    for (int i = 0; i < invocation->argument_count; i++) {
        const char *word = invocation->arguments[i];
        if ((strcmp(word, "-X") == 0 || strcmp(word, "--request") == 0) &&
            i + 1 < invocation->argument_count)
            return invocation->arguments[i + 1];
        if (strcmp(word, "-I") == 0 || strcmp(word, "--head") == 0)
            method = "HEAD";
        else if (begins(word, "-T") || begins(word, "--upload-file"))
            method = "PUT";
        else if (begins(word, "-d") || begins(word, "--data") || begins(word, "--json") ||
                 begins(word, "-F") || begins(word, "--form"))
            method = "POST";
    }
    return method;
}

/* The headers for the URLs, all of which must be the provider's own. */
static int headers_for_all(const struct invocation *invocation, const keyfob_client *client,
                           char **lines) {
    keyfob_error *err = NULL;
    *lines = NULL;
    for (int i = 0; i < invocation->argument_count; i++) {
        if (!is_url(invocation->arguments[i]))
            continue;
        keyfob_string_free(*lines);
        if (keyfob_client_headers_for_request(client, method_of(invocation), invocation->arguments[i],
                                              NULL, 0, lines, &err) != KEYFOB_OK)
            return complain(invocation, err);
    }
    return DONE;
}

static void become_curl(const struct invocation *invocation, int input, int output, const char *head) {
    const char **words = calloc((size_t)invocation->argument_count + 8, sizeof *words);
    int count = 0;
    if (words == NULL || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0)
        _exit(UNAVAILABLE);
    close(input);
    close(output);
    words[count++] = "curl";
    words[count++] = "-H";
    words[count++] = "@-";
    words[count++] = "-D";
    words[count++] = head;
    for (int i = 0; i < invocation->argument_count; i++)
        words[count++] = invocation->arguments[i];
    /* curl would carry most headers along to wherever a redirect leads. */
    words[count++] = "--max-redirs";
    words[count++] = "0";
    words[count] = NULL;
    signal(SIGPIPE, SIG_DFL);
    execvp("curl", (char *const *)words);
    perror("keyfob: curl cannot be run");
    _exit(UNAVAILABLE);
}

static void write_whole(int to, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(to, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return;
        bytes += written;
        length -= (size_t)written;
    }
}

/* Keeps what curl prints while it may be a refusal; passes it on once it cannot be. */
static int take_output(int from, struct answer *answer) {
    char piece[16384];
    ssize_t came;
    while ((came = read(from, piece, sizeof piece)) != 0) {
        if (came < 0) {
            if (errno == EINTR)
                continue;
            return 0;
        }
        if (answer->length + (size_t)came > LARGEST_REFUSAL && !answer->passed_on) {
            write_whole(STDOUT_FILENO, answer->bytes, answer->length);
            answer->passed_on = 1;
        }
        if (answer->passed_on) {
            write_whole(STDOUT_FILENO, piece, (size_t)came);
        } else {
            memcpy(answer->bytes + answer->length, piece, (size_t)came);
            answer->length += (size_t)came;
        }
    }
    return 1;
}

/* The status of the last answer's head that curl wrote down. */
static int last_status(const char *head) {
    char line[512];
    int status = 0, seen;
    FILE *from = fopen(head, "r");
    if (from == NULL)
        return 0;
    while (fgets(line, sizeof line, from) != NULL)
        if (strncmp(line, "HTTP/", 5) == 0 && sscanf(line, "%*s %d", &seen) == 1)
            status = seen;
    fclose(from);
    return status;
}

/* A header of the last answer's head, the caller's to free; NULL where there is none. */
static char *last_header(const char *head, const char *name) {
    char line[8192], *value = NULL;
    FILE *from = fopen(head, "r");
    if (from == NULL)
        return NULL;
    while (fgets(line, sizeof line, from) != NULL) {
        size_t length = strlen(name);
        int is_it = strncasecmp(line, name, length) == 0 && line[length] == ':';
        if (is_it || strncmp(line, "HTTP/", 5) == 0) {
            free(value);
            value = is_it ? strdup(line + length + 1 + strspn(line + length + 1, " \t")) : NULL;
            if (value != NULL)
                value[strcspn(value, "\r\n")] = '\0';
        }
    }
    fclose(from);
    return value;
}

/* Whether the last answer asks for another proof, with the nonce that it gives (DPoP). */
static int lacks_nonce(const struct invocation *invocation, const keyfob_client *client,
                       const char *head, const struct answer *answer) {
    char *nonce = last_header(head, "DPoP-Nonce");
    char *challenge = last_header(head, "WWW-Authenticate");
    int lacks = 0;
    for (int i = 0; i < invocation->argument_count; i++)
        if (is_url(invocation->arguments[i]))
            lacks |= keyfob_client_note_nonce(client, invocation->arguments[i],
                                              (uint16_t)answer->http_status, nonce, challenge);
    free(nonce);
    free(challenge);
    return lacks && !answer->passed_on;
}

/* Whether the caller's own words set the header of this line: then the provider's is left out. */
static int is_set_by_caller(const struct invocation *invocation, const char *line) {
    size_t length = strcspn(line, ":") + 1;
    for (int i = 0; i < invocation->argument_count; i++)
        if (strncasecmp(invocation->arguments[i], line, length) == 0)
            return 1;
    return 0;
}

static void write_headers(const struct invocation *invocation, const char *lines, int to) {
    while (*lines != '\0') {
        size_t length = strcspn(lines, "\n");
        if (!is_set_by_caller(invocation, lines)) {
            write_whole(to, lines, length);
            write_whole(to, "\n", 1);
        }
        lines += length + (lines[length] == '\n');
    }
}

static int run_once(const struct invocation *invocation, const char *lines, const char *head,
                    struct answer *answer) {
    int input[2], output[2], state = 0;
    pid_t child;
    answer->length = 0;
    answer->passed_on = 0;
    if (pipe(input) != 0 || pipe(output) != 0)
        return report_file("curl", "no pipe");
    fflush(stdout);
    child = fork();
    if (child < 0)
        return report_file("curl", "cannot be run");
    if (child == 0) {
        close(input[1]);
        close(output[0]);
        become_curl(invocation, input[0], output[1], head);
    }
    close(input[0]);
    close(output[1]);
    write_headers(invocation, lines, input[1]);
    close(input[1]);
    take_output(output[0], answer);
    close(output[0]);
    while (waitpid(child, &state, 0) < 0 && errno == EINTR)
        continue;
    answer->exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : SOFTWARE;
    answer->http_status = last_status(head);
    return DONE;
}

/* The token among the header lines is not known apart; what is refused is the one at hand. */
static keyfob_status renew_refused(const keyfob_client *client, char *before, keyfob_error **err) {
    return before == NULL ? KEYFOB_OK : keyfob_client_refused(client, before, err);
}

static int run_twice(const struct invocation *invocation, const keyfob_client *client,
                     const char *head, struct answer *answer) {
    char *lines = NULL, *token = NULL;
    keyfob_error *err = NULL;
    int code = headers_for_all(invocation, client, &lines);
    for (int again = 0, proves = 1; code == DONE;) {
        if (keyfob_client_token(client, &token, &err) != KEYFOB_OK)
            code = complain(invocation, err);
        if (code == DONE)
            code = run_once(invocation, lines, head, answer);
        if (code == DONE && lacks_nonce(invocation, client, head, answer) && proves) {
            proves = 0;
        } else if (code != DONE || again || answer->passed_on || answer->http_status == 0 ||
                   !keyfob_client_is_refusal(client, (uint16_t)answer->http_status,
                                             (const uint8_t *)answer->bytes, answer->length)) {
            break;
        } else {
            again = 1;
            if (renew_refused(client, token, &err) != KEYFOB_OK)
                code = complain(invocation, err);
        }
        keyfob_string_free(token);
        token = NULL;
        keyfob_string_free(lines);
        lines = NULL;
        if (code == DONE)
            code = headers_for_all(invocation, client, &lines);
    }
    keyfob_string_free(token);
    keyfob_string_free(lines);
    if (code != DONE)
        return code;
    if (!answer->passed_on)
        write_whole(STDOUT_FILENO, answer->bytes, answer->length);
    return answer->exit_code;
}

int run_curl(const struct invocation *invocation) {
    char head[] = "/tmp/keyfob-curl-XXXXXX";
    struct answer answer = {NULL, 0, 0, 0, 0};
    keyfob_client *client = NULL;
    int file, code = check_words(invocation);
    if (code == DONE)
        code = open_client(invocation, &client);
    if (code == DONE && (file = mkstemp(head)) < 0)
        code = report_file(head, "cannot be made");
    if (code == DONE) {
        close(file);
        signal(SIGPIPE, SIG_IGN); /* curl may end before it has read its headers */
        answer.bytes = malloc(LARGEST_REFUSAL);
        code = answer.bytes ? run_twice(invocation, client, head, &answer)
                            : report_file("curl", "no memory");
        free(answer.bytes);
        unlink(head);
    }
    keyfob_client_free(client);
    return code;
}
