/* What the option assertion_command runs, and who runs it, on Windows. With the login in KEYFOB_*:
 *
 *     programs ask            prints a token, or says why there is none
 *     programs cancel FILE    the same, cancelled once FILE is there; then waits until nobody has FILE open
 *
 * and as the program that is run:
 *
 *     programs token TEXT     writes TEXT in hexadecimal digits, after more complaints than a pipe holds
 *     programs fail           complains, and ends with 3
 *     programs flood          writes without an end
 *     programs hang [FILE]    does not end; with FILE, nor does one that it starts, which has FILE open */

#include <keyfob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static keyfob_client *client;

static int ask(void) {
    keyfob_error *err = NULL;
    char *token = NULL;
    if (keyfob_client_token(client, &token, &err) == KEYFOB_OK)
        printf("%s\n", token);
    else
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    keyfob_string_free(token);
    return err == NULL ? 0 : (keyfob_error_free(err), 1);
}

static DWORD WINAPI ask_in_a_thread(void *outcome) {
    *(int *)outcome = ask();
    return 0;
}

static int as_a_client(const char *file) {
    keyfob_config *config = NULL;
    keyfob_error *err = NULL;
    int outcome = 1;
    if (keyfob_config_new("oauth2", &config, &err) != KEYFOB_OK ||
        keyfob_config_load_env(config, "KEYFOB", &err) != KEYFOB_OK ||
        keyfob_client_new(config, &client, &err) != KEYFOB_OK) {
        fprintf(stderr, "%s\n", keyfob_error_message(err));
    } else if (file == NULL) {
        outcome = ask();
    } else {
        HANDLE thread = CreateThread(NULL, 0, ask_in_a_thread, &outcome, 0, NULL);
        while (GetFileAttributesA(file) == INVALID_FILE_ATTRIBUTES)
            Sleep(5);
        keyfob_client_cancel(client, NULL);
        WaitForSingleObject(thread, INFINITE);
        CloseHandle(thread);
        while (!DeleteFileA(file))
            Sleep(5);
    }
    keyfob_error_free(err);
    keyfob_client_free(client);
    keyfob_config_free(config);
    return outcome;
}

static int hang(const char *self, const char *file) {
    char line[1024];
    STARTUPINFOA how;
    PROCESS_INFORMATION started;
    memset(&how, 0, sizeof how);
    how.cb = sizeof how;
    snprintf(line, sizeof line, "\"%s\" hold \"%s\"", self, file);
    /* Its outputs are the pipes, too. */
    if (file == NULL || CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &started))
        Sleep(INFINITE);
    return 1;
}

int main(int count, char **argument) {
    const char *as = count > 1 ? argument[1] : "", *what = count > 2 ? argument[2] : NULL;
    static char complaints[300000];
    if (strcmp(as, "ask") == 0 || strcmp(as, "cancel") == 0)
        return as_a_client(what);
    if (strcmp(as, "token") == 0) {
        memset(complaints, 'c', sizeof complaints);
        fwrite(complaints, 1, sizeof complaints, stderr);
        for (; what != NULL && *what != '\0'; what++)
            printf("%02x", (unsigned char)*what);
        return 0;
    }
    if (strcmp(as, "fail") == 0)
        return fprintf(stderr, "\nno vault\nmore\n"), 3;
    while (strcmp(as, "flood") == 0)
        putchar('x');
    if (strcmp(as, "hang") == 0)
        return hang(argument[0], what);
    if (strcmp(as, "hold") == 0 &&
        CreateFileA(what, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL) != INVALID_HANDLE_VALUE)
        Sleep(INFINITE);
    return 2;
}
