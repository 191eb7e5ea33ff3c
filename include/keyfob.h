/* keyfob: access tokens for IoT clouds. https://docs.rs/keyfob
 *
 * Generated from the source by `make headers`. Do not edit.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The contract of every function:
 *
 * - A function that can fail returns KEYFOB_OK (0) or the status of its failure, and its last
 *   argument is `keyfob_error **err`, which may be NULL. On failure `*err` is an error that the
 *   caller frees with keyfob_error_free; on success it is NULL.
 * - Every out-pointer is zeroed at entry. On failure nothing is consumed and nothing changed.
 * - What comes out through `T **` belongs to the caller and has one matching free. What a function
 *   returns as `const` is borrowed until its parent is freed. Every free accepts NULL.
 * - A NULL handle or out-pointer, invalid UTF-8, an unknown option, a bad value: each has its own
 *   status, none is a crash. A fault inside the library is KEYFOB_PANIC, and the handle stays good.
 * - A keyfob_client may be used from any thread at once. A keyfob_config or keyfob_request may not,
 *   while it is being changed. Freeing a handle must not race with a call on it.
 * - Strings are UTF-8 and end with a NUL. Times are milliseconds. All waiting has a limit.
 *
 * In the order in which the functions stand here:
 *
 * - Library: its versions, its providers, its strings. A program that loads the library at run time
 *   compares KEYFOB_ABI_VERSION first.
 * - Error: what a failed call tells: a status for the program, a message for the person who reads it.
 * - Config: the options of an account, by name, from text, a file or the environment.
 * - Client: one account's token, kept good; from any thread.
 * - Request, its body, and response: a call of the cloud's API that carries the token.
 * - Store: where tokens are kept, if neither memory nor files will do.
 */


#ifndef KEYFOB_H
#define KEYFOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How the library's functions are found: by the loader, or in a DLL. With the static library on
 * Windows, define KEYFOB_STATIC. */
#if !defined(KEYFOB_API)
#if defined(_WIN32) && !defined(KEYFOB_STATIC)
#define KEYFOB_API __declspec(dllimport)
#else
#define KEYFOB_API
#endif
#endif

/* Define KEYFOB_CHECKED, and the compiler warns where a status is not looked at. */
#if !defined(KEYFOB_MUST_CHECK)
#if defined(KEYFOB_CHECKED) && (defined(__GNUC__) || defined(__clang__))
#define KEYFOB_MUST_CHECK __attribute__((warn_unused_result))
#else
#define KEYFOB_MUST_CHECK
#endif
#endif

/* Further statuses may be added; treat one you do not know as a failure of its own kind. */


/**
 * The version of this interface. It grows with every addition; what is there stays as it is.
 */
#define KEYFOB_ABI_VERSION 1

/**
 * The version of the library that this header came with: MAJOR.MINOR.PATCH, as `keyfob_version`
 * gives it of the library that is loaded.
 */
#define KEYFOB_VERSION_MAJOR 0

/**
 * See `KEYFOB_VERSION_MAJOR`.
 */
#define KEYFOB_VERSION_MINOR 1

/**
 * See `KEYFOB_VERSION_MAJOR`.
 */
#define KEYFOB_VERSION_PATCH 0

/**
 * The kind of a failure. The numbers are part of the C ABI: they are never reused, and there are
 * gaps for new ones.
 */
