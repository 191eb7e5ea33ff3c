/* setup.c: from the command line to a client: where options come from, and where tokens are kept. */
#include "program.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_PATH = 4096 };

static void log_line(int32_t level, const char *message, void *user_data) {
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    (void)user_data;
    fprintf(stderr, "keyfob: %s: %s\n", names[level >= 1 && level <= 4 ? level : 0], message);
}

/* A home directory counts only if it is this user's: under sudo, HOME is often somebody else's, and
 * files made there would be in its owner's way. */
static int is_own(const char *home) {
    struct stat about;
    return home != NULL && home[0] == '/' && strcmp(home, "/") != 0 && stat(home, &about) == 0 &&
           S_ISDIR(about.st_mode) && about.st_uid == geteuid();
}

static const char *own_home(void) {
    const char *home = getenv("HOME");
    const struct passwd *entry = getpwuid(geteuid());
    if (is_own(home))
        return home;
    return entry != NULL && is_own(entry->pw_dir) ? entry->pw_dir : NULL;
}

static int absolute(const char *path) {
    return path != NULL && path[0] == '/';
}

/* Where tokens are kept from one run to the next unless the options say otherwise: a script that
 * runs each minute must not log in each minute. 0 where there is no such place. */
static int default_store(char *store, size_t size) {
    const char *service = getenv("STATE_DIRECTORY"); /* systemd's; several are parted by `:` */
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = own_home();
    int length;
    if (absolute(service))
        length = snprintf(store, size, "file:%.*s", (int)strcspn(service, ":"), service);
    else if (absolute(state))
        length = snprintf(store, size, "file:%s/keyfob", state);
    else if (home != NULL)
        length = snprintf(store, size, "file:%s/.local/state/keyfob", home);
    else if (geteuid() == 0)
        length = snprintf(store, size, "file:/var/lib/keyfob");
    else
        return 0;
    return length > 0 && (size_t)length < size;
}

static keyfob_status set(keyfob_config *config, const char *setting, keyfob_error **err) {
    char name[128];
    const char *value = strchr(setting, '=');
    size_t length = value == NULL ? strlen(setting) : (size_t)(value - setting);
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), setting);
    /* The library says what is wrong with an option that has no value. */
    return keyfob_config_set(config, name, value == NULL ? "" : value + 1, err);
}

/* Loads PROVIDER.json of a directory, if it is there. */
static keyfob_status load_from(keyfob_config *config, const char *directory, const char *below,
                               const char *provider, keyfob_error **err) {
    char path[LONGEST_PATH];
    int length;
    if (directory == NULL)
        return KEYFOB_OK;
    length = snprintf(path, sizeof path, "%s%s/%s.json", directory, below, provider);
    if (length < 0 || (size_t)length >= sizeof path || access(path, F_OK) != 0)
        return KEYFOB_OK;
    return keyfob_config_load_file(config, path, err);
}

/* The machine's options, then the user's: what is set later wins. */
static keyfob_status load_usual(keyfob_config *config, const char *provider, keyfob_error **err) {
    const char *own = getenv("XDG_CONFIG_HOME");
    keyfob_status status = load_from(config, "/etc/keyfob", "", provider, err);
    if (status != KEYFOB_OK)
        return status;
    return absolute(own) ? load_from(config, own, "/keyfob", provider, err)
                         : load_from(config, own_home(), "/.config/keyfob", provider, err);
}

static keyfob_status set_timeout(keyfob_config *config, const char *seconds, keyfob_error **err) {
    char text[64], *end;
    double value = strtod(seconds, &end);
    snprintf(text, sizeof text, "%.0f", value * 1000);
    /* The library says what is wrong with it. */
    return keyfob_config_set(config, "timeout_ms", *end == '\0' && end != seconds ? text : seconds, err);
}

/* `memory`, a directory, or whatever the option `store` takes. */
static keyfob_status set_store(keyfob_config *config, const char *where, keyfob_error **err) {
    char store[LONGEST_PATH];
    int is_option = strcmp(where, "memory") == 0 || strchr(where, ':') != NULL;
    const char *form = is_option || where[0] == '\0' ? "%s" : "file:%s";
    int length = snprintf(store, sizeof store, form, where);
    return keyfob_config_set(config, "store", (size_t)length < sizeof store ? store : "", err);
}

static keyfob_status fill(const struct invocation *invocation, keyfob_config *config,
                          keyfob_error **err) {
    keyfob_status status = KEYFOB_OK;
    if (invocation->config_file != NULL)
        status = keyfob_config_load_file(config, invocation->config_file, err);
    else
        status = load_usual(config, invocation->provider, err);
    if (status == KEYFOB_OK)
        status = keyfob_config_load_env(config, invocation->prefix ? invocation->prefix : "KEYFOB", err);
    for (int i = 0; status == KEYFOB_OK && i < invocation->setting_count; i++)
        status = set(config, invocation->settings[i], err);
    if (status == KEYFOB_OK && invocation->store != NULL)
        status = set_store(config, invocation->store, err);
    if (status == KEYFOB_OK && invocation->timeout != NULL)
        status = set_timeout(config, invocation->timeout, err);
    if (status == KEYFOB_OK && invocation->verbose)
        status = keyfob_config_set_log(config, log_line, NULL, KEYFOB_LOG_LEVEL_DEBUG, err);
    return status;
}

int open_config(const struct invocation *invocation, keyfob_config **config) {
    char store[LONGEST_PATH];
    int has_default = default_store(store, sizeof store);
    keyfob_error *err = NULL;
    char *chosen = NULL;
    keyfob_status status = keyfob_config_new(invocation->provider, config, &err);
    if (status == KEYFOB_OK && has_default)
        status = keyfob_config_set(*config, "store", store, &err);
    if (status == KEYFOB_OK)
        status = fill(invocation, *config, &err);
    if (status == KEYFOB_OK && !has_default)
        status = keyfob_config_get(*config, "store", &chosen, &err);
    if (status != KEYFOB_OK)
        return complain(invocation, err);
    /* Without a place for holds, each run would send a wrong password again. */
    if (!has_default && invocation->store == NULL && (chosen == NULL || strcmp(chosen, "memory") == 0)) {
        int by_hand = 0;
        for (int i = 0; i < invocation->setting_count; i++)
            by_hand |= strncmp(invocation->settings[i], "store=", 6) == 0;
        if (!by_hand) {
            keyfob_string_free(chosen);
            fputs("keyfob: this user has no home to keep tokens in; name a directory with --store "
                  "DIRECTORY, or keep nothing between runs with --set store=memory\n", stderr);
            return CONFIGURATION;
        }
    }
    keyfob_string_free(chosen);
    return DONE;
}

int open_client(const struct invocation *invocation, keyfob_client **client) {
    keyfob_config *config = NULL;
    keyfob_error *err = NULL;
    int code = open_config(invocation, &config);
    if (code == DONE && keyfob_client_new(config, client, &err) != KEYFOB_OK)
        code = complain(invocation, err);
    keyfob_config_free(config);
    return code;
}
