/* providers.c: keyfob providers and keyfob options: what there is, from the library itself. */
#include "program.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_TEXT = 600, LARGEST_PROFILE = 1 << 20 };

/* Whether `text` has `word` in it, whatever the case of both. */
static int mentions(const char *text, const char *word) {
    size_t length = strlen(word), i;
    for (; *text != '\0'; text++) {
        for (i = 0; i < length && tolower((unsigned char)text[i]) == tolower((unsigned char)word[i]);)
            i++;
        if (i == length)
            return 1;
    }
    return length == 0;
}

static void print_words(const char *array) {
    char word[LONGEST_TEXT];
    for (const char *item = json_first(array); item != NULL; item = json_after(item))
        printf(" %s", json_text(item, word, sizeof word));
}

static void print_provider(const char *provider) {
    char name[LONGEST_TEXT], title[LONGEST_TEXT];
    const char *login = json_first(json_member(provider, "logins"));
    printf("%-18s %s\n", json_text(json_member(provider, "name"), name, sizeof name),
           json_text(json_member(provider, "title"), title, sizeof title));
    for (; login != NULL; login = json_after(login)) {
        printf("%-18s  ", "");
        print_words(json_member(login, "needs"));
        putchar('\n');
    }
}

int run_providers(const struct invocation *invocation) {
    char name[LONGEST_TEXT], title[LONGEST_TEXT], *json;
    const char *word = invocation->provider ? invocation->provider : "";
    keyfob_error *err = NULL;
    int found = 0;
    if (keyfob_providers_json(&json, &err) != KEYFOB_OK)
        return complain(invocation, err);
    if (invocation->json) {
        puts(json);
        keyfob_string_free(json);
        return DONE;
    }
    const char *provider = json_first(json_member(json, "providers"));
    for (; provider != NULL; provider = json_after(provider)) {
        json_text(json_member(provider, "name"), name, sizeof name);
        json_text(json_member(provider, "title"), title, sizeof title);
        if (mentions(name, word) || mentions(title, word)) {
            print_provider(provider);
            found++;
        }
    }
    keyfob_string_free(json);
    return found > 0 ? DONE : refuse("no provider's name or title has ", word);
}

static void print_option(const char *option) {
    char text[LONGEST_TEXT];
    printf("%-26s", json_text(json_member(option, "name"), text, sizeof text));
    printf("%s", json_text(json_member(option, "help"), text, sizeof text));
    if (*json_text(json_member(option, "default"), text, sizeof text) != '\0')
        printf(" (default: %s)", text);
    putchar('\n');
}

static int has_word(const char *array, const char *word) {
    char item_text[LONGEST_TEXT];
    for (const char *item = json_first(array); item != NULL; item = json_after(item))
        if (strcmp(json_text(item, item_text, sizeof item_text), word) == 0)
            return 1;
    return 0;
}

/* Whether a login of a profile needs or uses an option. */
static int is_used(const char *profile, const char *name) {
    const char *logins = json_member(profile, "logins");
    const char *key = logins == NULL ? NULL : json_first(logins);
    for (; key != NULL; key = json_after(json_value(key))) {
        const char *needs = json_member(json_value(key), "needs"), *uses = json_member(json_value(key), "uses");
        if ((needs != NULL && has_word(needs, name)) || (uses != NULL && has_word(uses, name)))
            return 1;
    }
    return 0;
}

/* The provider's options first, each with its help; then those that every provider has. `provider` is of
 * the library, or a profile as its file has it, whose options are an object and its logins', too. */
static void print_options(const char *json, const char *provider) {
    const char *names = json_member(provider, "options"), *option;
    int is_profile = names == NULL || *names == '{';
    char name[LONGEST_TEXT], group[LONGEST_TEXT];
    if (is_profile && names != NULL)
        for (option = json_first(names); option != NULL; option = json_after(json_value(option)))
            printf("%-26s%s\n", json_text(option, name, sizeof name),
                   json_text(json_member(json_value(option), "help"), group, sizeof group));
    else
        for (option = json_first(json_member(provider, "own_options")); option != NULL;
             option = json_after(option))
            print_option(option);
    for (int its_own = 1; its_own >= 0; its_own--)
        for (option = json_first(json_member(json, "options")); option != NULL;
             option = json_after(option)) {
            json_text(json_member(option, "name"), name, sizeof name);
            json_text(json_member(option, "group"), group, sizeof group);
            int who_or_where = is_profile ? is_used(provider, name) : has_word(names, name);
            int common = strcmp(group, "Identity") != 0 && strcmp(group, "OAuth") != 0 &&
                         strcmp(group, "OAuth 2.0") != 0;
            if (its_own ? who_or_where : (common && !who_or_where))
                print_option(option);
        }
}

/* The options that a profile of the user's own has. */
static int run_options_of_profile(const struct invocation *invocation, const char *json) {
    keyfob_config *config = NULL;
    char *path = NULL, *profile = NULL;
    FILE *file = NULL;
    int code = open_config(invocation, &config);
    if (code == DONE && (keyfob_config_get(config, "profile_file", &path, NULL) != KEYFOB_OK || path == NULL))
        code = refuse("name the profile: --set profile_file=FILE", "");
    if (code == DONE && ((file = fopen(path, "rb")) == NULL || (profile = calloc(1, LARGEST_PROFILE + 1)) == NULL ||
                         fread(profile, 1, LARGEST_PROFILE, file) == 0))
        code = report_file(path, "cannot be read");
    if (code == DONE)
        print_options(json, strchr(profile, '{'));
    if (file != NULL)
        fclose(file);
    free(profile);
    keyfob_string_free(path);
    keyfob_config_free(config);
    return code;
}

int run_options(const struct invocation *invocation) {
    char name[LONGEST_TEXT], *json;
    keyfob_error *err = NULL;
    int code = DONE;
    if (keyfob_providers_json(&json, &err) != KEYFOB_OK)
        return complain(invocation, err);
    const char *provider = json_first(json_member(json, "providers"));
    while (provider != NULL && strcmp(json_text(json_member(provider, "name"), name, sizeof name),
                                      invocation->provider) != 0)
        provider = json_after(provider);
    if (provider != NULL)
        print_options(json, provider);
    else if (strcmp(invocation->provider, "custom") == 0)
        code = run_options_of_profile(invocation, json);
    else
        code = refuse("there is no provider ", invocation->provider);
    keyfob_string_free(json);
    return code;
}
