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
 * From nothing to a token:
 *
 *     keyfob_config_new("simacan", &config, &err)        which cloud
 *     keyfob_config_load_env(config, "KEYFOB", &err)     whose account: KEYFOB_USERNAME, ...
 *     keyfob_client_new(config, &client, &err)           nothing is sent yet
 *     keyfob_client_token(client, &token, &err)          logs in; later calls renew when it is due
 *
 * and from there to the cloud's API:
 *
 *     keyfob_request_new("GET", "/things", &request, &err)
 *     keyfob_client_send(client, request, &response, &err)
 *
 * What follows stands in groups, each with a paragraph on its use: library, status, error, config,
 * client, request, bodies, response, MQTT, store. docs/c.md is the guide, docs/ABI.md the promises.
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

/* Define KEYFOB_CHECKED, and gcc and clang warn where a status is not looked at. */
#if !defined(KEYFOB_MUST_CHECK)
#if defined(KEYFOB_CHECKED) && (defined(__GNUC__) || defined(__clang__))
#define KEYFOB_MUST_CHECK __attribute__((warn_unused_result))
#else
#define KEYFOB_MUST_CHECK
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ------------------------------------------------------------------------------------------------
 * The handles. The group of each says how it is made, used and freed.
 * ------------------------------------------------------------------------------------------------ */

/**
 * Obtains, keeps and renews one account's token. Freed with `keyfob_client_free`. Any number of
 * threads may use it at once; freeing it must not race with a call on it.
 */
typedef struct keyfob_client keyfob_client;

/**
 * A provider and its options, from which clients are made. Freed with `keyfob_config_free`. Not to
 * be used from two threads while one of them changes it.
 */
typedef struct keyfob_config keyfob_config;

/**
 * Why a call failed. Owned by the caller of the function that gave it; freed with
 * `keyfob_error_free`. Any thread may read it.
 */
typedef struct keyfob_error keyfob_error;

/**
 * A login that a person allows: at another device, by a code (RFC 8628), or in a browser (RFC
 * 8252). Freed with `keyfob_login_free`. Any thread may use it; freeing it must not race with a
 * call on it.
 */
typedef struct keyfob_login keyfob_login;

/**
 * What to connect to an MQTT broker with. Freed with `keyfob_mqtt_free`, which wipes its texts.
 * Any thread may look at it.
 */
typedef struct keyfob_mqtt keyfob_mqtt;

/**
 * Where a load function of a store puts what it has. keyfob's, and good for the time of that call
 * only.
 */
typedef struct keyfob_record keyfob_record;

/**
 * A request, to be sent as often as wanted. Freed with `keyfob_request_free`. Not to be used from
 * two threads while one of them changes it.
 */
typedef struct keyfob_request keyfob_request;

/**
 * An answer: whole from `keyfob_client_send`, its body still to be read from `keyfob_client_open`.
 * Freed with `keyfob_response_free`. Any thread may look at it; one at a time may read its body.
 */
typedef struct keyfob_response keyfob_response;

/* ------------------------------------------------------------------------------------------------
 * Library: which version is here, and who frees its strings.
 *
 * A program that is linked to keyfob needs nothing of this group but `keyfob_string_free`. One
 * that loads the library at run time, as a binding does, first checks that `keyfob_abi_version` is
 * not smaller than the `KEYFOB_ABI_VERSION` it was written for. Any thread may call these
 * functions at any time; none of them waits, and none can fail.
 * ------------------------------------------------------------------------------------------------ */

/**
 * The number of this interface. It grows by one with each release that adds a function, a status
 * or a type. What is there keeps its name, number and meaning: docs/ABI.md has the promise.
 */
#define KEYFOB_ABI_VERSION 1

/**
 * The version of the library that this header came with, MAJOR.MINOR.PATCH, for `#if`. What
 * `keyfob_version` gives is the version of the library that is loaded; the two may differ.
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
 * The `KEYFOB_ABI_VERSION` of the library that is loaded. Whoever loads it at run time compares: a
 * smaller number than the program was compiled with means that functions may be missing.
 */
KEYFOB_API uint32_t keyfob_abi_version(void);

/**
 * The version of the library that is loaded, such as `0.1.0`. Static: never freed.
 */
KEYFOB_API const char *keyfob_version(void);

/**
 * Overwrites a string with zeroes and frees it: one that a function of this library gave through a
 * `char **`, and no other. The C library's `free` must not be used in its place, since the two may
 * have different heaps. NULL is fine.
 */
KEYFOB_API void keyfob_string_free(char *string);

/* ------------------------------------------------------------------------------------------------
 * Status: what a call returns.
 *
 * `KEYFOB_OK` is 0 and every other number is one kind of failure, so `if (status)` asks whether a
 * call failed, and a `switch` decides what to do. docs/ERRORS.md says of each status what happened
 * and what to do about it. A number is never used for anything else later. A newer library may
 * return one that this header does not have: treat it as a failure.
 * ------------------------------------------------------------------------------------------------ */

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
   * The person who was asked to log in said no, or the server did.
   */
  KEYFOB_LOGIN_DENIED = 23,
  /**
   * Nobody logged in while the code was good. Begin another login.
   */
  KEYFOB_LOGIN_EXPIRED = 24,
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
 * A status's name without `KEYFOB_`, such as `CREDENTIALS_REJECTED`; `UNKNOWN` for a number that
 * this library does not have. Static: never freed.
 */
KEYFOB_API const char *keyfob_status_name(int32_t status);

/* ------------------------------------------------------------------------------------------------
 * Error: why one call failed.
 *
 * Each function that can fail takes a `keyfob_error **err` as its last argument. On failure it
 * makes an error there, which the caller looks at and frees with `keyfob_error_free`; on success
 * it writes NULL. Who wants no more than the status passes NULL. There is no "last error" of a
 * thread: an error belongs to the call that gave it, so that bindings may move between threads.
 *
 * An error is plain data that never changes: any thread may read it until it is freed. Each
 * function here takes NULL for an error and then returns what stands for "none".
 * ------------------------------------------------------------------------------------------------ */

/**
 * The status that the call returned: what a program branches on. `KEYFOB_OK` for NULL.
 */
KEYFOB_API keyfob_status keyfob_error_status(const keyfob_error *error);

/**
 * What happened and what to do about it, for a person: one line of less than 1000 bytes, without a
 * secret. Its words may change with any release. Never NULL; empty for NULL. Borrowed until the
 * error is freed.
 */
KEYFOB_API const char *keyfob_error_message(const keyfob_error *error);

/**
 * The HTTP status of the answer that caused this; 0 if no answer did, and for NULL.
 */
KEYFOB_API int32_t keyfob_error_http_status(const keyfob_error *error);