enum keyfob_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The call did what it says.
   */
  KEYFOB_OK = 0,
  /**
   * A handle, a string or an out-pointer was NULL where the call needs one.
   */
  KEYFOB_NULL_ARGUMENT = 1,
  /**
   * A string was not UTF-8.
   */
  KEYFOB_INVALID_UTF8 = 2,
  /**
   * An argument has a value the call cannot use.
   */
  KEYFOB_INVALID_ARGUMENT = 3,
  /**
   * The caller's buffer is too small; the length that is needed was written to `*len`.
   */
  KEYFOB_BUFFER_TOO_SMALL = 4,
  /**
   * No option has this name.
   */
  KEYFOB_UNKNOWN_OPTION = 10,
  /**
   * An option's value is not of its type, or out of its range, or contradicts another option.
   */
  KEYFOB_INVALID_OPTION = 11,
  /**
   * The options set do not add up to a login.
   */
  KEYFOB_MISSING_OPTION = 12,
  /**
   * No built-in provider has this name.
   */
  KEYFOB_UNKNOWN_PROVIDER = 13,
  /**
   * A provider profile is not valid; the message says where.
   */
  KEYFOB_INVALID_PROFILE = 14,
  /**
   * The cloud refused the credentials. No login is sent with them until the hold has passed.
   */
  KEYFOB_CREDENTIALS_REJECTED = 20,
  /**
   * The credentials were refused a short time ago; retry-after says when they may be tried again.
   */
  KEYFOB_LOGIN_ON_HOLD = 21,
  /**
   * The refresh token is spent or rejected and there are no credentials to log in with.
   */
  KEYFOB_LOGIN_REQUIRED = 22,
  /**
   * The cloud could not be reached, or the connection broke.
   */
  KEYFOB_NETWORK = 30,
  /**
   * The time limit passed.
   */
  KEYFOB_TIMEOUT = 31,
  /**
   * No trusted TLS connection could be made.
   */
  KEYFOB_TLS = 32,
  /**
   * Plain HTTP to a host that is not this machine, without `allow_http`.
   */
  KEYFOB_INSECURE_URL = 33,
  /**
   * The URL is on an origin that must not see this provider's credentials.
   */
  KEYFOB_FOREIGN_ORIGIN = 34,
  /**
   * The system gives no random numbers, which TLS, signatures and nonces need; nothing was sent.
   */
  KEYFOB_NO_RANDOMNESS = 35,
  /**
   * The cloud asks for fewer calls (HTTP 429).
   */
  KEYFOB_RATE_LIMITED = 40,
  /**
   * The cloud failed (HTTP 5xx).
   */
  KEYFOB_SERVER_ERROR = 41,
  /**
   * The cloud answered a token call with a status the provider's profile has no rule for.
   */
  KEYFOB_UNEXPECTED_ANSWER = 42,
  /**
   * An answer is not what it should be: not JSON, no token, a token with control characters.
   */
  KEYFOB_MALFORMED_ANSWER = 43,
  /**
   * An answer is larger than `max_token_bytes` or `max_body_bytes`.
   */
  KEYFOB_ANSWER_TOO_LARGE = 44,
  /**
   * The request has to be sent again, and its body was read and cannot be wound back.
   */
  KEYFOB_BODY_NOT_REPEATABLE = 45,
  /**
   * What was downloaded does not have the digest that it should have; it was thrown away.
   */
  KEYFOB_DIGEST_MISMATCH = 46,
  /**
   * The token store cannot be read or written.
   */
  KEYFOB_STORE = 50,
  /**
   * A file of the caller's cannot be read or written: a body to send, the target of a download.
   */
  KEYFOB_FILE = 51,
  /**
   * Answering would have meant waiting for the network.
   */
  KEYFOB_WOULD_BLOCK = 60,
  /**
   * The call was cancelled.
   */
  KEYFOB_CANCELLED = 61,
  /**
   * A fault in keyfob itself, contained. The handle stays usable.
   */
  KEYFOB_PANIC = 70,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum keyfob_status keyfob_status;
#else
typedef int32_t keyfob_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How much a log line matters.
 */
enum keyfob_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Something failed that the caller may not see otherwise.
   */
  KEYFOB_LOG_LEVEL_ERROR = 1,
  /**
   * Something was put right that should not have been necessary.
   */
  KEYFOB_LOG_LEVEL_WARN = 2,
  /**
   * A login, a renewal, a hold.
   */
  KEYFOB_LOG_LEVEL_INFO = 3,
  /**
   * Each call to the cloud.
   */
  KEYFOB_LOG_LEVEL_DEBUG = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum keyfob_log_level keyfob_log_level;
#else
typedef int32_t keyfob_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Obtains, keeps and renews one account's token. May be used from any number of threads at once;
 * freeing it must not race with a call on it.
 */
typedef struct keyfob_client keyfob_client;

/**
 * A provider and its options, from which clients are made. Not to be used from two threads while
 * one of them changes it.
 */
typedef struct keyfob_config keyfob_config;

/**
 * Why a call failed. It belongs to the call that returned it and to whoever made that call, who
 * frees it with `keyfob_error_free`. Plain data: any thread may read it.
 */
typedef struct keyfob_error keyfob_error;

/**
 * What a load function of a store hands over. Good for the time of that call only.
 */
typedef struct keyfob_record keyfob_record;

