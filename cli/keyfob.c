/* keyfob: access tokens of IoT clouds, and requests that carry them, for shells and scripts.
 *
 *     cd cli && cc -std=c99 -D_POSIX_C_SOURCE=200809L -o keyfob *.c $(pkg-config --cflags --libs keyfob) -ldl
 *
 * Called as keyfob-token it is `keyfob token`.
 */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command COMMANDS[] = {
    {"token", "", "print an access token, renewed first where that is needed", 0, 0, 1, run_token},
    {"header", "", "print the header lines that carry it", 0, 0, 1, run_header},
    {"headers-for", "URL", "print all headers that a request to this URL needs", 1, 1, 1, run_headers_for},
    {"expires", "", "print how many seconds the token lives, or `never`", 0, 0, 1, run_expires},
    {"get", "URL", "send a request with the token, print the answer's body", 1, 1, 1, run_request},
    {"post", "URL", "the same with --data", 1, 1, 1, run_request},
    {"put", "URL", "", 1, 1, 1, run_request},
    {"patch", "URL", "", 1, 1, 1, run_request},
    {"delete", "URL", "", 1, 1, 1, run_request},
    {"head", "URL", "", 1, 1, 1, run_request},
    {"download", "URL [FILE]", "fetch a file: resumed, checked, put in its place at once", 1, 2, 1, run_download},
    {"upload", "URL FILE", "send a file with PUT", 2, 2, 1, run_upload},
    {"curl", "-- ARGUMENT...", "run curl with the token; once more if it was refused", 1, -1, 1, run_curl},
    {"login", "", "have a person let this machine in: by a code, or with --browser", 0, 0, 1, run_login},
    {"status", "", "print what is known, as JSON, without asking the cloud", 0, 0, 1, run_status},
    {"renew", "", "renew the token now", 0, 0, 1, run_renew},
    {"refused", "TOKEN", "say that an API refused this token (-: read it from standard input)", 1, 1, 1,
     run_refused},
    {"forget", "", "forget the token and any hold, and revoke it where the cloud can", 0, 0, 1, run_forget},
    {"check", "", "say what is wrong with the set-up and the way there; --send logs in once", 0, 0, 1, run_check},
    {"providers", "", "list the clouds; a word after it searches", 0, 0, 0, run_providers},
    {"options", "", "list the options of a provider", 0, 0, 1, run_options},
};

enum { COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS };

static void print_help(void) {
    puts("usage: keyfob COMMAND [options] PROVIDER [argument]\n"
         "\n"
         "Obtains, keeps, renews and presents access tokens of IoT clouds.\n"
         "\n"
         "commands");
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (COMMANDS[i].help[0] != '\0')
            printf("  %-12s %-15s %s\n", COMMANDS[i].name, COMMANDS[i].arguments, COMMANDS[i].help);
    puts("  put, patch, delete, head: as get and post\n"
         "\n"
         "where options come from; later ones win\n"
         "  /etc/keyfob/PROVIDER.json and ~/.config/keyfob/PROVIDER.json, where they are there\n"
         "  --config FILE        a JSON object of options, instead of those two files\n"
         "  --env PREFIX         environment variables PREFIX_USERNAME, ...; KEYFOB unless given\n"
         "  --set OPTION=VALUE   one option; may be repeated\n"
         "  --store DIRECTORY    where tokens are kept; `memory` keeps none between runs\n"
         "  --timeout SECONDS    the longest that a call takes\n"
         "\n"
         "requests\n"
         "  -H, --header 'NAME: VALUE'   -q, --query NAME=VALUE   may be repeated\n"
         "  -d, --data TEXT|@FILE|@-     the body\n"
         "  -o, --output FILE            where the answer's body goes\n"
         "  -i, --include                print the head of the answer, too\n"
         "  --sha256 HEX                 what a download must have\n"
         "\n"
         "login\n"
         "  --browser        in a browser of this machine, and not by a code at another device\n"
         "  --redirect URI   where that browser is sent back to, such as http://127.0.0.1:8400/\n"
         "\n"
         "others\n"
         "  --json       tokens, lists and errors as JSON\n"
         "  -v, --verbose   say on standard error what happens    --quiet   say nothing there\n"
         "  -h, --help   -V, --version\n"
         "\n"
         "Tokens are kept in $STATE_DIRECTORY, $XDG_STATE_HOME/keyfob or ~/.local/state/keyfob, for root\n"
         "without a home in /var/lib/keyfob, where only their owner can read them.\n"
         "\n"
         "Every user of the machine can read a command line: give secrets through the environment, or\n"
         "name a file that only you can read: --set password_file=/etc/gateway/password.\n"
         "\n"
         "exit status: 0 done; 64 wrong arguments; 69 unavailable; 70 a fault of keyfob; 75 try later\n"
         "(hold, rate limit, network); 77 a person is needed; 78 wrong options. 64 and 78: nothing was sent.");
}