/**
 * The cloud's own code for the fault, such as `invalid_grant` (RFC 6749 5.2); NULL if it gave
 * none. Borrowed until the error is freed.
 */
KEYFOB_API const char *keyfob_error_provider_code(const keyfob_error *error);

/**
 * The cloud's own sentence about the fault, such as `Session not active`; NULL if it gave none.
 * One line of at most 200 characters, without secrets. Borrowed until the error is freed.
 */
KEYFOB_API const char *keyfob_error_provider_message(const keyfob_error *error);

/**
 * How many milliseconds to wait before another try: what the cloud asked for (`Retry-After`, RFC
 * 9110 10.2.3), or what is left of a hold on rejected credentials. -1 if neither says, and for
 * NULL.
 */
KEYFOB_API int64_t keyfob_error_retry_after_ms(const keyfob_error *error);

/**
 * Whether the same call may succeed later with nothing changed but the time. keyfob has retried by
 * then what may be retried within the call's limit. False for NULL.
 */
KEYFOB_API bool keyfob_error_is_retriable(const keyfob_error *error);

/**
 * Frees an error. NULL is fine.
 */
KEYFOB_API void keyfob_error_free(keyfob_error *error);

/* ------------------------------------------------------------------------------------------------
 * Config: which account at which cloud.
 *
 * A config is a provider and options by name. Make it with `keyfob_config_new`; fill it from text,
 * a JSON file or the environment; make clients from it with `keyfob_client_new`, which copies it;
 * free it with `keyfob_config_free`, at any time after that. Which login is used follows from the
 * options that are set: a client is refused where they fit none, or more than one.
 *
 * Nothing here uses the network. Options are checked as they are set; files that secret options
 * name are read when a client is made. A config is plain data: one thread may change it, or any
 * number may read it.
 * ------------------------------------------------------------------------------------------------ */

/**
 * How much a log line matters: the higher the number, the less.
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
 * Takes a log line of this level, one of `keyfob_log_level`. `message` is one line without a
 * secret, borrowed for the time of the call.
 *
 * It runs on the thread that called keyfob, or on the library's own where the option
 * `background_renewal` is set, and on several at once where several threads use a client. No lock
 * is held that another call needs. It must not unwind, jump out, or use the client that it was
 * called for.
 */
typedef void (*keyfob_log_fn)(int32_t level, const char *message, void *user_data);

/**
 * Gives the built-in providers, the logins of each, and all options, as JSON, for programs that
 * ask a person: `{"providers": [{"name", "title", "notes", "logins": [{"name", "title", "needs",
 * "uses"}], "options": [...]}], "options": [{"name", "group", "type", "default", "secret",
 * "help"}]}`. Members may be added. The string is the caller's, to be freed with
 * `keyfob_string_free`.
 */
KEYFOB_API KEYFOB_MUST_CHECK keyfob_status keyfob_providers_json(char **json, keyfob_error **err);

/**
 * Makes a config for a provider, such as `kontakt`, `simacan` or `oauth2`: docs/CLOUDS.md lists
 * them, and `keyfob_providers_json` gives them. For `custom` the option `profile` or
 * `profile_file` is set first, and says what else there is to set. Free it with
 * `keyfob_config_free`.
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
 * Every secret option `x` may be given as `x_file` instead: a file that is read when a client is
 * made, and again when a login is rejected, since secrets rotate by new files. The value is
 * copied; a copy of a secret is overwritten before its memory is freed.
 *
 * `KEYFOB_UNKNOWN_OPTION`: the message has the nearest name. `KEYFOB_INVALID_OPTION`: not of the
 * option's type, or out of its range. `KEYFOB_INVALID_PROFILE`: the message says where. The config
 * is then as it was.
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
 * `KEYFOB_UNKNOWN_OPTION`: the provider has no such option.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_get(const keyfob_config *config,
                                const char *option,
                                char **value,
                                keyfob_error **err);

/**
 * Sets every member of a JSON object: `{"username": "gateway", "timeout_ms": 5000}`. Numbers and
 * booleans may be written as such. All or nothing: after a failure the config is as it was.
 *
 * `KEYFOB_INVALID_ARGUMENT`: not such an object. Errors of each member as `keyfob_config_set`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_load_json(keyfob_config *config,
                                      const char *json,
                                      keyfob_error **err);

/**
 * As `keyfob_config_load_json`, from a file. Errors as there; `KEYFOB_INVALID_ARGUMENT` also where
 * the file cannot be read.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_load_file(keyfob_config *config,
                                      const char *path,
                                      keyfob_error **err);

/**
 * Sets the options that environment variables name: with the prefix `KEYFOB`, `KEYFOB_USERNAME`
 * sets `username`. Variables that name no option, and empty ones, are passed over. The environment
 * is read here and, where the option `proxy` is `env`, when a client is made; it is never changed.
 * No other thread may change it meanwhile. All or nothing.
 *
 * `KEYFOB_INVALID_ARGUMENT`: the prefix is empty, or has more than letters, digits and `_`. Errors
 * of each variable as `keyfob_config_set`.
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
 * Keeps the last `lines` log lines up to `max_level` of the clients made from this config, until
 * `keyfob_client_next_log` reads them: in place of a function of `keyfob_config_set_log`. For
 * languages that take no calls from a thread that is not theirs. 65536 lines at most; 0 keeps
 * none.
 *
 * `KEYFOB_INVALID_ARGUMENT`: `max_level` is none of the levels.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_keep_log(keyfob_config *config,
                                     int32_t max_level,
                                     size_t lines,
                                     keyfob_error **err);

/**
 * Frees a config, and overwrites the secrets in it. Clients made from it go on. NULL is fine.
 */
KEYFOB_API void keyfob_config_free(keyfob_config *config);