/**
 * A request, to be sent as often as wanted. Not to be used from two threads while one of them
 * changes it.
 */
typedef struct keyfob_request keyfob_request;

/**
 * An answer: whole from `keyfob_client_send`, its body still to be read from `keyfob_client_open`.
 * Any thread may look at it.
 */
typedef struct keyfob_response keyfob_response;

/**
 * Takes a log line. It runs on the thread that called keyfob, with no lock held; `message` is one
 * line without a secret, borrowed for the time of the call. It must not unwind or jump out.
 */
typedef void (*keyfob_log_fn)(int32_t level, const char *message, void *user_data);

/**
 * Gives the next bytes of a body: writes at most `capacity` of them to `buffer` and returns how
 * many; 0 at the end, and a negative number where it failed, which fails the call. It runs on the
 * thread that sends. It must not unwind or jump out.
 */
typedef int64_t (*keyfob_read_fn)(uint8_t *buffer, size_t capacity, void *user_data);

/**
 * Goes back to the beginning of a body and returns `KEYFOB_OK`; anything else says that it cannot.
 */
typedef int32_t (*keyfob_rewind_fn)(void *user_data);

/**
 * Is told how far the body of an answer has come: `done` bytes, of `total` (-1 where that is not
 * known). It runs on the thread that reads, at most ten times a second and once at the end. Returns
 * true to go on; false ends the call with `KEYFOB_CANCELLED`. It must not unwind or jump out.
 */
typedef bool (*keyfob_progress_fn)(uint64_t done, int64_t total, void *user_data);

/**
 * Loads the record of this name: gives it to `keyfob_record_set`, or does not where there is none.
 * Returns `KEYFOB_OK`; anything else says that the store cannot tell, and then no refresh token is
 * spent.
 */
typedef int32_t (*keyfob_store_load_fn)(const char *name, keyfob_record *record, void *user_data);

/**
 * Puts these bytes in the place of the record of this name, wholly or not at all, and returns
 * `KEYFOB_OK` once they would survive a power cut. Anything else says that they were not saved: the
 * tokens are then used from memory, and the fault is in the client's status.
 */
typedef int32_t (*keyfob_store_save_fn)(const char *name,
                                        const uint8_t *data,
                                        size_t len,
                                        void *user_data);

/**
 * Takes the lock of this name without waiting, and returns `KEYFOB_OK`; `KEYFOB_WOULD_BLOCK` while
 * anyone else has it, in this process or another, and keyfob asks again until the call's time is
 * over. The lock must go when its process ends, however that ends. Anything else says that locking
 * is impossible, and then nothing is saved.
 */
typedef int32_t (*keyfob_store_lock_fn)(const char *name, void *user_data);

/**
 * Gives back the lock that was taken.
 */
typedef void (*keyfob_store_unlock_fn)(const char *name, void *user_data);





#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The `KEYFOB_ABI_VERSION` this library was built with. A binding compares it with its own when it
 * loads the library: the library's must not be smaller.
 */
KEYFOB_API uint32_t keyfob_abi_version(void);

/**
 * The library's version, such as `0.1.0`. Static: never freed.
 */
KEYFOB_API const char *keyfob_version(void);

/**
 * A status's name without `KEYFOB_`, such as `CREDENTIALS_REJECTED`; `UNKNOWN` for a number that
 * is none. Static: never freed.
 */
KEYFOB_API const char *keyfob_status_name(int32_t status);

/**
 * The built-in providers as JSON: `{"providers": [{"name", "title", "notes", "logins": [{"name",
 * "title", "needs", "uses"}], "options": [...]}], "options": [{"name", "group", "type", "default",
 * "secret", "help"}]}`. The string is the caller's, to be freed with `keyfob_string_free`.
 */
KEYFOB_API KEYFOB_MUST_CHECK keyfob_status keyfob_providers_json(char **json, keyfob_error **err);

/**
 * Overwrites a string with zeroes and frees it: one that a function of this library gave through a
 * `char **`. NULL is fine.
 */
KEYFOB_API void keyfob_string_free(char *string);

/**
 * The status of the call that failed, as the call returned it. `KEYFOB_OK` for NULL.
 */
KEYFOB_API keyfob_status keyfob_error_status(const keyfob_error *error);

/**
 * What happened and what to do about it, in one line without a secret. Never NULL; empty for NULL.
 * Borrowed until the error is freed.
 */