static const struct command *find_command(const char *name) {
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    return NULL;
}

static int is(const char *word, const char *longer, const char *shorter) {
    return strcmp(word, longer) == 0 || (shorter != NULL && strcmp(word, shorter) == 0);
}

/* Where the value of an option goes; NULL for a word that takes none. `list` is set for those that
 * may be repeated. */
static const char **place_of(struct invocation *invocation, const char *word) {
    if (is(word, "--config", NULL))
        return &invocation->config_file;
    if (is(word, "--env", NULL))
        return &invocation->prefix;
    if (is(word, "--store", NULL))
        return &invocation->store;
    if (is(word, "--timeout", NULL))
        return &invocation->timeout;
    if (is(word, "--data", "-d"))
        return &invocation->data;
    if (is(word, "--output", "-o"))
        return &invocation->output;
    if (is(word, "--sha256", NULL))
        return &invocation->sha256;
    if (is(word, "--redirect", NULL))
        return &invocation->redirect;
    if (is(word, "--set", NULL))
        return &invocation->settings[invocation->setting_count++];
    if (is(word, "--query", "-q"))
        return &invocation->queries[invocation->query_count++];
    if (is(word, "--header", "-H"))
        return &invocation->headers[invocation->header_count++];
    return NULL;
}

/* The flags; 0 for a word that is none. */
static int set_flag(struct invocation *invocation, const char *word) {
    if (is(word, "--json", NULL))
        return invocation->json = 1;
    if (is(word, "--verbose", "-v"))
        return invocation->verbose = 1;
    if (is(word, "--quiet", NULL))
        return invocation->quiet = 1;
    if (is(word, "--include", "-i"))
        return invocation->include = 1;
    if (is(word, "--send", NULL))
        return invocation->send = 1;
    if (is(word, "--browser", NULL))
        return invocation->browser = 1;
    return 0;
}

/* keyfob-token took what to print as a flag. */
static const char *command_of_flag(const char *word) {
    static const char *const names[] = {"--token", "--header", "--expires", "--status"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(word, names[i]) == 0)
            return word + 2;
    return NULL;
}

static int parse(int argc, char **argv, int old_name, struct invocation *invocation) {
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i], *flag = old_name ? command_of_flag(word) : NULL, **place;
        if (flag != NULL) {
            invocation->command = flag;
        } else if (strcmp(word, "--") == 0) {
            while (++i < argc)
                invocation->arguments[invocation->argument_count++] = argv[i];
        } else if (word[0] == '-' && word[1] != '\0') {
            if (set_flag(invocation, word))
                continue;
            place = place_of(invocation, word);
            if (place == NULL)
                return refuse("there is no option ", word);
            if ((*place = argv[++i]) == NULL)
                return refuse("a value must follow ", word);
        } else if (invocation->command == NULL) {
            invocation->command = word;
        } else if (invocation->provider == NULL) {
            invocation->provider = word;
        } else {
            invocation->arguments[invocation->argument_count++] = word;
        }
    }
    return DONE;
}

static int run(struct invocation *invocation) {
    const struct command *command;
    if (invocation->command == NULL)
        return refuse("which command?", "");
    command = find_command(invocation->command);
    if (command == NULL)
        return refuse("there is no command ", invocation->command);
    if (command->needs_provider && invocation->provider == NULL)
        return refuse("which provider?", "");
    if (invocation->argument_count < command->least)
        return refuse(command->arguments, " is missing");
    if (command->most >= 0 && invocation->argument_count > command->most)
        return refuse("one too many: ", invocation->arguments[command->most]);
    return command->run(invocation);
}

static int called_by_old_name(const char *path) {
    const char *name = strrchr(path, '/');
    return strcmp(name == NULL ? path : name + 1, "keyfob-token") == 0;
}

int main(int argc, char **argv) {
    struct invocation invocation;
    int old_name = argc > 0 && called_by_old_name(argv[0]);
    int code;
    const char **room = calloc((size_t)(argc + 2) * 4, sizeof *room);
    if (room == NULL)
        return SOFTWARE;
    memset(&invocation, 0, sizeof invocation);
    invocation.command = old_name ? "token" : NULL;
    invocation.arguments = room;
    invocation.settings = room + (argc + 2);
    invocation.headers = room + (argc + 2) * 2;
    invocation.queries = room + (argc + 2) * 3;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is(argv[i], "--help", "-h") || is(argv[i], "--version", "-V")) {
            if (argv[i][1] == 'h' || argv[i][2] == 'h')
                print_help();
            else
                printf("keyfob %s\n", keyfob_version());
            free(room);
            return fflush(stdout) == 0 ? DONE : UNAVAILABLE;
        }
    }
    code = parse(argc, argv, old_name, &invocation);
    if (code == DONE)
        code = run(&invocation);
    free(room);
    if (fflush(stdout) != 0) { /* a full disk must not pass for an empty token */
        perror("keyfob");
        code = UNAVAILABLE;
    }
    return code;
}