/* ------------------------------------------------------------------------------------------------
 * Client: one account's token, kept good, and requests that carry it.
 *
 * The order of calls: `keyfob_client_new` from a config, which sends nothing; then, from any
 * threads at once, `keyfob_client_send` for a whole exchange, or `keyfob_client_token` and
 * `keyfob_client_headers_for` for a program that has an HTTP client of its own; at the end
 * `keyfob_client_free`, which must not race with a call on the same handle. The first call that
 * needs a token logs in. Later ones get the token at hand, and the one that finds it due renews
 * it. A program that sends requests itself tells of each answer that refuses the token:
 * `keyfob_client_is_refusal`, then `keyfob_client_refused`.
 *
 * Each call that may wait ends after `timeout_ms` (30 s unless set), or sooner where its handle or
 * its request has a limit of its own. `keyfob_client_cancel` ends it at once. What never waits
 * says so.
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes a client from a config, which is copied and stays the caller's. Nothing is sent: the first
 * call that needs a token does that. Files that options name, and the store, are read here. Free
 * it with `keyfob_client_free`.
 *
 * `KEYFOB_MISSING_OPTION`: the options fit no login; the message says what each login lacks.
 * `KEYFOB_INVALID_OPTION`: they fit more than one, contradict each other, or name a file that
 * cannot be used. `KEYFOB_STORE`: the store cannot be used.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_new(const keyfob_config *config,
                                keyfob_client **out,
                                keyfob_error **err);

/**
 * Makes another handle on the same client: token, store and connections are shared. Calls on the
 * new handle take at most `timeout_ms` milliseconds, a day at most; 0 leaves it to the client's
 * option. Cheap; meant for one call or a few. Free it with `keyfob_client_free`, before or after
 * the first handle.
 *
 * `keyfob_client_cancel` on the new handle ends its own calls only: those under way and, while
 * none had to wait yet, the first that has to. So a call that is handed to another thread can be
 * cancelled on its way there.
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
 * read and a copy, and no lock that a renewal holds.
 *
 * `KEYFOB_CREDENTIALS_REJECTED`, `KEYFOB_LOGIN_ON_HOLD`, `KEYFOB_LOGIN_REQUIRED`: a person is
 * needed. `KEYFOB_TIMEOUT`, `KEYFOB_NETWORK`, `KEYFOB_RATE_LIMITED`, `KEYFOB_SERVER_ERROR` and
 * what else keeps from an answer of the cloud: docs/ERRORS.md says what to do about each.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_token(const keyfob_client *client,
                                  char **token,
                                  keyfob_error **err);

/**
 * As `keyfob_client_token`, into the caller's buffer of `cap` bytes, with a NUL at its end. `*len`
 * is the token's length in bytes without the NUL. The cheapest way to a token: nothing is
 * allocated.
 *
 * `KEYFOB_BUFFER_TOO_SMALL`: nothing was written to `buf`; `*len` is the token's length, and `cap`
 * must be one more. Other errors as `keyfob_client_token`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_token_copy(const keyfob_client *client,
                                       char *buf,
                                       size_t cap,
                                       size_t *len,
                                       keyfob_error **err);

/**
 * As `keyfob_client_token`, but never waits and never renews: for event loops. What renews then is
 * the option `background_renewal`, or a call of `keyfob_client_token` on a thread that may wait.
 *
 * `KEYFOB_WOULD_BLOCK`: no good token is at hand. Where nothing may be asked of the cloud now, the
 * reason in its place: `KEYFOB_LOGIN_ON_HOLD`, `KEYFOB_RATE_LIMITED` and the like.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_try_token(const keyfob_client *client,
                                      char **token,
                                      keyfob_error **err);

/**
 * The number of the fresh token at hand. While it is the same, so is what `keyfob_client_token`
 * and `keyfob_client_headers` give, and a copy of that need not be made anew: for languages in
 * which asking for a number is cheaper than converting a string. 0 where there is no fresh token,
 * where many threads ask at once, and for NULL: then ask for the token itself. Never waits.
 */
KEYFOB_API uint64_t keyfob_client_fresh_number(const keyfob_client *client);

/**
 * Gives a member of the answer that gave the token, by its JSON pointer (RFC 6901): `/id_token`,
 * `/scope`, or whatever the server adds. A text comes as it is, anything else as JSON. NULL with
 * `KEYFOB_OK`: the answer has no such member, or the provider keeps none; `oauth2` does. The tokens
 * themselves are not in it. What a refresh does not say anew is what was said before. It may be
 * secret, and is in no status and no log. The string is the caller's, to be freed with
 * `keyfob_string_free`.
 *
 * Errors as `keyfob_client_token`. `KEYFOB_INVALID_ARGUMENT`: it is no JSON pointer.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_answer_member(const keyfob_client *client,
                                          const char *pointer,
                                          char **member,
                                          keyfob_error **err);

/**
 * Gives the headers that carry the token, one `Name: value` a line, without a line end after the
 * last: `Authorization: Bearer ...` (RFC 6750 2.1), or what the cloud has in its place. They
 * belong to no URL, so the caller sees to it that only the cloud gets them;
 * `keyfob_client_headers_for` checks that. The string is the caller's, to be freed with
 * `keyfob_string_free`.
 *
 * Errors as `keyfob_client_token`. `KEYFOB_INVALID_ARGUMENT`: the cloud has each request signed, or
 * the token is bound to a key (`dpop`); ask `keyfob_client_headers_for_request`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_headers(const keyfob_client *client,
                                    char **lines,
                                    keyfob_error **err);

/**
 * Gives the headers that `keyfob_client_send` adds to a GET of this URL unless the request sets
 * them: those that carry the token, and what the provider asks of every request. For those who
 * send requests themselves. In form and ownership as `keyfob_client_headers`.
 *
 * `KEYFOB_FOREIGN_ORIGIN`, `KEYFOB_INSECURE_URL`: the token must not go there. Other errors as
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
 * request signed. What is sent must then be exactly this, and once: a request that is repeated
 * needs headers of its own. `len` is in bytes; `body` may be NULL where it is 0.
 *
 * `KEYFOB_INVALID_ARGUMENT`: the method or the URL is none; or the cloud wants the token in the
 * query or in the body, where `keyfob_client_send` puts it.
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
 * Whether an answer of an API with this HTTP status and body refuses the access token: 401, or
 * what the provider's profile has in its place, since some clouds say so with 200 or 403. Then
 * tell `keyfob_client_refused`. For those who send requests themselves. `body` may be NULL where
 * `len` is 0; one of more than 16 KiB is data and no error document, and is not looked into. False
 * for NULL. Never waits.
 */
KEYFOB_API
bool keyfob_client_is_refusal(const keyfob_client *client,
                              uint16_t http_status,
                              const uint8_t *body,
                              size_t len);

/**
 * Notes what an API's answer says of DPoP proofs, for those who send requests themselves with the
 * option `dpop` (RFC 9449): tell it of each answer. True: the answer refuses the request for want of
 * the nonce that it gives; send it once more, with new headers, and do not tell
 * `keyfob_client_refused`. `url` is where the request went, `dpop_nonce` and `www_authenticate` are
 * the values of the headers `DPoP-Nonce` and `WWW-Authenticate`, each NULL where there is none.
 * False for NULL. Never waits.
 */
KEYFOB_API
bool keyfob_client_note_nonce(const keyfob_client *client,
                              const char *url,
                              uint16_t http_status,
                              const char *dpop_nonce,
                              const char *www_authenticate);