KEYFOB_API const char *keyfob_error_message(const keyfob_error *error);

/**
 * The HTTP status of the answer that caused this; 0 if no answer did.
 */
KEYFOB_API int32_t keyfob_error_http_status(const keyfob_error *error);

/**
 * The cloud's own code for the fault, such as `invalid_grant`; NULL if it gave none. Borrowed until
 * the error is freed.
 */
KEYFOB_API const char *keyfob_error_provider_code(const keyfob_error *error);

/**
 * The cloud's own sentence about the fault, such as `Session not active`; NULL if it gave none. At most
 * 200 characters, on one line, without secrets. Borrowed until the error is freed.
 */
KEYFOB_API
const char *keyfob_error_provider_message(const keyfob_error *error);

/**
 * How many milliseconds to wait before another try, where the cloud or a hold says so; -1 if not.
 */
KEYFOB_API int64_t keyfob_error_retry_after_ms(const keyfob_error *error);

/**
 * Whether the same call may succeed later with nothing changed but the time. False for NULL.
 */
KEYFOB_API bool keyfob_error_is_retriable(const keyfob_error *error);

/**
 * Frees an error. NULL is fine.
 */
KEYFOB_API void keyfob_error_free(keyfob_error *error);

/**
 * Makes a config for a provider: `kontakt`, `kontakt-cloud`, `iotconnect`, `kii`, `simacan`,
 * `oauth2`, or `custom`, whose profile is then set first with the option `profile` or
 * `profile_file`. Free it with `keyfob_config_free`.
 *
 * `KEYFOB_UNKNOWN_PROVIDER`: the message lists the names there are.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_new(const char *provider,
                                keyfob_config **out,
                                keyfob_error **err);

/**
 * Sets an option. All values are strings; docs/OPTIONS.md lists the names, ranges and defaults.
 * Every secret option `x` may be given as `x_file` instead, a file that is read when a client is
 * made.
 *
 * `KEYFOB_UNKNOWN_OPTION`, `KEYFOB_INVALID_OPTION`, `KEYFOB_INVALID_PROFILE`; the config is then
 * as it was.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_set(keyfob_config *config,
                                const char *option,
                                const char *value,
                                keyfob_error **err);

/**
 * Gives an option's value or default: `***` for a secret that is set, and `*value` is NULL for an
 * option that has no value. The string is the caller's, to be freed with `keyfob_string_free`.
 *
 * `KEYFOB_UNKNOWN_OPTION`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_get(const keyfob_config *config,
                                const char *option,
                                char **value,
                                keyfob_error **err);

/**
 * Sets every member of a JSON object; numbers and booleans may be written as such. All or nothing:
 * after a failure the config is as it was.
 *
 * `KEYFOB_INVALID_ARGUMENT` where it is not such an object, and as `keyfob_config_set`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_load_json(keyfob_config *config,
                                      const char *json,
                                      keyfob_error **err);

/**
 * As `keyfob_config_load_json`, from a file.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_load_file(keyfob_config *config,
                                      const char *path,
                                      keyfob_error **err);

/**
 * Sets the options that environment variables name: with the prefix `KEYFOB`, `KEYFOB_USERNAME`
 * sets `username`. Variables that name no option, and empty ones, are passed over. The environment
 * is read once, here, and never changed.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_load_env(keyfob_config *config,
                                     const char *prefix,
                                     keyfob_error **err);

/**
 * Sends log lines of the clients made from this config to `log`, up to `max_level`
 * (`KEYFOB_LOG_LEVEL_ERROR` to `KEYFOB_LOG_LEVEL_DEBUG`). A NULL `log` sends them nowhere.
 * `log` and `user_data` must stay usable, from any thread that uses a client, until the last
 * client made from this config is freed.
 *
 * `KEYFOB_INVALID_ARGUMENT`: `max_level` is none of the levels.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_set_log(keyfob_config *config,
                                    keyfob_log_fn log,
                                    void *user_data,
                                    int32_t max_level,
                                    keyfob_error **err);

/**
 * Frees a config. Clients made from it go on. NULL is fine.
 */
KEYFOB_API void keyfob_config_free(keyfob_config *config);

