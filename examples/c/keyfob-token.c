/* keyfob-token: prints an access token, or the header that carries it, for scripts on a gateway.
 *
 *     cc -o keyfob-token keyfob-token.c $(pkg-config --cflags --libs keyfob)
 */
#include <keyfob.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DONE = 0, FAILED = 1, USAGE = 2 };

static const char HELP[] =
    "usage: keyfob-token [options] PROVIDER\n"
    "\n"
    "Prints an access token of an IoT cloud: a cached one, or a new one where that is needed.\n"
    "Providers: kontakt, kontakt-cloud, iotconnect, kii, simacan, oauth2, custom.\n"
    "\n"
    "what to print\n"
    "  --token              the access token (the default)\n"
    "  --header             the header lines that carry it: Authorization: Bearer ...\n"
    "  --expires            how many seconds it lives, or `never`\n"
    "  --status             the client's state as JSON, without a secret; also when there is no token\n"
    "\n"
    "where options come from; later ones win\n"
    "  --config FILE        a JSON object of options\n"
    "  --env PREFIX         environment variables PREFIX_USERNAME, ...; PREFIX is KEYFOB unless given\n"
    "  --set OPTION=VALUE   one option\n"
    "  --verbose            say on standard error what happens\n"
    "\n"
    "Tokens are kept in $XDG_STATE_HOME/keyfob, or ~/.local/state/keyfob, where only you can read\n"
    "them; --set store=file:DIRECTORY keeps them elsewhere, --set store=memory not at all.\n"
    "\n"
    "Every user of the machine can read a command line. Give secrets through the environment, or\n"
    "name a file that only you can read: --set password_file=/etc/gateway/password.\n"
    "\n"
    "  keyfob-token --header kontakt > headers &&\n"
    "      curl -H @headers https://apps-api.prod.kontakt.io/v3/device\n"
    "\n"
    "exit status: 0 printed; 1 no token; 2 wrong arguments or options, and nothing was sent.\n";

enum output { TOKEN, HEADER, EXPIRES, STATUS };

struct arguments {
    enum output output;
    char *provider;
    char *config_file;
    char *prefix;
    char **settings; /* OPTION=VALUE */
    int setting_count;
    int verbose;
};

static int usage(const char *what, const char *which) {
    fprintf(stderr, "keyfob-token: %s%s; see keyfob-token --help\n", what, which);
    return USAGE;
}

/* Says in one line why a call failed, and frees the error. */
static void complain(keyfob_error *err) {
    int64_t wait = keyfob_error_retry_after_ms(err);
    fprintf(stderr, "keyfob-token: %s: %s", keyfob_status_name(keyfob_error_status(err)),
            keyfob_error_message(err));
    if (wait >= 0)
        fprintf(stderr, " (retry after %lld s)", (long long)(wait / 1000 + (wait % 1000 != 0)));
    fputc('\n', stderr);
    keyfob_error_free(err);
}

/* Fills `arguments`; anything but DONE is what to exit with. `settings` has room for argc. */
static int parse(int argc, char **argv, struct arguments *arguments) {
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        char **value = NULL;
        if (strcmp(word, "--token") == 0)
            arguments->output = TOKEN;
        else if (strcmp(word, "--header") == 0)
            arguments->output = HEADER;
        else if (strcmp(word, "--expires") == 0)
            arguments->output = EXPIRES;
        else if (strcmp(word, "--status") == 0)
            arguments->output = STATUS;
        else if (strcmp(word, "--verbose") == 0)
            arguments->verbose = 1;
        else if (strcmp(word, "--config") == 0)
            value = &arguments->config_file;
        else if (strcmp(word, "--env") == 0)
            value = &arguments->prefix;
        else if (strcmp(word, "--set") == 0)
            value = &arguments->settings[arguments->setting_count++];
        else if (word[0] == '-')
            return usage("there is no option ", word);
        else if (arguments->provider != NULL)
            return usage("one provider only, not also ", word);
        else
            arguments->provider = word;
        if (value != NULL && (*value = argv[++i]) == NULL)
            return usage("a value must follow ", word);
    }
    if (arguments->provider == NULL)
        return usage("which provider?", "");
    return DONE;
}

/* Where tokens are kept from one run to the next, unless the option `store` says otherwise: a
 * script that runs each minute must not log in each minute. `*found` says whether there is a place. */
static keyfob_status set_default_store(keyfob_config *config, int *found, keyfob_error **err) {
    char store[4096];
    const char *service = getenv("STATE_DIRECTORY"); /* systemd's */
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length;
    *found = 1;
    if (service != NULL && service[0] == '/')
        length = snprintf(store, sizeof store, "file:%s", service);
    else if (state != NULL && state[0] == '/')
        length = snprintf(store, sizeof store, "file:%s/keyfob", state);
    else if (home != NULL && home[0] == '/' && home[1] != '\0')
        length = snprintf(store, sizeof store, "file:%s/.local/state/keyfob", home);
    else
        return *found = 0, KEYFOB_OK;
    return keyfob_config_set(config, "store", (size_t)length < sizeof store ? store : "", err);
}

/* Without a place to remember a hold in, each run would send a wrong password again: that has to be
 * asked for. */