/**
 * How many milliseconds the token at hand is still good: `INT64_MAX` for ever, 0 where there is
 * none. Counted from the lifetime that the cloud gave, on a clock that runs on while the machine
 * sleeps. Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_expires_in_ms(const keyfob_client *client,
                                          int64_t *ms,
                                          keyfob_error **err);

/**
 * How many milliseconds until the token is due to be renewed: 0 for now, and where there is none;
 * `INT64_MAX` for never. For an event loop that has another thread call `keyfob_client_token` at
 * that time. Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_renew_due_in_ms(const keyfob_client *client,
                                            int64_t *ms,
                                            keyfob_error **err);

/**
 * Deprecated: the old name of `keyfob_client_renew_due_in_ms`, which does the same.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_renew_due_ms(const keyfob_client *client,
                                         int64_t *ms,
                                         keyfob_error **err);

/**
 * Renews the token now, fresh or not: by refresh where a refresh token is held, else by a login.
 * Callers at the same time share one renewal. No program has to call this to keep a token good.
 *
 * Errors as `keyfob_client_token`; the token at hand then stays as it is.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_renew(const keyfob_client *client,
                                  keyfob_error **err);

/**
 * Says that an API refused this access token, for those who send requests themselves. Renews,
 * unless a newer token is there already. Then ask for the token again and repeat the request,
 * once: a token that is refused right after its issue is not replaced again for a while (10 s,
 * growing).
 *
 * Errors as `keyfob_client_token`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_refused(const keyfob_client *client,
                                    const char *token,
                                    keyfob_error **err);

/**
 * Changes an option while the client is in use, for all its handles. New credentials end a hold. A
 * token of another account is dropped; a new password of the same account leaves it. Waits for a
 * renewal that is under way.
 *
 * Errors as `keyfob_config_set` and `keyfob_client_new`; the client then goes on as before.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_set(const keyfob_client *client,
                                const char *option,
                                const char *value,
                                keyfob_error **err);

/**
 * Changes several options at once, such as a name and its password: the members of a JSON object,
 * as `keyfob_config_load_json` takes it. All or nothing. Otherwise, and in its errors, as
 * `keyfob_client_set`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_set_json(const keyfob_client *client,
                                     const char *json,
                                     keyfob_error **err);

/**
 * Forgets the tokens and any hold: in memory, in the store, and at the cloud where it can revoke
 * (RFC 7009). The next call logs in. A revocation that fails is no failure of this call, since
 * here the tokens are gone: `not_revoked` of `keyfob_client_status_json` tells why they may still
 * be good at the cloud, and is null where they are not.
 *
 * `KEYFOB_STORE`: the tokens are gone from memory, but not from the store. `KEYFOB_TIMEOUT`: a
 * renewal, in this process or another, was under way all the time.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_forget(const keyfob_client *client,
                                   keyfob_error **err);

/**
 * Tries the way to the cloud, for a check of a set-up: finds the host, asks the proxy, connects, and
 * does TLS. Nothing of HTTP is sent, so no credential is, and the connection is closed. `url` is
 * absolute, or relative to the base URL, which "" stands for; only its host and port count.
 *
 * `KEYFOB_NETWORK`, `KEYFOB_TLS`, `KEYFOB_TIMEOUT`: the message says where the way ends, and names
 * the proxy if it is that. `KEYFOB_MISSING_OPTION`: there is no base URL yet.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_reach(const keyfob_client *client,
                                  const char *url,
                                  keyfob_error **err);

/**
 * Gives the client's state, counters and last error as JSON, without a secret, for a health page;
 * docs/ABI.md lists the members. The string is the caller's, to be freed with
 * `keyfob_string_free`. Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_status_json(const keyfob_client *client,
                                        char **json,
                                        keyfob_error **err);

/**
 * Ends the calls that are under way on this handle: they look for a cancellation every 20 ms, and
 * return `KEYFOB_CANCELLED`. Later calls are not touched, but for the first of a handle of
 * `keyfob_client_share`. May be called from any thread and, within the limits that docs/ABI.md
 * has, from a signal handler. Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_cancel(const keyfob_client *client,
                                   keyfob_error **err);

/**
 * Lets `ms` milliseconds pass on this client's clock at once, so that a test sees what happens
 * when tokens age. The cloud's clock is not touched, and what was wound cannot be wound back. For
 * tests.
 *
 * `KEYFOB_INVALID_ARGUMENT`: the time is negative.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_wind_ms(const keyfob_client *client,
                                    int64_t ms,
                                    keyfob_error **err);

/**
 * Sends a request with the token, and reads the whole answer into memory. If the API refuses the
 * token, renews it and sends once more. Every answer is a response, 404 and 500 too. The response
 * is the caller's, to be freed with `keyfob_response_free`; the request may be sent again.
 *
 * `KEYFOB_FOREIGN_ORIGIN`, `KEYFOB_INSECURE_URL`: the token must not go there, and nothing was
 * sent. `KEYFOB_ANSWER_TOO_LARGE`: more than `max_body_bytes`. `KEYFOB_MALFORMED_ANSWER`: a coding
 * that was not asked for (`compress`), or a packed body that is damaged. `KEYFOB_BODY_NOT_REPEATABLE`: it
 * had to be sent again, and its body cannot be read again. `KEYFOB_NETWORK`, `KEYFOB_TIMEOUT`,
 * `KEYFOB_TLS`: no answer. Other errors as `keyfob_client_token`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_send(const keyfob_client *client,
                                 const keyfob_request *request,
                                 keyfob_response **out,
                                 keyfob_error **err);

/**
 * As `keyfob_client_send`, but gives the response once its head is there; its body is then read
 * with `keyfob_response_read`, however large it is. `timeout_ms`, or the request's own limit, is
 * for the head; `idle_timeout_ms` and `transfer_timeout_ms` bound the body. `keyfob_client_cancel`
 * on this handle ends the reading, too. The client may be freed before the response.
 *
 * Errors as `keyfob_client_send`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_open(const keyfob_client *client,
                                 const keyfob_request *request,
                                 keyfob_response **out,
                                 keyfob_error **err);

/**
 * Downloads what the request asks for to a file. Bytes go to `PATH.part`; PATH itself is replaced
 * in one step once all is there and would survive a power cut. What came before a fault is kept,
 * and a later call with the same request goes on from there (`Range` and `If-Range`, RFC 9110
 * 13.1.5), in this process or another. Faults of the network are tried again until nothing has
 * come for `download_retry_s` seconds: `timeout_ms` bounds the head of each answer, and nothing
 * the whole.
 *
 * `sha256` is what the file must have, as 64 hexadecimal digits, or NULL. A digest that the server
 * names (`Repr-Digest`, RFC 9530, or `Digest`) is checked, too. The response has the status and
 * headers of the last answer and no body; where that is not a success nothing is written. Progress
 * is told as `keyfob_request_set_progress` says.
 *
 * `KEYFOB_FILE`: the target is a directory or a symbolic link, or cannot be written, or another
 * download to it is under way. `KEYFOB_DIGEST_MISMATCH`: what came was thrown away; a file that
 * was there before is as it was. `KEYFOB_INVALID_ARGUMENT`: `sha256` is not such a digest, or the
 * request asks for a range of its own. Other errors as `keyfob_client_open`.
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
 * Frees a client handle. The last one of a client ends it: the thread of `background_renewal` has
 * ended when this returns, and what is no longer used is overwritten. Tokens in a store stay. Must
 * not race with a call on this handle. NULL is fine.
 */