/**
 * Makes a client from a config, which is copied and stays the caller's. Nothing is sent: the first
 * call that needs a token does that. Free it with `keyfob_client_free`.
 *
 * `KEYFOB_MISSING_OPTION` or `KEYFOB_INVALID_OPTION` where the options fit no login, or more than
 * one; `KEYFOB_STORE` where the store cannot be used.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_new(const keyfob_config *config,
                                keyfob_client **out,
                                keyfob_error **err);

/**
 * Makes another handle on the same client: token, store and connections are shared, but calls on
 * the new handle take at most `timeout_ms` (0: what the client's option says), and
 * `keyfob_client_cancel` on it ends its own calls only: those under way and, while none had to wait
 * yet, the first that has to. So a call that is handed to another thread can be cancelled on its
 * way there. Cheap; meant for one call or a few. Free it with `keyfob_client_free`, before or after
 * the first handle.
 *
 * `KEYFOB_INVALID_ARGUMENT`: the time is negative.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_share(const keyfob_client *client,
                                  int64_t timeout_ms,
                                  keyfob_client **out,
                                  keyfob_error **err);

/**
 * Gives a good access token, obtained or renewed first where that is needed. The string is the
 * caller's, to be freed with `keyfob_string_free`. A token that is cached and fresh costs a clock
 * read and a copy.
 *
 * `KEYFOB_CREDENTIALS_REJECTED`, `KEYFOB_LOGIN_ON_HOLD`, `KEYFOB_LOGIN_REQUIRED`, and whatever
 * keeps from reaching the cloud; docs/ERRORS.md says what to do about each.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_token(const keyfob_client *client,
                                  char **token,
                                  keyfob_error **err);

/**
 * As `keyfob_client_token`, into the caller's buffer of `cap` bytes, with a NUL at its end. `*len`
 * is the token's length without the NUL.
 *
 * `KEYFOB_BUFFER_TOO_SMALL`: `*len` is the length that is needed, and `cap` must be one more.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_token_copy(const keyfob_client *client,
                                       char *buf,
                                       size_t cap,
                                       size_t *len,
                                       keyfob_error **err);

/**
 * As `keyfob_client_token`, but never waits and never renews.
 *
 * `KEYFOB_WOULD_BLOCK` where no good token is at hand.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_try_token(const keyfob_client *client,
                                      char **token,
                                      keyfob_error **err);

/**
 * The number of the fresh token at hand; 0 where there is none, or it is due to be renewed, or many
 * threads ask at once, or the client is NULL. While the number is the same, so is what
 * `keyfob_client_token` and `keyfob_client_headers` give: for languages in which asking for a
 * number is cheaper than converting a string. Never waits.
 */
KEYFOB_API uint64_t keyfob_client_fresh_number(const keyfob_client *client);

/**
 * Gives the headers that carry the token, one `Name: value` a line, without a line end after the
 * last: `Authorization: Bearer ...`. The string is the caller's, to be freed with
 * `keyfob_string_free`. Errors as `keyfob_client_token`; `KEYFOB_INVALID_ARGUMENT` where the cloud
 * has each request signed: then ask `keyfob_client_headers_for_request`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_headers(const keyfob_client *client,
                                    char **lines,
                                    keyfob_error **err);

/**
 * Gives the headers that `keyfob_client_send` adds to a request for this URL unless the request
 * sets them: those that carry the token, and what the provider asks of every request. In form and
 * ownership as `keyfob_client_headers`. For those who send requests themselves.
 *
 * `KEYFOB_FOREIGN_ORIGIN` and `KEYFOB_INSECURE_URL` where the token must not go; errors as
 * `keyfob_client_token`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_headers_for(const keyfob_client *client,
                                        const char *url,
                                        char **lines,
                                        keyfob_error **err);

/**
 * As `keyfob_client_headers_for`, for a request with this method and body: some clouds have each
 * request signed. What is sent must then be exactly this, and once: a request that is repeated needs
 * headers of its own. `body` may be NULL where `len` is 0.
 *
 * `KEYFOB_INVALID_ARGUMENT` where the cloud wants the token in the query or in the body:
 * `keyfob_client_send` puts it there.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_headers_for_request(const keyfob_client *client,
                                                const char *method,
                                                const char *url,
                                                const uint8_t *body,
                                                size_t len,
                                                char **lines,
                                                keyfob_error **err);

/**
 * Whether an answer of an API with this HTTP status and body refuses the access token, by the
 * provider's rule; then `keyfob_client_refused` is to be told. For those who send requests
 * themselves. `body` may be NULL where `len` is 0; a large one, which is no error document, is
 * not looked into. False for NULL. Never waits.
 */