static int asks_for_memory(const struct arguments *arguments) {
    for (int i = 0; i < arguments->setting_count; i++)
        if (strncmp(arguments->settings[i], "store=", 6) == 0)
            return 1;
    return getenv("KEYFOB_STORE") != NULL;
}

static keyfob_status set(keyfob_config *config, char *setting, keyfob_error **err) {
    char *value = strchr(setting, '=');
    if (value == NULL) /* the library says what is wrong with an option that has no value */
        return keyfob_config_set(config, setting, "", err);
    *value++ = '\0';
    return keyfob_config_set(config, setting, value, err);
}

static void log_line(int32_t level, const char *message, void *user_data) {
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    (void)user_data;
    fprintf(stderr, "keyfob-token: %s: %s\n", names[level >= 1 && level <= 4 ? level : 0], message);
}

static keyfob_status configure(const struct arguments *arguments, keyfob_config **config,
                               keyfob_error **err) {
    int found = 1, asked_for_memory = asks_for_memory(arguments);
    keyfob_status status = keyfob_config_new(arguments->provider, config, err);
    if (status == KEYFOB_OK)
        status = set_default_store(*config, &found, err);
    if (status == KEYFOB_OK && arguments->config_file != NULL)
        status = keyfob_config_load_file(*config, arguments->config_file, err);
    if (status == KEYFOB_OK)
        status = keyfob_config_load_env(*config, arguments->prefix ? arguments->prefix : "KEYFOB", err);
    for (int i = 0; status == KEYFOB_OK && i < arguments->setting_count; i++)
        status = set(*config, arguments->settings[i], err);
    if (status == KEYFOB_OK && arguments->verbose)
        status = keyfob_config_set_log(*config, log_line, NULL, KEYFOB_LOG_LEVEL_DEBUG, err);
    if (status == KEYFOB_OK && !found && !asked_for_memory) {
        fputs("keyfob-token: no home to keep tokens in: name a directory with --set\n"
              "store=file:DIRECTORY, or keep nothing between runs with --set store=memory\n", stderr);
        return KEYFOB_MISSING_OPTION;
    }
    return status;
}

/* Prints a string of the library's and frees it. */
static void print_line(char *line) {
    puts(line);
    keyfob_string_free(line);
}

static keyfob_status print_token(const keyfob_client *client, keyfob_error **err) {
    char *token;
    keyfob_status status = keyfob_client_token(client, &token, err);
    if (status == KEYFOB_OK)
        print_line(token);
    return status;
}

static keyfob_status print_header(const keyfob_client *client, keyfob_error **err) {
    char *lines;
    keyfob_status status = keyfob_client_headers(client, &lines, err);
    if (status == KEYFOB_OK)
        print_line(lines);
    return status;
}

/* Obtains a token where there is none; what it is stays inside. */
static keyfob_status obtain(const keyfob_client *client, keyfob_error **err) {
    char *token;
    keyfob_status status = keyfob_client_token(client, &token, err);
    keyfob_string_free(token);
    return status;
}

static keyfob_status print_expires(const keyfob_client *client, keyfob_error **err) {
    int64_t ms;
    keyfob_status status = obtain(client, err);
    if (status == KEYFOB_OK)
        status = keyfob_client_expires_in_ms(client, &ms, err);
    if (status != KEYFOB_OK)
        return status;
    if (ms == INT64_MAX)
        puts("never");
    else
        printf("%lld\n", (long long)(ms / 1000));
    return status;
}

static keyfob_status print_status(const keyfob_client *client, keyfob_error **err) {
    char *json;
    keyfob_status status = obtain(client, err);
    if (keyfob_client_status_json(client, &json, NULL) == KEYFOB_OK)
        print_line(json);
    return status;
}

static keyfob_status print(const keyfob_client *client, enum output output, keyfob_error **err) {
    switch (output) {
    case HEADER:
        return print_header(client, err);
    case EXPIRES:
        return print_expires(client, err);
    case STATUS:
        return print_status(client, err);
    default:
        return print_token(client, err);
    }
}

static int run(const struct arguments *arguments) {
    keyfob_config *config = NULL;
    keyfob_client *client = NULL;
    keyfob_error *err = NULL;
    int code = DONE;
    if (configure(arguments, &config, &err) != KEYFOB_OK ||
        keyfob_client_new(config, &client, &err) != KEYFOB_OK)
        code = USAGE;
    else if (print(client, arguments->output, &err) != KEYFOB_OK)
        code = FAILED;
    if (err != NULL)
        complain(err);
    keyfob_client_free(client);
    keyfob_config_free(config);
    return code;
}

int main(int argc, char **argv) {
    struct arguments arguments = {TOKEN, NULL, NULL, NULL, NULL, 0, 0};
    int code;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(HELP, stdout);
        return DONE;
    }
    arguments.settings = calloc((size_t)argc + 1, sizeof *arguments.settings);
    if (arguments.settings == NULL)
        return FAILED;
    code = parse(argc, argv, &arguments);
    if (code == DONE)
        code = run(&arguments);
    free(arguments.settings);
    if (fflush(stdout) != 0) { /* a full disk must not pass for an empty token */
        perror("keyfob-token");
        code = FAILED;
    }
    return code;
}