KEYFOB_API void keyfob_client_free(keyfob_client *client);

/* ------------------------------------------------------------------------------------------------
 * News: another token, and holds and pauses that begin or end.
 *
 * For whoever gives the token to something that lives longer than a request: an MQTT session, a
 * WebSocket. Wait for it in a thread with `keyfob_client_wait`, or have an event loop look at the
 * descriptor of `keyfob_client_event_fd`. News has a number that only grows, so that none is
 * missed between two waits; it is not that of `keyfob_client_fresh_number`.
 * ------------------------------------------------------------------------------------------------ */

/**
 * Waits until there is news, and gives its number: another token, or a hold or a pause that begins
 * or ends. `known` is the number that the last call gave; 0 at first, which returns at once.
 * `*number` is `known` again where nothing happens within `timeout_ms`; 0 looks and does not wait.
 * `keyfob_client_status_json` says what happened; `keyfob_client_token` gives the token to use
 * from now on. Any number of threads may wait at once.
 *
 * A token that is due is renewed meanwhile, where `background_renewal` does not do it and
 * `timeout_ms` is a second or more. A failure of that is no failure of the wait: it begins a hold
 * or a pause, which is news. The first token is the caller's to ask for.
 *
 * `KEYFOB_CANCELLED`: `keyfob_client_cancel` on this handle ended the wait.
 * `KEYFOB_INVALID_ARGUMENT`: the time is negative.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_wait(const keyfob_client *client,
                                 uint64_t known,
                                 int64_t timeout_ms,
                                 uint64_t *number,
                                 keyfob_error **err);

/**
 * Gives a descriptor for epoll, libuv, glib and their like. It is readable while there is news
 * that `keyfob_client_wait` on this handle has not given. On Linux also when a hold or a pause
 * ends, and when the token is due and no thread renews it: then `keyfob_client_token` does;
 * elsewhere set `background_renewal`. When it is readable, call `keyfob_client_wait` with 0 ms,
 * which clears it, and ask for the token. The descriptor is this handle's: never read from it,
 * never close it, and take it out of the loop before `keyfob_client_free`. A forked child asks for
 * its own.
 *
 * `KEYFOB_FILE`: no descriptor is to be had; so on Windows, always.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_event_fd(const keyfob_client *client,
                                     int32_t *fd,
                                     keyfob_error **err);

/**
 * Gives the oldest log line that was not read yet, of those that `keyfob_config_keep_log` keeps,
 * and through `level`, which may be NULL, its level. `KEYFOB_OK` with `*line` NULL where there is
 * none. All clients of a config share its lines. The string is the caller's, to be freed with
 * `keyfob_string_free`. Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_next_log(const keyfob_client *client,
                                     int32_t *level,
                                     char **line,
                                     keyfob_error **err);

/* ------------------------------------------------------------------------------------------------
 * Request: what to send to an API of the cloud.
 *
 * Make it with `keyfob_request_new`, set headers, query and body, and send it as often as wanted
 * with `keyfob_client_send`, `keyfob_client_open` or `keyfob_client_download`; free it with
 * `keyfob_request_free` at any time after that. Everything that is passed in is copied, but for
 * the functions of the next group. A request is plain data and belongs to no client: one thread
 * may change it, or any number may send it.
 * ------------------------------------------------------------------------------------------------ */

/**
 * Makes a request. `method` is any HTTP method but CONNECT and TRACE. `url` is absolute, or
 * relative to the provider's base URL (`devices?page=2`; a leading slash begins at the host; RFC
 * 3986 5.2), or begins with a discovered endpoint: `{deviceBaseUrl}/Device`. Whether the token may
 * go there is checked when the request is sent. Free it with `keyfob_request_free`.
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
 * Sets a header, in place of one of the same name. Those of the connection (`Host`,
 * `Content-Length`, ...) are refused here; those that carry the token are refused when the request
 * is sent.
 *
 * `KEYFOB_INVALID_ARGUMENT`: a header of the connection, a name that is none, a value with a line
 * break or another character that headers cannot carry, or more than 64 KiB of both.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_header(keyfob_request *request,
                                        const char *name,
                                        const char *value,
                                        keyfob_error **err);

/**
 * Adds `name=value` to the query, both percent-encoded. The same name may be added again.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_add_query(keyfob_request *request,
                                       const char *name,
                                       const char *value,
                                       keyfob_error **err);

/**
 * Sets the body to a copy of `len` bytes, in place of any before. `data` may be NULL where `len`
 * is 0. `Content-Type` is the caller's to set, where the provider has none of its own.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_body(keyfob_request *request,
                                      const uint8_t *data,
                                      size_t len,
                                      keyfob_error **err);

/**
 * Sets the longest this request takes, in milliseconds, its retries and a renewal included: a day
 * at most; 0 leaves it to the client.
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
 * leaves open whether the cloud carried it out. True from the start for GET, HEAD, OPTIONS, PUT
 * and DELETE (RFC 9110 9.2.2), false for all others.
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

/* ------------------------------------------------------------------------------------------------
 * Bodies on their way: files, functions and forms in place of bytes in memory, and progress.
 *
 * The functions here set what a request does while it is sent or answered, so that neither side's
 * body need be in memory as a whole. A body that is set replaces one of another kind. The caller's
 * functions are called from within `keyfob_client_send`, `keyfob_client_open`,
 * `keyfob_client_download` or `keyfob_response_read`, on the thread that made that call and with
 * no lock held. They and their `user_data` are not copied and must live as long as each function
 * says. They must not unwind or jump out.
 * ------------------------------------------------------------------------------------------------ */

/**
 * Gives the next bytes of a body: writes at most `capacity` of them to `buffer` and returns how
 * many; 0 at the end; a negative number where it failed, which fails the call.
 */
typedef int64_t (*keyfob_read_fn)(uint8_t *buffer, size_t capacity, void *user_data);

/**
 * Goes back to the beginning of a body and returns `KEYFOB_OK`; anything else says that it cannot,
 * and fails the call.
 */
typedef int32_t (*keyfob_rewind_fn)(void *user_data);

/**
 * Is told how far the body of an answer has come: `done` bytes, of `total` (-1 where that is not
 * known). It runs at most ten times a second and once at the end. Returns true to go on; false
 * ends the call with `KEYFOB_CANCELLED`.
 */