KEYFOB_API
bool keyfob_client_is_refusal(const keyfob_client *client,
                              uint16_t http_status,
                              const uint8_t *body,
                              size_t len);

/**
 * How many milliseconds the token at hand lives: `INT64_MAX` for ever, 0 where there is none.
 * Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_expires_in_ms(const keyfob_client *client,
                                          int64_t *ms,
                                          keyfob_error **err);

/**
 * How many milliseconds until the token is due to be renewed: 0 for now, `INT64_MAX` for never.
 * For an event loop that calls `keyfob_client_token` at that time. Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_renew_due_in_ms(const keyfob_client *client,
                                            int64_t *ms,
                                            keyfob_error **err);

/**
 * Deprecated: the old name of `keyfob_client_renew_due_in_ms`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_renew_due_ms(const keyfob_client *client,
                                         int64_t *ms,
                                         keyfob_error **err);

/**
 * Renews the token now, fresh or not. Callers at the same time share one renewal.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_renew(const keyfob_client *client,
                                  keyfob_error **err);

/**
 * Says that an API refused this access token, for those who send requests themselves. Renews,
 * unless a newer token is there already; then ask for the token again and repeat the request once.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_refused(const keyfob_client *client,
                                    const char *token,
                                    keyfob_error **err);

/**
 * Changes an option while the client is in use. New credentials end a hold; another principal's
 * token is dropped. Errors as `keyfob_config_set` and `keyfob_client_new`; the client then goes on
 * as before.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_set(const keyfob_client *client,
                                const char *option,
                                const char *value,
                                keyfob_error **err);

/**
 * Changes several options at once, such as a name and its password: the members of a JSON object,
 * as `keyfob_config_load_json` takes it. All or nothing.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_set_json(const keyfob_client *client,
                                     const char *json,
                                     keyfob_error **err);

/**
 * Forgets the tokens and any hold: in memory, in the store, and at the cloud where it can revoke.
 * The next call logs in.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_forget(const keyfob_client *client,
                                   keyfob_error **err);

/**
 * Gives the client's state, counters and last error as JSON, without a secret; docs/ABI.md lists
 * the members. The string is the caller's, to be freed with `keyfob_string_free`. Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_status_json(const keyfob_client *client,
                                        char **json,
                                        keyfob_error **err);

/**
 * Ends the calls that are under way on this handle: they return `KEYFOB_CANCELLED`. Later calls
 * are not touched, but for the first of a handle of `keyfob_client_share`. May be called from any thread, and from a signal handler.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_cancel(const keyfob_client *client,
                                   keyfob_error **err);

/**
 * Lets `ms` milliseconds pass on this client's clock, so that a test can see what happens when
 * tokens age without waiting. The cloud's clock is not touched.
 *
 * `KEYFOB_INVALID_ARGUMENT`: the time is negative.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_wind_ms(const keyfob_client *client,
                                    int64_t ms,
                                    keyfob_error **err);

/**
 * Sends a request with the token. If the API refuses the token, renews it and sends once more.
 * Every answer is a response, whatever its status; the response is the caller's, to be freed with
 * `keyfob_response_free`.
 *
 * `KEYFOB_FOREIGN_ORIGIN` and `KEYFOB_INSECURE_URL` before anything is sent; the errors of
 * `keyfob_client_token`; and what keeps from getting an answer.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_send(const keyfob_client *client,
                                 const keyfob_request *request,
                                 keyfob_response **out,
                                 keyfob_error **err);

/**
 * As `keyfob_client_send`, but gives the response once its head is there; its body is then read with
 * `keyfob_response_read`, however large it is. `timeout_ms`, or the request's own limit, is for the
 * head; `idle_timeout_ms` and `transfer_timeout_ms` bound the body. `keyfob_client_cancel` on this
 * handle ends the reading, too. The client may be freed before the response.
 *
 * As `keyfob_client_send`, and `KEYFOB_BODY_NOT_REPEATABLE` where the token was refused and the
 * request's body cannot be read again.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_open(const keyfob_client *client,
                                 const keyfob_request *request,
                                 keyfob_response **out,
                                 keyfob_error **err);

/**
 * Downloads what the request asks for to a file. While it is under way it is in `PATH.part`; PATH
 * itself is replaced at once when all is there, durably. What came before a fault is kept, and a
 * later call with the same request goes on from there, in this process or another. Faults of the
 * network are tried again until nothing has come for `download_retry_s`.
 *
 * `sha256` is what the file must have, as 64 hexadecimal digits, or NULL. A digest that the server
 * names (`Repr-Digest`, `Digest`) is checked, too. The response has the status and headers of the
 * last answer and no body; where that is not a success nothing is written. Progress is told as
 * `keyfob_request_set_progress` says.
 *
 * `KEYFOB_FILE`: the target is a directory or a symbolic link, or cannot be written, or another
 * download to it is under way. `KEYFOB_DIGEST_MISMATCH`: what came was thrown away. As
 * `keyfob_client_open`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_download(const keyfob_client *client,
                                     const keyfob_request *request,
                                     const char *path,
                                     const char *sha256,
                                     keyfob_response **out,
                                     keyfob_error **err);

/**
 * Frees a client handle; the last one of a client ends it. Must not race with a call on this
 * handle. NULL is fine.
 */
