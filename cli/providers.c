/* providers.c: keyfob providers and keyfob options: what there is, from the library itself. */
#include "program.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_TEXT = 600 };

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

/* The provider's options first, each with its help; then those that every provider has. */
static void print_options(const char *json, const char *provider) {
    const char *names = json_member(provider, "options"), *option;
    char name[LONGEST_TEXT], group[LONGEST_TEXT];
    for (option = json_first(json_member(provider, "own_options")); option != NULL;
         option = json_after(option))
        print_option(option);
    for (int its_own = 1; its_own >= 0; its_own--)
        for (option = json_first(json_member(json, "options")); option != NULL;
             option = json_after(option)) {
            json_text(json_member(option, "name"), name, sizeof name);
            json_text(json_member(option, "group"), group, sizeof group);
            int who_or_where = has_word(names, name);
            int common = strcmp(group, "Identity") != 0 && strcmp(group, "OAuth") != 0 &&
                         strcmp(group, "OAuth 2.0") != 0;
            if (its_own ? who_or_where : (common && !who_or_where))
                print_option(option);
        }
}

int run_options(const struct invocation *invocation) {
    char name[LONGEST_TEXT], *json;
    keyfob_error *err = NULL;
    if (keyfob_providers_json(&json, &err) != KEYFOB_OK)
        return complain(invocation, err);
    const char *provider = json_first(json_member(json, "providers"));
    while (provider != NULL && strcmp(json_text(json_member(provider, "name"), name, sizeof name),
                                      invocation->provider) != 0)
        provider = json_after(provider);
    if (provider != NULL)
        print_options(json, provider);
    keyfob_string_free(json);
    return provider != NULL ? DONE : refuse("there is no provider ", invocation->provider);
}