typedef bool (*keyfob_progress_fn)(uint64_t done, int64_t total, void *user_data);

/**
 * Sends a file as the body, in place of any before. The file is opened each time that the request
 * is sent, and again for a replay, so it must stay as it is until then. It is never in memory as a
 * whole.
 *
 * `KEYFOB_FILE`: there is no such file, or it is not a regular one. The same from the call that
 * sends it, where the file has gone since.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_body_file(keyfob_request *request,
                                           const char *path,
                                           keyfob_error **err);

/**
 * Sends what a function gives as the body, in place of any before. `length` is how many bytes that
 * will be: fewer fail the call, and no more are asked for. -1 stands for a length that is not
 * known: the body then goes in chunks (RFC 9112 7.1).
 *
 * `rewind` may be NULL: then a request that has to be sent again after something was read fails
 * with `KEYFOB_BODY_NOT_REPEATABLE`. The functions and `user_data` must stay usable until the
 * request is freed or has another body. Such a request is sent from one thread at a time.
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
 * Has `progress` told how far the body of the answer has come, where it is read with
 * `keyfob_response_read` or `keyfob_client_download`; NULL for nobody. It and `user_data` must
 * stay usable until the request and its responses are freed.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_set_progress(keyfob_request *request,
                                          keyfob_progress_fn progress,
                                          void *user_data,
                                          keyfob_error **err);

/**
 * Adds a part to the form (`multipart/form-data`, RFC 7578) that is the body, in place of any
 * other body, and sets `Content-Type`: `len` bytes, which are copied. `file_name` is what the
 * server is told that the file is called, or NULL for a field that is none; `content_type` may be
 * NULL.
 *
 * `KEYFOB_INVALID_ARGUMENT`: the content type has a control character.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_add_part(keyfob_request *request,
                                      const char *name,
                                      const char *file_name,
                                      const char *content_type,
                                      const uint8_t *data,
                                      size_t len,
                                      keyfob_error **err);

/**
 * The same for a file, which is opened when the request is sent, and again for a replay, so it is
 * never in memory as a whole. `file_name` NULL: it is called as on the disk. `content_type` NULL:
 * `application/octet-stream`.
 *
 * `KEYFOB_FILE`: there is no such file, or it is not a regular one. `KEYFOB_INVALID_ARGUMENT`: the
 * content type has a control character.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_add_file(keyfob_request *request,
                                      const char *name,
                                      const char *path,
                                      const char *file_name,
                                      const char *content_type,
                                      keyfob_error **err);

/**
 * Gives how far the body of the answer has come: `*done` bytes, and through `total`, which may be
 * NULL, of how many; -1 where that is not known. For whoever looks from another thread, while
 * `keyfob_client_download` or `keyfob_response_read` is under way. Never waits.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_request_progress(const keyfob_request *request,
                                      uint64_t *done,
                                      int64_t *total,
                                      keyfob_error **err);

/* ------------------------------------------------------------------------------------------------
 * Response: what came back, whatever its status.
 *
 * `keyfob_client_send` gives a response that is whole: `keyfob_response_body` is its body.
 * `keyfob_client_open` gives one whose body is still to come: read it with `keyfob_response_read`
 * until that gives 0 bytes. What the functions here return is borrowed until the response is freed
 * with `keyfob_response_free`; the client and the request may be freed before. Any number of
 * threads may look at a response; one at a time may read its body.
 * ------------------------------------------------------------------------------------------------ */

/**
 * The HTTP status (RFC 9110 15), such as 404; 0 for NULL.
 */
KEYFOB_API uint16_t keyfob_response_status(const keyfob_response *response);

/**
 * The value of the first header of this name, without regard to case (RFC 9110 5.1); NULL if there
 * is none, and for NULL. Borrowed until the response is freed.
 */
KEYFOB_API const char *keyfob_response_header(const keyfob_response *response, const char *name);

/**
 * The name of the header at this index, counted from 0, in lower case; and through `value`, which may
 * be NULL, its value. NULL past the end. Both borrowed until the response is freed. Headers of one
 * name are in the order in which they came, which is the one that means something (RFC 9110 5.3). A
 * body that was unpacked has no `Content-Encoding` and `Content-Length`.
 */
KEYFOB_API
const char *keyfob_response_header_at(const keyfob_response *response,
                                      size_t index,
                                      const char **value);

/**
 * The body of a response that is whole and, through `len`, which may be NULL, its length in bytes.
 * Binary: no NUL is at its end; an empty body may be NULL. That of `keyfob_client_open` is read
 * with `keyfob_response_read` instead; that of `keyfob_client_download` is in its file. Borrowed
 * until the response is freed.
 */
KEYFOB_API const uint8_t *keyfob_response_body(const keyfob_response *response, size_t *len);

/**
 * Reads the next bytes of the body of a response of `keyfob_client_open`: at most `cap` of them,
 * to `buf`. `*len` is how many; 0 at the end of the body. Waits for them at most
 * `idle_timeout_ms`. Not to be called from two threads at once. A response of `keyfob_client_send`
 * is read from memory.
 *
 * `KEYFOB_NETWORK`: the body was cut, so what came before is not the whole of it (RFC 9112 8); a later
 * read fails, too. `KEYFOB_TIMEOUT`: nothing came for `idle_timeout_ms`, or all of it took longer than
 * `transfer_timeout_ms`. `KEYFOB_CANCELLED`: `keyfob_client_cancel` on the handle that opened it,
 * or its progress function. `KEYFOB_INVALID_ARGUMENT`: a fork lies between, and it is the parent's.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_response_read(keyfob_response *response,
                                   uint8_t *buf,
                                   size_t cap,
                                   size_t *len,
                                   keyfob_error **err);

/**
 * The same without waiting: reads what has come. For an event loop, which must not wait: it goes on with
 * `keyfob_response_read` on another thread where this has nothing.
 *
 * `KEYFOB_WOULD_BLOCK`: nothing has come since, and the body goes on; or it is unpacked on its way
 * (`compress`), which is never done so. No silence is too long for it: `idle_timeout_ms` is for those
 * who wait. All else as `keyfob_response_read`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_response_read_now(keyfob_response *response,
                                       uint8_t *buf,
                                       size_t cap,
                                       size_t *len,
                                       keyfob_error **err);

/**
 * Gives the absolute URL of the link with this relation, such as `next`: from a `Link` header (RFC
 * 8288), or from a `links` or `_links` member in the first MiB of a JSON body; for `next` also
 * where the provider's profile says that its next page is. A page whose next one is itself is the
 * last. `KEYFOB_OK` with `*url` NULL where
 * there is no such link. The string is the caller's, to be freed with `keyfob_string_free`.
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
 * How many bytes the body has in all, where the answer's head says so (`Content-Length`, RFC 9110
 * 8.6); -1 where it does not, where it is unpacked on its way (`compress`), and for NULL.
 */