KEYFOB_API void keyfob_client_free(keyfob_client *client);

/**
 * Makes a request. `method` is any HTTP method but CONNECT and TRACE. `url` is absolute, or
 * relative to the provider's base URL (`devices?page=2`; a leading slash begins at the host), or
 * begins with a discovered endpoint: `{deviceBaseUrl}/Device`. Free it with `keyfob_request_free`.
 *
 * `KEYFOB_INVALID_ARGUMENT`: not a method, or not a URL.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_new(const char *method,
                                 const char *url,
                                 keyfob_request **out,
                                 keyfob_error **err);

/**
 * Sets a header, in place of one of the same name. The headers that carry the token, and those of
 * the connection (`Host`, `Content-Length`, ...), are not the caller's to set.
 *
 * `KEYFOB_INVALID_ARGUMENT`: a name or value that cannot be a header's.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_header(keyfob_request *request,
                                        const char *name,
                                        const char *value,
                                        keyfob_error **err);

/**
 * Adds `name=value` to the query, percent-encoded.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_add_query(keyfob_request *request,
                                       const char *name,
                                       const char *value,
                                       keyfob_error **err);

/**
 * Sets the body to a copy of `len` bytes, in place of any before. NULL is fine where `len` is 0.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_body(keyfob_request *request,
                                      const uint8_t *data,
                                      size_t len,
                                      keyfob_error **err);

/**
 * Sets the longest this request takes, in milliseconds, its retries and a renewal included; 0
 * leaves it to the client.
 *
 * `KEYFOB_INVALID_ARGUMENT`: the time is negative.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_timeout_ms(keyfob_request *request,
                                            int64_t ms,
                                            keyfob_error **err);

/**
 * Says whether sending the request twice does no harm. Only then is it repeated after a fault that
 * leaves open whether it was carried out. True from the start for GET, HEAD, OPTIONS, PUT and
 * DELETE (RFC 9110 9.2.2), false for all others.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_idempotent(keyfob_request *request,
                                            bool idempotent,
                                            keyfob_error **err);

/**
 * Frees a request. NULL is fine.
 */
KEYFOB_API void keyfob_request_free(keyfob_request *request);

/**
 * Sends a file as the body, in place of any before. The file is opened when the request is sent, and
 * again for a replay, so it is never in memory as a whole.
 *
 * `KEYFOB_FILE`: there is no such file, or it is not a regular one.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_body_file(keyfob_request *request,
                                           const char *path,
                                           keyfob_error **err);

/**
 * Sends what a function gives as the body, in place of any before. `length` is how many bytes that
 * will be: fewer fail the call, and no more are asked for; -1 where it is not known, which sends it in chunks.
 * `rewind` may be NULL: then a request that has to be sent again after something was read fails with
 * `KEYFOB_BODY_NOT_REPEATABLE`. The functions and `user_data` must stay usable until the request is
 * freed or has another body.
 *
 * `KEYFOB_INVALID_ARGUMENT`: `length` is less than -1.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_body_reader(keyfob_request *request,
                                             keyfob_read_fn read,
                                             keyfob_rewind_fn rewind,
                                             int64_t length,
                                             void *user_data,
                                             keyfob_error **err);

/**
 * Has `progress` told how far the body of the answer has come; NULL for nobody. It and `user_data`
 * must stay usable until the request and its responses are freed.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_progress(keyfob_request *request,
                                          keyfob_progress_fn progress,
                                          void *user_data,
                                          keyfob_error **err);

/**
 * The HTTP status; 0 for NULL.
 */
