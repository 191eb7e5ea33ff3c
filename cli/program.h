/* program.h: what the files of the keyfob program share. */
#ifndef KEYFOB_PROGRAM_H
#define KEYFOB_PROGRAM_H

#include <keyfob.h>

#include <stddef.h>

/* Exit codes, as sysexits.h numbers them: what a script or systemd can act on. */
enum exit_code {
    DONE = 0,
    USAGE = 64,       /* the command line is wrong; nothing was sent */
    UNAVAILABLE = 69, /* the cloud answered, but not with what was asked for; or a file failed */
    SOFTWARE = 70,    /* a fault in keyfob itself */
    TRY_LATER = 75,   /* a hold, a rate limit, the network: the same command may work later */
    NEED_PERSON = 77, /* credentials were rejected, or somebody has to log in */
    CONFIGURATION = 78 /* the options do not add up; nothing was sent */
};

/* What the command line says. The lists have room for every word of it. */
struct invocation {
    const char *command;
    const char *provider;
    const char **arguments; /* what follows the provider */
    int argument_count;
    const char **settings; /* OPTION=VALUE, in their order */
    int setting_count;
    const char *config_file;
    const char *prefix;
    const char *store;
    const char *timeout; /* seconds, as written */
    int json, verbose, quiet, send;
    const char **headers; /* `Name: value` */
    int header_count;
    const char **queries; /* `name=value` */
    int query_count;
    const char *data;   /* text, @FILE or @- */
    const char *output; /* a file for the body */
    const char *sha256; /* what a download must have */
    int include;        /* print the head of the answer, too */
    int browser;          /* log in with a browser */
    const char *redirect; /* where the browser is sent back to */
};

/* A command: its name, what follows it, one line of help, and what it does. */
struct command {
    const char *name;
    const char *arguments;
    const char *help;
    int least, most; /* arguments after the provider; -1 for any number */
    int needs_provider;
    int (*run)(const struct invocation *invocation);
};

/* setup.c: from the command line to a client. Both return an exit code, and have said why. */
int open_config(const struct invocation *invocation, keyfob_config **config);
int open_client(const struct invocation *invocation, keyfob_client **client);

/* complain.c: what goes to standard error. Each returns the exit code that fits. */
int complain(const struct invocation *invocation, keyfob_error *err); /* frees the error */
int refuse(const char *what, const char *which); /* a wrong command line */
int report_file(const char *path, const char *what); /* errno says why */
int exit_code_of(keyfob_status status);
int exit_code_of_http(int status);

/* token.c */
int run_token(const struct invocation *invocation);
int run_header(const struct invocation *invocation);
int run_headers_for(const struct invocation *invocation);
int run_expires(const struct invocation *invocation);
int run_status(const struct invocation *invocation);
int run_renew(const struct invocation *invocation);
int run_refused(const struct invocation *invocation);
int run_forget(const struct invocation *invocation);

/* login.c */
int run_login(const struct invocation *invocation);

/* listener.c: where a browser comes back to. */
/* Listens on loopback, and writes the URL that leads there. -1: it has said why not. */
int open_listener(const char *wanted, char *uri, size_t size);
/* Takes a request with a query, and writes its path and query. Gives who waits for an answer, or -1. */
int take_visitor(int listener, char *target, size_t size);
/* Answers with a small page, and hangs up. */
void show_page(int visitor, int is_done);

/* qr.c: prints a QR code, if libqrencode is installed; whether it did. */
int print_qr(const char *text);

/* request.c, curl.c, check.c, providers.c */
int run_request(const struct invocation *invocation);
int run_upload(const struct invocation *invocation);
int run_download(const struct invocation *invocation);
int run_curl(const struct invocation *invocation);
int run_check(const struct invocation *invocation);
int run_providers(const struct invocation *invocation);
int run_options(const struct invocation *invocation);

/* json.c: reads JSON that this library wrote, so it is well formed. A value is a pointer to its
 * first character. */
const char *json_member(const char *object, const char *name); /* NULL if there is none */
const char *json_first(const char *array);                     /* NULL if it is empty */
const char *json_value(const char *key);                       /* of a member, from its name */
const char *json_after(const char *value);                     /* the next item; NULL at the end */
/* The text of a string, or a number or word as it is written; cut to fit. Returns `into`. */
char *json_text(const char *value, char *into, size_t size);
/* Writes a text as a JSON string to standard output or error. */
void json_write(void *stream, const char *text);

#endif