KEYFOB_API int64_t keyfob_response_length(const keyfob_response *response);

/**
 * Frees a response; its body need not have been read to the end. NULL is fine.
 */
KEYFOB_API void keyfob_response_free(keyfob_response *response);

/* ------------------------------------------------------------------------------------------------
 * Login: one that a person allows, at another device or in a browser.
 *
 * At another device (RFC 8628): `keyfob_client_login_begin`; show the person
 * `keyfob_login_verification_uri` and `keyfob_login_user_code`; `keyfob_client_login_wait`. In a
 * browser (RFC 8252): `keyfob_client_login_begin_browser`; open `keyfob_login_url`; give what the
 * browser comes back with to `keyfob_client_login_finish`. After that the client has a token as
 * after any login.
 *
 * The login is the caller's, to be freed with `keyfob_login_free`. Any thread may use it; one at a
 * time goes on with it. What it lends out as `const` lives as long as the login. A call that runs
 * out of time takes nothing away: make it again.
 * ------------------------------------------------------------------------------------------------ */

/**
 * Begins a login at another device (RFC 8628), for a person who needs no browser on this machine:
 * show `keyfob_login_verification_uri` and `keyfob_login_user_code`, then call
 * `keyfob_client_login_wait`. The options are `client_id` with `issuer`, or with `token_url` and
 * `device_authorization_url`; where `client_secret` is set, too, `grant` is `interactive`. Free
 * the login with `keyfob_login_free`, before or after the client.
 *
 * `KEYFOB_INVALID_OPTION` where the options are those of another login; `KEYFOB_MISSING_OPTION`
 * where the server has no such login; and whatever keeps from reaching it.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_login_begin(const keyfob_client *client,
                                        keyfob_login **out,
                                        keyfob_error **err);

/**
 * Begins a login in a browser (RFC 6749 4.1 with PKCE, RFC 8252): open `keyfob_login_url` there,
 * and give what it comes back with to `keyfob_client_login_finish`. `redirect_uri` is where the
 * server sends the browser back to: a listener of the program's own on loopback, such as
 * `http://127.0.0.1:8400/`, or a page of it. Nothing is opened and nothing listens here. `state`
 * and the code verifier stay in the login. Options as for `keyfob_client_login_begin`, with
 * `authorization_url` where no issuer names it.
 *
 * As `keyfob_client_login_begin`, and `KEYFOB_INVALID_ARGUMENT` for a `redirect_uri` that is none.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_login_begin_browser(const keyfob_client *client,
                                                const char *redirect_uri,
                                                keyfob_login **out,
                                                keyfob_error **err);

/**
 * Waits until the person has answered, at most `timeout_ms` (0: as long as the code is good), and
 * keeps the token as that of any login: it is in the store before this returns. The server is
 * asked no faster than it says (`slow_down` counts). Once it has ended, it ends the same way
 * again.
 *
 * `KEYFOB_TIMEOUT`, `KEYFOB_CANCELLED` (`keyfob_client_cancel`): the login is as it was; wait
 * again. `KEYFOB_LOGIN_DENIED`, `KEYFOB_LOGIN_EXPIRED`: begin another. `KEYFOB_INVALID_ARGUMENT`:
 * the login is another client's, or in a browser, or the client's options were changed since.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_login_wait(const keyfob_client *client,
                                       const keyfob_login *login,
                                       int64_t timeout_ms,
                                       keyfob_error **err);

/**
 * Takes what the browser came back with: the whole URL, its path and query, or the query alone.
 * Checks `state` and `iss` (RFC 9207), trades the code in, and keeps the token as that of any
 * login.
 *
 * `KEYFOB_INVALID_ARGUMENT`: it is no answer, or not to this login, which goes on waiting for its
 * own; or a second one. `KEYFOB_FOREIGN_ORIGIN`: it is another issuer's. `KEYFOB_LOGIN_DENIED`,
 * `KEYFOB_LOGIN_EXPIRED`: begin another login. `KEYFOB_TIMEOUT`, `KEYFOB_NETWORK` and the like:
 * give the same answer again.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_login_finish(const keyfob_client *client,
                                         const keyfob_login *login,
                                         const char *answer,
                                         keyfob_error **err);

/**
 * What the person opens: the URL with the code in it where the server gives one, else that at
 * which the code is typed; or where a browser is sent. It fits into a QR code. Borrowed until the
 * login is freed.
 */
KEYFOB_API const char *keyfob_login_url(const keyfob_login *login);

/**
 * Where the person types the code; NULL for a login in a browser. Borrowed until the login is
 * freed.
 */
KEYFOB_API const char *keyfob_login_verification_uri(const keyfob_login *login);

/**
 * The same with the code in it; NULL where the server gives no such URL. Borrowed until the login
 * is freed.
 */
KEYFOB_API const char *keyfob_login_verification_uri_complete(const keyfob_login *login);

/**
 * What the person types; NULL for a login in a browser. Borrowed until the login is freed.
 */
KEYFOB_API const char *keyfob_login_user_code(const keyfob_login *login);

/**
 * How many milliseconds the code is good; -1 for a login in a browser, and for NULL.
 */
KEYFOB_API int64_t keyfob_login_expires_in_ms(const keyfob_login *login);

/**
 * How many milliseconds pass between two questions whether the person has answered; -1 for a login
 * in a browser, and for NULL.
 */
KEYFOB_API int64_t keyfob_login_interval_ms(const keyfob_login *login);

/**
 * Frees a login. One that was not waited for is forgotten. NULL is fine.
 */
KEYFOB_API void keyfob_login_free(keyfob_login *login);

/* ------------------------------------------------------------------------------------------------
 * MQTT: what an MQTT library is given to connect to the cloud's broker.
 *
 * keyfob speaks no MQTT. `keyfob_client_mqtt` fills in the four texts that any MQTT library asks
 * for, from a good token; the functions after it lend them out; `keyfob_mqtt_free` wipes and frees
 * them. Ask anew for each connection, since what was computed holds the time. `keyfob_client_wait`
 * says when there is another token, and so when to connect again.
 * ------------------------------------------------------------------------------------------------ */