KEYFOB_API uint16_t keyfob_response_status(const keyfob_response *response);

/**
 * The value of the first header of this name, without regard to case; NULL if there is none.
 * Borrowed until the response is freed.
 */
KEYFOB_API const char *keyfob_response_header(const keyfob_response *response, const char *name);

/**
 * The name of the header at this index, in lower case, and through `value`, which may be NULL, its
 * value; NULL past the end. Both borrowed until the response is freed.
 */
KEYFOB_API
const char *keyfob_response_header_at(const keyfob_response *response,
                                      size_t index,
                                      const char **value);

/**
 * The body and, through `len`, its length; an empty body may be NULL. Binary: no NUL is at its
 * end. Borrowed until the response is freed.
 */
KEYFOB_API const uint8_t *keyfob_response_body(const keyfob_response *response, size_t *len);

/**
 * Reads the next bytes of the body of a response of `keyfob_client_open`: at most `cap` of them, to
 * `buf`. `*len` is how many; 0 at the end of the body. Waits for them at most `idle_timeout_ms`. Not
 * to be called from two threads at once. A response of `keyfob_client_send` is read from memory.
 *
 * `KEYFOB_NETWORK`: the body was cut, so what came before is not the whole of it.
 * `KEYFOB_TIMEOUT`, `KEYFOB_CANCELLED`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_response_read(keyfob_response *response,
                                   uint8_t *buf,
                                   size_t cap,
                                   size_t *len,
                                   keyfob_error **err);

/**
 * Gives the absolute URL of the link with this relation, such as `next`: from a `Link` header (RFC
 * 8288), a HATEOAS `links` array or a `_links` object; for `next` also where the provider says that
 * its next page is. `KEYFOB_OK` with `*url` NULL where there is no such link. The string is the
 * caller's, to be freed with `keyfob_string_free`.
 *
 * `KEYFOB_MALFORMED_ANSWER`: there is such a link, but it is not a URL.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_response_link(const keyfob_response *response,
                                   const char *rel,
                                   char **url,
                                   keyfob_error **err);

/**
 * How many bytes the body has in all, where the answer's head says so; -1 where it does not, and for
 * NULL.
 */
KEYFOB_API
int64_t keyfob_response_length(const keyfob_response *response);

/**
 * Frees a response. NULL is fine.
 */
KEYFOB_API void keyfob_response_free(keyfob_response *response);

/**
 * Keeps the tokens of the clients made from this config in a store of the caller's own: a database,
 * a TPM, a secure element. The option `store` must not be set then; `store_key` seals what is kept.
 * docs/STORE.md says what such a store must do; `examples/c/keyfob-sqlite-store.c` is one.
 *
 * A record is a few kilobytes. Its `name` is one to eighty letters, digits and `-`. Strings and
 * data are borrowed for the time of the call. `lock` and `unlock` may both be NULL where no other
 * process and no client of another config shares the store. All four NULL: back to the option
 * `store`.
 *
 * The functions are called on the threads that use the clients, several at once for different
 * names, and while a client is made. Between a `lock` that was taken and its `unlock`, all calls
 * for that name but further loads come from one thread. They should return within a second or so,
 * since no time limit interrupts them; they must not unwind or jump out, nor use a client of this
 * store. They and `user_data` must stay usable until the last client made from this config is
 * freed.
 *
 * `KEYFOB_NULL_ARGUMENT`: `load` or `save` alone is NULL, or one of `lock` and `unlock`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_set_store(keyfob_config *config,
                                      keyfob_store_load_fn load,
                                      keyfob_store_save_fn save,
                                      keyfob_store_lock_fn lock,
                                      keyfob_store_unlock_fn unlock,
                                      void *user_data,
                                      keyfob_error **err);

/**
 * Hands over the record that was asked for, from within a load function; the bytes are copied. A
 * second call replaces what the first one gave.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_record_set(keyfob_record *record,
                                const uint8_t *data,
                                size_t len,
                                keyfob_error **err);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KEYFOB_H */