/**
 * Gives what an MQTT library connects to the cloud's broker with: URL, client identifier, user
 * name and password (MQTT 3.1.1, 3.1.3), as the provider has them for this login. keyfob does not
 * connect itself. The handle is the caller's, to be freed with `keyfob_mqtt_free`.
 *
 * They are computed for this moment, from a good token: ask anew for each connection. When the
 * broker refuses them (CONNACK 4 or 5; reasons 134 and 135 of MQTT 5), call `keyfob_client_renew`
 * once and try again.
 *
 * `KEYFOB_INVALID_ARGUMENT` where the provider says nothing of MQTT for this login;
 * `KEYFOB_INSECURE_URL` where the option `mqtt_url` would send the password in the clear; errors
 * as `keyfob_client_token`.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_client_mqtt(const keyfob_client *client,
                                 keyfob_mqtt **mqtt,
                                 keyfob_error **err);

/**
 * Where the broker is: `mqtts://host:8883`, or `wss://host/path` for MQTT over WebSocket. NULL
 * where the cloud has no address of its own and the option `mqtt_url` is not set. Borrowed until
 * the handle is freed, as the texts below.
 */
KEYFOB_API const char *keyfob_mqtt_url(const keyfob_mqtt *mqtt);

/**
 * The client identifier. NULL: any that no other client of the broker has.
 */
KEYFOB_API const char *keyfob_mqtt_client_id(const keyfob_mqtt *mqtt);

/**
 * The user name; NULL: none.
 */
KEYFOB_API const char *keyfob_mqtt_username(const keyfob_mqtt *mqtt);

/**
 * The password; NULL: none.
 */
KEYFOB_API const char *keyfob_mqtt_password(const keyfob_mqtt *mqtt);

/**
 * Frees the handle and wipes its texts. NULL is allowed.
 */
KEYFOB_API void keyfob_mqtt_free(keyfob_mqtt *mqtt);

/* ------------------------------------------------------------------------------------------------
 * Store: where tokens are kept, if neither memory nor files will do.
 *
 * Most programs need nothing of this group: the option `store` takes `memory` or `file:` and a
 * directory. A program with a database, a TPM or a secure element gives four functions, by
 * `keyfob_config_set_store`, before it makes a client; one whose store is shared by machines gives six,
 * by `keyfob_config_set_store2`. A load function hands what it has to
 * `keyfob_record_set`. Around a renewal keyfob calls lock, load, save and unlock in this order,
 * and may save once more before it asks the cloud, to see that it can. It calls load alone to see
 * what is there. A record is opaque bytes: keep them as they are.
 * ------------------------------------------------------------------------------------------------ */

/**
 * Loads the record of this name: gives it to `keyfob_record_set`, or does not where there is none.
 * Returns `KEYFOB_OK`; anything else says that the store cannot tell, and then no refresh token is
 * spent.
 */
typedef int32_t (*keyfob_store_load_fn)(const char *name, keyfob_record *record, void *user_data);

/**
 * Puts these `len` bytes in the place of the record of this name, wholly or not at all, and
 * returns `KEYFOB_OK` once they would survive a power cut: the refresh token that they replace may
 * be spent. Anything else says that they were not saved: the tokens are then used from memory, and
 * the fault is in the client's status.
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
 * Gives back the lock of this name, after a lock function that returned `KEYFOB_OK`.
 */
typedef void (*keyfob_store_unlock_fn)(const char *name, void *user_data);

/**
 * As `keyfob_store_save_fn`, for whoever holds the lock of this fence still. `KEYFOB_WOULD_BLOCK`, and
 * nothing is written, where it is not held any more: then the record is loaded again, and nothing is at
 * fault.
 */
typedef int32_t (*keyfob_store_save2_fn)(const char *name,
                                         const uint8_t *data,
                                         size_t len,
                                         uint64_t fence,
                                         void *user_data);

/**
 * Takes the lock of this name for as long as `lease_ms` without waiting, writes the store's own number
 * for it to `*fence`, and returns `KEYFOB_OK`. The number is higher than that of any lock before.
 * `KEYFOB_WOULD_BLOCK` while anyone else has it, in this process or another; a lock whose lease is over
 * is free. Anything else says that locking is impossible, and then nothing is saved.
 */
typedef int32_t (*keyfob_store_lock2_fn)(const char *name,
                                         uint64_t lease_ms,
                                         uint64_t *fence,
                                         void *user_data);

/**
 * Lets the lock of this fence last for as long as `lease_ms` from now, and returns `KEYFOB_OK`;
 * `KEYFOB_WOULD_BLOCK` where it is not held any more. Asked just before a password or a refresh token
 * is sent. Anything else says that the store cannot tell, and then no refresh token is spent.
 */
typedef int32_t (*keyfob_store_prolong_fn)(const char *name,
                                           uint64_t fence,
                                           uint64_t lease_ms,
                                           void *user_data);

/**
 * Gives back the lock of this fence, if it is held still.
 */
typedef void (*keyfob_store_unlock2_fn)(const char *name, uint64_t fence, void *user_data);

/**
 * Waits until anyone has saved a record of this name or given back its lock, and returns `KEYFOB_OK`;
 * `KEYFOB_TIMEOUT` where nobody has within `wait_ms`, which may be 0 and is 20 at most, since a
 * cancelled call waits no longer. What happens between two calls is told by the next one, once. Anything
 * else is taken as `KEYFOB_TIMEOUT`.
 */
typedef int32_t (*keyfob_store_wait_fn)(const char *name, uint64_t wait_ms, void *user_data);

/**
 * Keeps the tokens of the clients made from this config in a store of the caller's own: a
 * database, a TPM, a secure element. The option `store` must not be set then; `store_key` seals
 * what is kept. docs/STORE.md says what such a store must do; `examples/c/keyfob-sqlite-store.c`
 * is one.
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
 * Keeps the tokens of the clients made from this config in a store that machines share, such as a
 * database on the network. What `keyfob_config_set_store` says holds here, too; what is different is the
 * lock. It is a lease, for a machine that was switched off gives back nothing: keyfob says how long its
 * call to the cloud may take, and ends it before the lease does. And it has a fence, so that a process
 * that was stopped past its lease changes nothing. `examples/c/keyfob-postgres-store.c` and
 * `examples/c/keyfob-sqlite-store.c` are such stores.
 *
 * `wait` may be NULL: then the lock is tried two hundred times a second by whoever waits for it, and
 * each call that finds its token due loads the record. All six NULL: back to the option `store`.
 *
 * `KEYFOB_NULL_ARGUMENT`: `load`, `save`, `lock`, `prolong` or `unlock` alone is NULL.
 */
KEYFOB_API
KEYFOB_MUST_CHECK
keyfob_status keyfob_config_set_store2(keyfob_config *config,
                                       keyfob_store_load_fn load,
                                       keyfob_store_save2_fn save,
                                       keyfob_store_lock2_fn lock,
                                       keyfob_store_prolong_fn prolong,
                                       keyfob_store_unlock2_fn unlock,
                                       keyfob_store_wait_fn wait,
                                       void *user_data,
                                       keyfob_error **err);

/**
 * Hands over the record that was asked for, from within a load function; the `len` bytes are
 * copied, and the copy is overwritten after use. A second call replaces what the first one gave.
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
