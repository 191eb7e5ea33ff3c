// keyfob for C++17: the C ABI of keyfob.h as classes that own what they hold.
//
// SPDX-License-Identifier: MIT OR Apache-2.0
//
//     keyfob::Config config("simacan");
//     config.set("username", "gateway").set("password_file", "/etc/gateway/password");
//     keyfob::Client client(config);
//     keyfob::Response trips = client.send({"GET", "https://api.simacan.com/v1/trips"});
//
// Header only; link with keyfob alone. What holds everywhere:
//
// - Each call that can fail comes twice. The plain one throws keyfob::Error; the one that takes
//   std::nothrow as its last argument returns a keyfob::Result, and is all there is under
//   -fno-exceptions (there a plain call that fails ends the program). Constructors have `make`.
// - Handles move and do not copy. One that was moved from is empty: calls on it fail with
//   KEYFOB_NULL_ARGUMENT. What a handle lends out as std::string_view lives as long as the handle.
// - A const member function may be called from any threads at once; a non-const one, and the
//   destructor, from one. So a Client is shared freely, and a Config is not while it is changed.
// - Strings are UTF-8. One with a NUL inside is refused with KEYFOB_INVALID_ARGUMENT. Times are
//   std::chrono::milliseconds; a negative one is refused with the same status.
// - Statuses, log levels and what each call promises are those of keyfob.h: it says at the function
//   of the same name which statuses a call can fail with.
//
// One file, though of some 1,100 lines: it is copied into projects as it is, and its order is that of
// keyfob.h, so that each class is found by what it wraps. A class here is its handle, its functions
// twice, and nothing else; what they have in common is in `detail`, which is no part of the interface.

#ifndef KEYFOB_HPP
#define KEYFOB_HPP

#include "keyfob.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if defined(__has_include)
#if __has_include(<version>)
#include <version>
#endif
#endif
#if defined(__cpp_lib_expected)
#include <expected>
#endif

namespace keyfob {

/// The statuses of keyfob.h: `KEYFOB_OK`, `KEYFOB_TIMEOUT`, ...
using Status = keyfob_status;

/// The log levels of keyfob.h: `KEYFOB_LOG_LEVEL_ERROR` to `KEYFOB_LOG_LEVEL_DEBUG`.
using LogLevel = keyfob_log_level;

/// Takes a log line: one line, never a secret. It runs on the thread that called keyfob; what it
/// throws is dropped.
using Log = std::function<void(LogLevel level, std::string_view message)>;

/// A store of one's own: a database, a TPM, a secure element. Derive from it and give it to
/// `Config::set_store`. What each function must keep to stands in keyfob.h at its type, such as
/// `keyfob_store_load_fn`, and at `keyfob_config_set_store`. They run on the threads that use the
/// clients, several at once for different names. What one throws is taken as `KEYFOB_STORE`.
class Store {
 public:
  virtual ~Store() = default;

  /// Gives the record of this name, or leaves `record` empty where there is none. Anything but
  /// `KEYFOB_OK` says that the store cannot tell, and then no refresh token is spent.
  virtual Status load(std::string_view name, std::optional<std::string> &record) = 0;

  /// Puts the record in the place of the one before, wholly or not at all, and returns `KEYFOB_OK`
  /// once it would survive a power cut.
  virtual Status save(std::string_view name, std::string_view record) = 0;

  /// Takes the lock of this name, or returns `KEYFOB_WOULD_BLOCK` while somebody else has it. Only
  /// who shares the store with another process, or with clients of another config, needs one.
  virtual Status lock(std::string_view /* name */) { return KEYFOB_OK; }

  /// Gives back the lock that was taken.
  virtual void unlock(std::string_view /* name */) {}
};

/// A store of one's own that machines share: its lock is a lease, and each save carries the lock's
/// fence. Derive from it and give it to `Config::set_leased_store`. What each function must keep to stands
/// in keyfob.h at its type, such as `keyfob_store_lock2_fn`, and at `keyfob_config_set_store2`. What one
/// throws is taken as `KEYFOB_STORE`.
class LeasedStore {
 public:
  virtual ~LeasedStore() = default;

  /// As `Store::load`.
  virtual Status load(std::string_view name, std::optional<std::string> &record) = 0;

  /// As `Store::save`, for whoever holds the lock of this fence still; `KEYFOB_WOULD_BLOCK`, and nothing
  /// is written, where it is not held any more.
  virtual Status save(std::string_view name, std::string_view record, std::uint64_t fence) = 0;

  /// Takes the lock for as long as `lease` and gives its fence, which is higher than any before, or
  /// returns `KEYFOB_WOULD_BLOCK` while somebody else has it.
  virtual Status lock(std::string_view name, std::chrono::milliseconds lease,
                      std::uint64_t &fence) = 0;

  /// Lets the lock last for as long as `lease` from now, or returns `KEYFOB_WOULD_BLOCK` where it is not
  /// held any more.
  virtual Status prolong(std::string_view name, std::uint64_t fence,
                         std::chrono::milliseconds lease) = 0;

  /// Gives back the lock, if it is held still.
  virtual void unlock(std::string_view name, std::uint64_t fence) = 0;

  /// Waits until anyone has saved a record of this name or given back its lock, at most for `longest`:
  /// `KEYFOB_OK` where anyone has, and `KEYFOB_TIMEOUT` where not.
  virtual Status wait(std::string_view name, std::chrono::milliseconds longest) = 0;
};

/// A status's name without `KEYFOB_`, such as `CREDENTIALS_REJECTED`. Static.
[[nodiscard]] inline const char *status_name(Status status) noexcept {
  return keyfob_status_name(status);
}

/// The version of the library that is loaded, such as `0.1.0`.
[[nodiscard]] inline const char *version() noexcept { return keyfob_version(); }

/// Whether the library that is loaded has all that this header was compiled for. Ask where it is loaded
/// at run time; a linker sees to it otherwise.
[[nodiscard]] inline bool compatible() noexcept {
  return keyfob_abi_version() >= KEYFOB_ABI_VERSION;
}

/// Why a call failed: a status to branch on, a message for a person. Cheap to copy; any thread may read
/// it.
class Error : public std::exception {
 public:
  /// Takes over an error of the C ABI.
  explicit Error(keyfob_error *error)
      : status_(static_cast<Status>(keyfob_error_status(error))), error_(error, keyfob_error_free) {}

  /// An error found before the library was called. `what` is static.
  Error(Status status, const char *what) noexcept : status_(status), what_(what) {}

  /// The kind of the failure: what to branch on.
  [[nodiscard]] Status status() const noexcept { return status_; }

  /// What happened and what to do about it, in one line without a secret.
  [[nodiscard]] const char *what() const noexcept override {
    return error_ ? keyfob_error_message(error_.get()) : what_;
  }

  /// The HTTP status of the answer that caused this, such as 429; 0 if no answer did.
  [[nodiscard]] int http_status() const noexcept { return keyfob_error_http_status(error_.get()); }

  /// The cloud's own code, such as `invalid_grant`; empty if it gave none. Lives as long as the
  /// error and its copies.
  [[nodiscard]] std::string_view provider_code() const & noexcept {
    const char *code = keyfob_error_provider_code(error_.get());
    return code ? std::string_view(code) : std::string_view();
  }
  std::string_view provider_code() const && = delete;  // would outlive the error

  /// The cloud's own sentence about it, such as `Session not active`; empty if it gave none. Lives as
  /// long as the error and its copies.
  [[nodiscard]] std::string_view provider_message() const & noexcept {
    const char *message = keyfob_error_provider_message(error_.get());
    return message ? std::string_view(message) : std::string_view();
  }
  std::string_view provider_message() const && = delete;  // would outlive the error

  /// How long to wait before another try, where the cloud (`Retry-After`) or a hold on rejected
  /// credentials says so.
  [[nodiscard]] std::optional<std::chrono::milliseconds> retry_after() const noexcept {
    const std::int64_t ms = keyfob_error_retry_after_ms(error_.get());
    if (ms < 0) return std::nullopt;
    return std::chrono::milliseconds(ms);
  }

  /// Whether the same call may succeed later with nothing changed but the time.
  [[nodiscard]] bool is_retriable() const noexcept { return keyfob_error_is_retriable(error_.get()); }

 private:
  Status status_;
  const char *what_ = "";
  std::shared_ptr<keyfob_error> error_;
};

namespace detail {

[[noreturn]] inline void raise(const Error &error) {
#if defined(__cpp_exceptions)
  throw error;
#else
  static_cast<void>(error);
  std::terminate();
#endif
}

}  // namespace detail

template <class T>
class Result;

namespace detail {

/// What `transform` gives for a function that returns this.
template <class Given>
using ResultOf = Result<std::remove_cv_t<std::remove_reference_t<Given>>>;

/// Calls `work`, and gives what it returned as a result.
template <class Work, class... Values>
auto result_of(Work &&work, Values &&...values)
    -> ResultOf<std::invoke_result_t<Work, Values...>> {
  if constexpr (std::is_void_v<std::invoke_result_t<Work, Values...>>) {
    std::invoke(std::forward<Work>(work), std::forward<Values>(values)...);
    return {};
  } else {
    return std::invoke(std::forward<Work>(work), std::forward<Values>(values)...);
  }
}

}  // namespace detail

/// What a call gave, or why it failed. As std::expected of C++23, into which it converts where there is
/// one: ask `ok()`, or use it as a bool.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : outcome_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : outcome_(std::in_place_index<1>, std::move(error)) {}

#if defined(__cpp_lib_expected)
  operator std::expected<T, Error>() const & {
    if (!ok()) return std::unexpected(error());
    return *std::get_if<0>(&outcome_);
  }
  operator std::expected<T, Error>() && {
    if (!ok()) return std::unexpected(error());
    return std::move(*std::get_if<0>(&outcome_));
  }
#endif

  /// Whether there is a value.
  [[nodiscard]] bool ok() const noexcept { return outcome_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  /// The value; throws the error where there is none.
  [[nodiscard]] T &value() & { return check(), *std::get_if<0>(&outcome_); }
  [[nodiscard]] const T &value() const & { return check(), *std::get_if<0>(&outcome_); }
  [[nodiscard]] T value() && { return check(), std::move(*std::get_if<0>(&outcome_)); }

  [[nodiscard]] T &operator*() & { return value(); }
  [[nodiscard]] const T &operator*() const & { return value(); }
  [[nodiscard]] T operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T *operator->() { return &value(); }
  [[nodiscard]] const T *operator->() const { return &value(); }

  /// The value, or `other` where there is none.
  template <class Other>
  [[nodiscard]] T value_or(Other &&other) const & {
    return ok() ? *std::get_if<0>(&outcome_) : static_cast<T>(std::forward<Other>(other));
  }
  template <class Other>
  [[nodiscard]] T value_or(Other &&other) && {
    return ok() ? std::move(*std::get_if<0>(&outcome_)) : static_cast<T>(std::forward<Other>(other));
  }

  /// What `work` makes of the value, itself a `Result`; the error where there is no value.
  template <class Work>
  auto and_then(Work &&work) const & -> std::invoke_result_t<Work, const T &> {
    if (!ok()) return error();
    return std::invoke(std::forward<Work>(work), *std::get_if<0>(&outcome_));
  }
  template <class Work>
  auto and_then(Work &&work) && -> std::invoke_result_t<Work, T> {
    if (!ok()) return std::move(*this).error();
    return std::invoke(std::forward<Work>(work), std::move(*std::get_if<0>(&outcome_)));
  }

  /// What `work` makes of the value, as a `Result`; the error where there is no value.
  template <class Work>
  auto transform(Work &&work) const & -> detail::ResultOf<std::invoke_result_t<Work, const T &>> {
    if (!ok()) return error();
    return detail::result_of(std::forward<Work>(work), *std::get_if<0>(&outcome_));
  }
  template <class Work>
  auto transform(Work &&work) && -> detail::ResultOf<std::invoke_result_t<Work, T>> {
    if (!ok()) return std::move(*this).error();
    return detail::result_of(std::forward<Work>(work), std::move(*std::get_if<0>(&outcome_)));
  }

  /// This, or what `work` makes of the error, itself a `Result`.
  template <class Work>
  Result or_else(Work &&work) && {
    if (ok()) return std::move(*this);
    return std::invoke(std::forward<Work>(work), std::move(*this).error());
  }

  /// The error. Only where there is one. A temporary gives a copy, which outlives it.
  [[nodiscard]] const Error &error() const & { return *std::get_if<1>(&outcome_); }
  [[nodiscard]] Error error() const && { return *std::get_if<1>(&outcome_); }

  /// `KEYFOB_OK`, or the error's status.
  [[nodiscard]] Status status() const noexcept { return ok() ? KEYFOB_OK : error().status(); }

 private:
  void check() const {
    if (!ok()) detail::raise(error());
  }

  std::variant<T, Error> outcome_;
};

/// That a call did what it says, or why it failed.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool ok() const noexcept { return !error_; }
  explicit operator bool() const noexcept { return ok(); }

  /// Throws the error where there is one.
  void value() const {
    if (error_) detail::raise(*error_);
  }

#if defined(__cpp_lib_expected)
  operator std::expected<void, Error>() const {
    if (error_) return std::unexpected(*error_);
    return {};
  }
#endif

  /// What `work` gives, itself a `Result`; the error where there is one.
  template <class Work>
  auto and_then(Work &&work) const -> std::invoke_result_t<Work> {
    if (error_) return *error_;
    return std::invoke(std::forward<Work>(work));
  }

  /// What `work` gives, as a `Result`; the error where there is one.
  template <class Work>
  auto transform(Work &&work) const -> detail::ResultOf<std::invoke_result_t<Work>> {
    if (error_) return *error_;
    return detail::result_of(std::forward<Work>(work));
  }

  /// This, or what `work` makes of the error, itself a `Result`.
  template <class Work>
  Result or_else(Work &&work) const {
    if (!error_) return *this;
    return std::invoke(std::forward<Work>(work), *error_);
  }

  /// The error. Only where there is one. A temporary gives a copy, which outlives it.
  [[nodiscard]] const Error &error() const & { return *error_; }
  [[nodiscard]] Error error() const && { return *error_; }

  /// `KEYFOB_OK`, or the error's status.
  [[nodiscard]] Status status() const noexcept { return ok() ? KEYFOB_OK : error().status(); }

 private:
  std::optional<Error> error_;
};

namespace detail {

/// A string as C takes it. Wiped at its end: it may be a password.
class Text {
 public:
  explicit Text(std::string_view text) : text_(text) {}
  explicit Text(std::string &&text) : text_(std::move(text)) {}
  Text(const Text &) = delete;
  Text &operator=(const Text &) = delete;
  ~Text() {
    for (volatile char *at = text_.data(), *end = at + text_.size(); at != end; ++at) *at = 0;
  }

  [[nodiscard]] const char *c_str() const noexcept { return text_.c_str(); }
  [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
  [[nodiscard]] bool is_whole() const noexcept { return text_.find('\0') == std::string::npos; }

 private:
  std::string text_;
};

inline const char *as_c(const Text &text) noexcept { return text.c_str(); }
inline bool is_whole(const Text &text) noexcept { return text.is_whole(); }

template <class T>
T as_c(T plain) noexcept {
  return plain;
}
template <class T>
bool is_whole(const T &) noexcept {
  return true;
}

/// Whether a number is an HTTP status, and not cut on its way to C.
inline bool is_status(int number) noexcept { return number >= 0 && number <= 999; }

/// Calls a function of the C ABI and takes its error.
template <class Function, class... Arguments>
Result<void> call(Function function, const Arguments &...arguments) {
  if (!(is_whole(arguments) && ...)) {
    return Error(KEYFOB_INVALID_ARGUMENT, "a string argument has a NUL inside");
  }
  keyfob_error *error = nullptr;
  if (function(as_c(arguments)..., &error) == KEYFOB_OK) return {};
  return Error(error);
}

/// As `call`, for a function with an out-pointer before the error.
template <class Out, class Function, class... Arguments>
Result<Out> get(Function function, const Arguments &...arguments) {
  Out out{};
  Result<void> called = call(function, arguments..., &out);
  if (!called) return called.error();
  return out;
}

/// As `get`, for an owned string, which may be NULL.
template <class Function, class... Arguments>
Result<std::optional<std::string>> get_optional_text(Function function,
                                                     const Arguments &...arguments) {
  Result<char *> got = get<char *>(function, arguments...);
  if (!got) return got.error();
  const std::unique_ptr<char, void (*)(char *)> owned(*got, keyfob_string_free);
  if (!owned) return std::optional<std::string>();
  return std::optional<std::string>(owned.get());
}

/// As `get`, for an owned string that is never NULL.
template <class Function, class... Arguments>
Result<std::string> get_text(Function function, const Arguments &...arguments) {
  Result<std::optional<std::string>> got = get_optional_text(function, arguments...);
  if (!got) return got.error();
  return std::move(**got);
}

/// Runs what C calls. What it throws goes no further.
template <class Work>
std::int32_t contained(Work work) noexcept {
#if defined(__cpp_exceptions)
  try {
    return work();
  } catch (...) {
    return KEYFOB_STORE;
  }
#else
  return work();
#endif
}

/// Hands a line of the C ABI to a `Log`.
inline void log(std::int32_t level, const char *message, void *user_data) noexcept {
  contained([&] {
    (*static_cast<const Log *>(user_data))(static_cast<LogLevel>(level), message);
    return KEYFOB_OK;
  });
}

/// Of a `Store` or a `LeasedStore`.
template <class Kept>
inline std::int32_t load(const char *name, keyfob_record *record, void *user_data) noexcept {
  return contained([&]() -> std::int32_t {
    std::optional<std::string> found;
    const Status status = static_cast<Kept *>(user_data)->load(name, found);
    if (status != KEYFOB_OK || !found) return status;
    const Text wiped(std::move(*found));
    return keyfob_record_set(record, reinterpret_cast<const std::uint8_t *>(wiped.c_str()),
                             wiped.size(), nullptr);
  });
}

inline std::int32_t save(const char *name, const std::uint8_t *data, std::size_t len,
                         void *user_data) noexcept {
  return contained([&]() -> std::int32_t {
    const std::string_view record(reinterpret_cast<const char *>(data), len);
    return static_cast<Store *>(user_data)->save(name, record);
  });
}

inline std::int32_t lock(const char *name, void *user_data) noexcept {
  return contained(
      [&]() -> std::int32_t { return static_cast<Store *>(user_data)->lock(name); });
}

inline void unlock(const char *name, void *user_data) noexcept {
  contained([&] {
    static_cast<Store *>(user_data)->unlock(name);
    return KEYFOB_OK;
  });
}

inline std::int32_t leased_save(const char *name, const std::uint8_t *data, std::size_t len,
                                std::uint64_t fence, void *user_data) noexcept {
  return contained([&]() -> std::int32_t {
    const std::string_view record(reinterpret_cast<const char *>(data), len);
    return static_cast<LeasedStore *>(user_data)->save(name, record, fence);
  });
}

inline std::int32_t leased_lock(const char *name, std::uint64_t lease_ms, std::uint64_t *fence,
                                void *user_data) noexcept {
  return contained([&]() -> std::int32_t {
    const std::chrono::milliseconds lease(lease_ms);
    return static_cast<LeasedStore *>(user_data)->lock(name, lease, *fence);
  });
}

inline std::int32_t leased_prolong(const char *name, std::uint64_t fence, std::uint64_t lease_ms,
                                   void *user_data) noexcept {
  return contained([&]() -> std::int32_t {
    const std::chrono::milliseconds lease(lease_ms);
    return static_cast<LeasedStore *>(user_data)->prolong(name, fence, lease);
  });
}

inline void leased_unlock(const char *name, std::uint64_t fence, void *user_data) noexcept {
  contained([&] {
    static_cast<LeasedStore *>(user_data)->unlock(name, fence);
    return KEYFOB_OK;
  });
}

inline std::int32_t leased_wait(const char *name, std::uint64_t wait_ms, void *user_data) noexcept {
  return contained([&]() -> std::int32_t {
    const std::chrono::milliseconds longest(wait_ms);
    return static_cast<LeasedStore *>(user_data)->wait(name, longest);
  });
}

/// What a request calls, and so has to keep alive, with its responses.
struct Body {
  /// Writes at most this many bytes, and returns how many; 0 at the end.
  std::function<std::size_t(char *buffer, std::size_t capacity)> read;
  std::function<void()> rewind;
};

using Progress = std::function<bool(std::uint64_t done, std::optional<std::uint64_t> total)>;

inline std::int64_t read_body(std::uint8_t *buffer, std::size_t capacity,
                              void *user_data) noexcept {
  std::int64_t came = -1;
  contained([&] {
    const auto &read = static_cast<const Body *>(user_data)->read;
    came = static_cast<std::int64_t>(read(reinterpret_cast<char *>(buffer), capacity));
    return KEYFOB_OK;
  });
  return came;
}

inline std::int32_t rewind_body(void *user_data) noexcept {
  return contained([&] {
    static_cast<const Body *>(user_data)->rewind();
    return KEYFOB_OK;
  });
}

inline bool tell_progress(std::uint64_t done, std::int64_t total, void *user_data) noexcept {
  bool goes_on = false;
  contained([&] {
    const auto of = total < 0 ? std::nullopt : std::optional<std::uint64_t>(total);
    goes_on = (*static_cast<const Progress *>(user_data))(done, of);
    return KEYFOB_OK;
  });
  return goes_on;
}

struct FreeConfig {
  void operator()(keyfob_config *config) const noexcept { keyfob_config_free(config); }
};

/// What a client calls, and so has to keep alive.
struct Called {
  std::shared_ptr<const Log> log;
  /// A `Store` or a `LeasedStore`.
  std::shared_ptr<void> store;
};

/// Keeps what the client calls. It lives in the deleter, since that is what outlives the handle
/// even when another one is moved over it.
struct FreeClient {
  Called called;
  void operator()(keyfob_client *client) const noexcept { keyfob_client_free(client); }
};

struct FreeRequest {
  std::shared_ptr<Body> body;
  std::shared_ptr<Progress> progress;
  void operator()(keyfob_request *request) const noexcept { keyfob_request_free(request); }
};

struct FreeResponse {
  std::shared_ptr<Progress> progress;
  void operator()(keyfob_response *response) const noexcept { keyfob_response_free(response); }
};

}  // namespace detail

/// A provider and its options, from which clients are made. Options are checked as they are set; nothing
/// here uses the network. One thread changes a config, or many read it. Each `set` returns the config, so
/// that calls can be chained.
class Config {
 public:
  /// A config for a provider, such as `kontakt`; docs/CLOUDS.md lists them. `KEYFOB_UNKNOWN_PROVIDER`:
  /// the message has the names there are.
  explicit Config(std::string_view provider) : Config(make(provider, std::nothrow).value()) {}

  static Result<Config> make(std::string_view provider, std::nothrow_t) {
    auto made = detail::get<keyfob_config *>(keyfob_config_new, detail::Text(provider));
    if (!made) return made.error();
    return Config(*made);
  }

  /// Sets an option. docs/OPTIONS.md lists names, ranges and defaults. `KEYFOB_UNKNOWN_OPTION`,
  /// `KEYFOB_INVALID_OPTION`, `KEYFOB_INVALID_PROFILE`; the config is then as it was.
  Config &set(std::string_view option, std::string_view value) {
    set(option, value, std::nothrow).value();
    return *this;
  }
  Result<void> set(std::string_view option, std::string_view value, std::nothrow_t) {
    return detail::call(keyfob_config_set, get(), detail::Text(option), detail::Text(value));
  }

  /// An option's value or default: `***` for a secret that is set, nothing where there is none.
  [[nodiscard]] std::optional<std::string> option(std::string_view name) const {
    return option(name, std::nothrow).value();
  }
  Result<std::optional<std::string>> option(std::string_view name, std::nothrow_t) const {
    return detail::get_optional_text(keyfob_config_get, get(), detail::Text(name));
  }

  /// Sets every member of a JSON object, or none: `{"username": "gateway", "timeout_ms": 5000}`.
  Config &load_json(std::string_view json) {
    load_json(json, std::nothrow).value();
    return *this;
  }
  Result<void> load_json(std::string_view json, std::nothrow_t) {
    return detail::call(keyfob_config_load_json, get(), detail::Text(json));
  }

  /// As `load_json`, from a file.
  Config &load_file(std::string_view path) {
    load_file(path, std::nothrow).value();
    return *this;
  }
  Result<void> load_file(std::string_view path, std::nothrow_t) {
    return detail::call(keyfob_config_load_file, get(), detail::Text(path));
  }

  /// Sets the options that environment variables name, or none: with the prefix `KEYFOB`,
  /// `KEYFOB_USERNAME` sets `username`. No other thread may change the environment meanwhile.
  Config &load_env(std::string_view prefix) {
    load_env(prefix, std::nothrow).value();
    return *this;
  }
  Result<void> load_env(std::string_view prefix, std::nothrow_t) {
    return detail::call(keyfob_config_load_env, get(), detail::Text(prefix));
  }

  /// Sends log lines of the clients made from now on to `log`, up to `most`; an empty one sends
  /// them nowhere. Those clients keep it alive.
  Config &set_log(Log log, LogLevel most) {
    set_log(std::move(log), most, std::nothrow).value();
    return *this;
  }
  Result<void> set_log(Log log, LogLevel most, std::nothrow_t) {
    std::shared_ptr<Log> kept;
    if (log) kept = std::make_shared<Log>(std::move(log));
    Result<void> set = detail::call(keyfob_config_set_log, get(), kept ? &detail::log : nullptr,
                                    static_cast<void *>(kept.get()), std::int32_t{most});
    if (set) called_.log = std::move(kept);
    return set;
  }

  /// Keeps the last so many log lines until `Client::next_log` reads them, in place of a function.
  Config &keep_log(LogLevel most, std::size_t lines) {
    keep_log(most, lines, std::nothrow).value();
    return *this;
  }
  Result<void> keep_log(LogLevel most, std::size_t lines, std::nothrow_t) {
    return detail::call(keyfob_config_keep_log, get(), std::int32_t{most}, lines);
  }

  /// Keeps the tokens of the clients made from now on in a store of one's own; an empty one leaves
  /// them where the option `store` says. Those clients keep it alive.
  Config &set_store(std::shared_ptr<Store> store) {
    set_store(std::move(store), std::nothrow).value();
    return *this;
  }
  Result<void> set_store(std::shared_ptr<Store> store, std::nothrow_t) {
    const bool some = store != nullptr;
    Result<void> set =
        detail::call(keyfob_config_set_store, get(), some ? &detail::load<Store> : nullptr,
                     some ? &detail::save : nullptr, some ? &detail::lock : nullptr,
                     some ? &detail::unlock : nullptr, static_cast<void *>(store.get()));
    if (set) called_.store = std::move(store);
    return set;
  }

  /// The same with a store that machines share.
  Config &set_leased_store(std::shared_ptr<LeasedStore> store) {
    set_leased_store(std::move(store), std::nothrow).value();
    return *this;
  }
  Result<void> set_leased_store(std::shared_ptr<LeasedStore> store, std::nothrow_t) {
    const bool some = store != nullptr;
    Result<void> set = detail::call(
        keyfob_config_set_store2, get(), some ? &detail::load<LeasedStore> : nullptr,
        some ? &detail::leased_save : nullptr, some ? &detail::leased_lock : nullptr,
        some ? &detail::leased_prolong : nullptr, some ? &detail::leased_unlock : nullptr,
        some ? &detail::leased_wait : nullptr, static_cast<void *>(store.get()));
    if (set) called_.store = std::move(store);
    return set;
  }

  /// The handle, for what C takes. It stays this object's.
  [[nodiscard]] keyfob_config *get() const noexcept { return handle_.get(); }

 private:
  friend class Client;
  explicit Config(keyfob_config *handle) : handle_(handle) {}

  std::unique_ptr<keyfob_config, detail::FreeConfig> handle_;
  detail::Called called_;
};

/// A request, to be sent as often as wanted, by any client. One thread changes it, or many send it. It
/// keeps its body and its functions alive.
class Request {
 public:
  /// `url` is absolute, or relative to the provider's base URL, or begins with a discovered
  /// endpoint: `{deviceBaseUrl}/Device`. `KEYFOB_INVALID_ARGUMENT`: not a method, or not a URL.
  Request(std::string_view method, std::string_view url)
      : Request(make(method, url, std::nothrow).value()) {}

  static Result<Request> make(std::string_view method, std::string_view url, std::nothrow_t) {
    auto made = detail::get<keyfob_request *>(keyfob_request_new, detail::Text(method),
                                              detail::Text(url));
    if (!made) return made.error();
    return Request(*made);
  }

  /// Sets a header, in place of one of the same name. Those of the connection, and those that carry
  /// the token, are not the caller's to set: `KEYFOB_INVALID_ARGUMENT`.
  Request &set_header(std::string_view name, std::string_view value) {
    set_header(name, value, std::nothrow).value();
    return *this;
  }
  Result<void> set_header(std::string_view name, std::string_view value, std::nothrow_t) {
    return detail::call(keyfob_request_set_header, get(), detail::Text(name), detail::Text(value));
  }

  /// Adds `name=value` to the query, percent-encoded.
  Request &add_query(std::string_view name, std::string_view value) {
    add_query(name, value, std::nothrow).value();
    return *this;
  }
  Result<void> add_query(std::string_view name, std::string_view value, std::nothrow_t) {
    return detail::call(keyfob_request_add_query, get(), detail::Text(name), detail::Text(value));
  }

  /// Sets the body to a copy of these bytes, in place of any before. They may have NULs.
  Request &set_body(std::string_view body) {
    set_body(body, std::nothrow).value();
    return *this;
  }
  Result<void> set_body(std::string_view body, std::nothrow_t) {
    return detail::call(keyfob_request_set_body, get(),
                        reinterpret_cast<const std::uint8_t *>(body.data()), body.size());
  }

  /// Sends a file as the body. It is opened when the request is sent, and again for a replay, so it
  /// is never in memory as a whole. `KEYFOB_FILE`: there is no such file, or it is not a regular one.
  Request &set_body_file(std::string_view path) {
    set_body_file(path, std::nothrow).value();
    return *this;
  }
  Result<void> set_body_file(std::string_view path, std::nothrow_t) {
    return detail::call(keyfob_request_set_body_file, get(), detail::Text(path));
  }

  /// Sends what `read` gives: it writes at most `capacity` bytes and returns how many, 0 at the end.
  /// `length` is how many there will be; without one the body goes in chunks. Without `rewind` a
  /// request that has to be sent again fails with `KEYFOB_BODY_NOT_REPEATABLE`. What they throw fails
  /// the call.
  Request &set_body_reader(std::function<std::size_t(char *buffer, std::size_t capacity)> read,
                           std::optional<std::uint64_t> length = std::nullopt,
                           std::function<void()> rewind = nullptr) {
    set_body_reader(std::move(read), length, std::move(rewind), std::nothrow).value();
    return *this;
  }
  Result<void> set_body_reader(std::function<std::size_t(char *, std::size_t)> read,
                               std::optional<std::uint64_t> length, std::function<void()> rewind,
                               std::nothrow_t) {
    auto body = std::make_shared<detail::Body>();
    body->read = std::move(read);
    body->rewind = std::move(rewind);
    const auto set = detail::call(keyfob_request_set_body_reader, get(),
                                  body->read ? &detail::read_body : nullptr,
                                  body->rewind ? &detail::rewind_body : nullptr,
                                  length ? static_cast<std::int64_t>(*length) : std::int64_t{-1},
                                  static_cast<void *>(body.get()));
    if (set) handle_.get_deleter().body = std::move(body);
    return set;
  }

  /// Has `progress` told how far the body of the answer has come: bytes so far, and of how many where
  /// that is known. `false` ends the call with `KEYFOB_CANCELLED`.
  Request &set_progress(
      std::function<bool(std::uint64_t done, std::optional<std::uint64_t> total)> progress) {
    set_progress(std::move(progress), std::nothrow).value();
    return *this;
  }
  Result<void> set_progress(detail::Progress progress, std::nothrow_t) {
    auto kept = progress ? std::make_shared<detail::Progress>(std::move(progress)) : nullptr;
    const auto set = detail::call(keyfob_request_set_progress, get(),
                                  kept ? &detail::tell_progress : nullptr,
                                  static_cast<void *>(kept.get()));
    if (set) handle_.get_deleter().progress = std::move(kept);
    return set;
  }

  /// Sets the longest this request takes, its retries and a renewal included; zero leaves it to
  /// the client.
  Request &set_timeout(std::chrono::milliseconds timeout) {
    set_timeout(timeout, std::nothrow).value();
    return *this;
  }
  Result<void> set_timeout(std::chrono::milliseconds timeout, std::nothrow_t) {
    return detail::call(keyfob_request_set_timeout_ms, get(), std::int64_t{timeout.count()});
  }

  /// Says whether sending the request twice does no harm, so that it may be repeated after a fault
  /// that leaves open whether it was carried out.
  Request &set_idempotent(bool idempotent) {
    set_idempotent(idempotent, std::nothrow).value();
    return *this;
  }
  Result<void> set_idempotent(bool idempotent, std::nothrow_t) {
    return detail::call(keyfob_request_set_idempotent, get(), idempotent);
  }

  /// Adds a part to the form that is the body, in place of any other body: a field, or with a file's
  /// name a file. Sets `Content-Type`.
  Request &add_part(std::string_view name, std::string_view bytes, std::string_view file_name = {},
                    std::string_view content_type = {}) {
    add_part(name, bytes, file_name, content_type, std::nothrow).value();
    return *this;
  }
  Result<void> add_part(std::string_view name, std::string_view bytes, std::string_view file_name,
                        std::string_view content_type, std::nothrow_t) {
    const detail::Text file(file_name), kind(content_type);
    return detail::call(keyfob_request_add_part, get(), detail::Text(name),
                        file.size() == 0 ? nullptr : file.c_str(),
                        kind.size() == 0 ? nullptr : kind.c_str(),
                        reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
  }

  /// The same for a file, which is read while the request is sent. It is called as on the disk,
  /// unless `file_name` says otherwise.
  Request &add_file(std::string_view name, std::string_view path, std::string_view file_name = {},
                    std::string_view content_type = {}) {
    add_file(name, path, file_name, content_type, std::nothrow).value();
    return *this;
  }
  Result<void> add_file(std::string_view name, std::string_view path, std::string_view file_name,
                        std::string_view content_type, std::nothrow_t) {
    const detail::Text file(file_name), kind(content_type);
    return detail::call(keyfob_request_add_file, get(), detail::Text(name), detail::Text(path),
                        file.size() == 0 ? nullptr : file.c_str(),
                        kind.size() == 0 ? nullptr : kind.c_str());
  }

  /// How many bytes of the answer's body have come, and of how many where that is known: for who
  /// looks from another thread.
  [[nodiscard]] std::pair<std::uint64_t, std::optional<std::uint64_t>> progress() const {
    std::uint64_t done = 0;
    std::int64_t total = -1;
    detail::call(keyfob_request_progress, get(), &done, &total).value();
    if (total < 0) return {done, std::nullopt};
    return {done, static_cast<std::uint64_t>(total)};
  }

  /// The handle, for what C takes. It stays this object's.
  [[nodiscard]] keyfob_request *get() const noexcept { return handle_.get(); }

 private:
  friend class Client;
  explicit Request(keyfob_request *handle) : handle_(handle) {}

  std::unique_ptr<keyfob_request, detail::FreeRequest> handle_;
};

/// A header that carries the token.
struct Header {
  std::string name;
  std::string value;
};

/// What to connect to an MQTT broker with (MQTT 3.1.1, 3.1.3). What is not there, the cloud does not want
/// or the user chooses.
struct Mqtt {
  /// Where the broker is: `mqtts://host:8883`, or `wss://host/path` for MQTT over WebSocket.
  std::optional<std::string> url;
  /// Without one, any that no other client of the broker has.
  std::optional<std::string> client_id;
  std::optional<std::string> username;
  std::optional<std::string> password;
};

/// An answer, whatever its status: 404 and 500 are answers too. From `Client::send` it is whole; from
/// `Client::open` its body is still to be read, by one thread at a time. Views that it lends live as long
/// as it does.
class Response {
 public:
  /// The HTTP status.
  [[nodiscard]] int status() const noexcept { return keyfob_response_status(get()); }

  /// The body. Binary: it may have NULs.
  [[nodiscard]] std::string_view body() const & noexcept {
    std::size_t size = 0;
    const std::uint8_t *data = keyfob_response_body(get(), &size);
    return {reinterpret_cast<const char *>(data), size};
  }
  std::string_view body() const && = delete;  // would outlive the response

  /// Reads the next bytes of a body to `buffer`; how many, 0 at its end. A body that is cut fails with
  /// `KEYFOB_NETWORK`; one that stalls for `idle_timeout_ms` with `KEYFOB_TIMEOUT`.
  std::size_t read(char *buffer, std::size_t capacity) {
    return read(buffer, capacity, std::nothrow).value();
  }
  Result<std::size_t> read(char *buffer, std::size_t capacity, std::nothrow_t) {
    return detail::get<std::size_t>(keyfob_response_read, handle_.get(),
                                    reinterpret_cast<std::uint8_t *>(buffer), capacity);
  }

  /// The same without waiting, for an event loop: reads what has come. `KEYFOB_WOULD_BLOCK` where nothing
  /// has, or the body is unpacked on its way (`compress`): then `read` it on another thread.
  std::size_t read_now(char *buffer, std::size_t capacity) {
    return read_now(buffer, capacity, std::nothrow).value();
  }
  Result<std::size_t> read_now(char *buffer, std::size_t capacity, std::nothrow_t) {
    return detail::get<std::size_t>(keyfob_response_read_now, handle_.get(),
                                    reinterpret_cast<std::uint8_t *>(buffer), capacity);
  }

  /// The pieces of a body that is read as it comes, for a `for` loop: each a view that is good until
  /// the next. A body that is cut throws; without exceptions, use `read`.
  class Pieces {
   public:
    class iterator {
     public:
      using value_type = std::string_view;
      using difference_type = std::ptrdiff_t;
      using iterator_category = std::input_iterator_tag;
      using pointer = const std::string_view *;
      using reference = std::string_view;

      iterator() = default;
      explicit iterator(Pieces *pieces) : pieces_(pieces) { ++*this; }
      std::string_view operator*() const noexcept {
        return {pieces_->buffer_.data(), pieces_->size_};
      }
      iterator &operator++() {
        pieces_->size_ =
            pieces_->response_->read(pieces_->buffer_.data(), pieces_->buffer_.size());
        if (pieces_->size_ == 0) pieces_ = nullptr;
        return *this;
      }
      void operator++(int) { ++*this; }
      friend bool operator==(const iterator &a, const iterator &b) noexcept {
        return a.pieces_ == b.pieces_;
      }
      friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

     private:
      Pieces *pieces_ = nullptr;
    };

    Pieces(Response &response, std::size_t most) : response_(&response), buffer_(most, '\0') {}
    [[nodiscard]] iterator begin() { return iterator(this); }
    [[nodiscard]] iterator end() const noexcept { return {}; }

   private:
    Response *response_;
    std::string buffer_;
    std::size_t size_ = 0;
  };
  [[nodiscard]] Pieces pieces(std::size_t most = 65536) & { return {*this, most}; }

  /// How many bytes the body has in all, where the answer's head says so.
  [[nodiscard]] std::optional<std::uint64_t> length() const noexcept {
    const std::int64_t length = keyfob_response_length(get());
    if (length < 0) return std::nullopt;
    return static_cast<std::uint64_t>(length);
  }

  /// The value of the first header of this name, without regard to case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const & {
    const detail::Text text(name);
    const char *value = text.is_whole() ? keyfob_response_header(get(), text.c_str()) : nullptr;
    if (!value) return std::nullopt;
    return value;
  }
  std::optional<std::string_view> header(std::string_view) const && = delete;

  /// All headers as they came, names in lower case.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> headers() const & {
    std::vector<std::pair<std::string_view, std::string_view>> all;
    const char *value = nullptr;
    while (const char *name = keyfob_response_header_at(get(), all.size(), &value)) {
      all.emplace_back(name, value);
    }
    return all;
  }
  std::vector<std::pair<std::string_view, std::string_view>> headers() const && = delete;

  /// The absolute URL of the link with this relation, such as `next`, if there is one: from a `Link`
  /// header (RFC 8288) or the body, and for `next` as the provider pages.
  [[nodiscard]] std::optional<std::string> link(std::string_view rel) const {
    return link(rel, std::nothrow).value();
  }
  Result<std::optional<std::string>> link(std::string_view rel, std::nothrow_t) const {
    return detail::get_optional_text(keyfob_response_link, get(), detail::Text(rel));
  }

  /// The handle, for what C takes. It stays this object's.
  [[nodiscard]] const keyfob_response *get() const noexcept { return handle_.get(); }

 private:
  friend class Client;
  explicit Response(keyfob_response *handle, std::shared_ptr<detail::Progress> progress = nullptr)
      : handle_(handle, detail::FreeResponse{std::move(progress)}) {}

  std::unique_ptr<keyfob_response, detail::FreeResponse> handle_;
};

/// A login that a person allows: at another device, by a code (RFC 8628), or in a browser (RFC 8252).
/// What is asked of it, it answers from any thread.
class Login {
 public:
  /// What the person opens: the URL with the code in it where the server gives one, else that at which
  /// the code is typed; or where a browser is sent.
  [[nodiscard]] std::string url() const { return keyfob_login_url(get()); }

  /// Where the code is typed; none for a login in a browser.
  [[nodiscard]] std::optional<std::string> verification_uri() const {
    return text(keyfob_login_verification_uri(get()));
  }

  /// The same with the code in it, where the server gives one.
  [[nodiscard]] std::optional<std::string> verification_uri_complete() const {
    return text(keyfob_login_verification_uri_complete(get()));
  }

  /// What the person types; none for a login in a browser.
  [[nodiscard]] std::optional<std::string> user_code() const {
    return text(keyfob_login_user_code(get()));
  }

  /// How long the code is good; none for a login in a browser.
  [[nodiscard]] std::optional<std::chrono::milliseconds> expires_in() const {
    return time(keyfob_login_expires_in_ms(get()));
  }

  /// How often the server lets itself be asked; none for a login in a browser.
  [[nodiscard]] std::optional<std::chrono::milliseconds> interval() const {
    return time(keyfob_login_interval_ms(get()));
  }

  /// The handle, for what C takes. It stays this object's.
  [[nodiscard]] const keyfob_login *get() const noexcept { return handle_.get(); }

 private:
  friend class Client;
  struct Free {
    void operator()(keyfob_login *handle) const noexcept { keyfob_login_free(handle); }
  };
  explicit Login(keyfob_login *handle) : handle_(handle) {}

  static std::optional<std::string> text(const char *text) {
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
  }
  static std::optional<std::chrono::milliseconds> time(std::int64_t ms) {
    if (ms < 0) return std::nullopt;
    return std::chrono::milliseconds(ms);
  }

  std::unique_ptr<keyfob_login, Free> handle_;
};

/// Obtains, keeps and renews one account's token, and sends requests that carry it. One client
/// serves all threads: every member function is const. Each call that may wait ends after `timeout_ms`,
/// 30 s unless set, with `KEYFOB_TIMEOUT`.
class Client {
 public:
  /// Makes a client from a copy of the config. Nothing is sent: the first call that needs a token
  /// does that.
  explicit Client(const Config &config) : Client(make(config, std::nothrow).value()) {}

  static Result<Client> make(const Config &config, std::nothrow_t) {
    auto made = detail::get<keyfob_client *>(keyfob_client_new, config.get());
    if (!made) return made.error();
    return Client(*made, config.called_);
  }

  /// Another handle on the same client, with a time limit for its calls (zero: the client's own)
  /// and a `cancel` of its own.
  [[nodiscard]] Client share(std::chrono::milliseconds timeout = {}) const {
    return share(timeout, std::nothrow).value();
  }
  Result<Client> share(std::chrono::milliseconds timeout, std::nothrow_t) const {
    auto made = detail::get<keyfob_client *>(keyfob_client_share, get(),
                                             std::int64_t{timeout.count()});
    if (!made) return made.error();
    return Client(*made, handle_.get_deleter().called);
  }

  /// A good access token, obtained or renewed first where that is needed. The copy is yours to
  /// wipe. `KEYFOB_CREDENTIALS_REJECTED`, `KEYFOB_LOGIN_ON_HOLD` and `KEYFOB_LOGIN_REQUIRED` need a
  /// person; docs/ERRORS.md says what to do about each status.
  [[nodiscard]] std::string token() const { return token(std::nothrow).value(); }
  Result<std::string> token(std::nothrow_t) const {
    return detail::get_text(keyfob_client_token, get());
  }

  /// As `token`, into a string that is used again and again: once it is long enough, a cached
  /// token costs no allocation. On failure it is empty.
  void token_into(std::string &token) const { token_into(token, std::nothrow).value(); }
  Result<void> token_into(std::string &token, std::nothrow_t) const {
    std::size_t size = token.capacity();
    for (;;) {
      token.resize(size);
      // The NUL of the copy may fall on the string's own.
      Result<void> copied =
          detail::call(keyfob_client_token_copy, get(), token.data(), token.size() + 1, &size);
      if (copied.status() == KEYFOB_BUFFER_TOO_SMALL) continue;
      token.resize(copied ? size : 0);
      return copied;
    }
  }

  /// As `token`, but never waits: `KEYFOB_WOULD_BLOCK` where no good token is at hand.
  [[nodiscard]] std::string try_token() const { return try_token(std::nothrow).value(); }
  Result<std::string> try_token(std::nothrow_t) const {
    return detail::get_text(keyfob_client_try_token, get());
  }

  /// The number of the fresh token at hand; 0 where there is none. While it is the same, so are
  /// the token and its headers: whoever keeps a copy need not ask for another.
  [[nodiscard]] std::uint64_t fresh_number() const noexcept {
    return keyfob_client_fresh_number(get());
  }

  /// The headers that carry the token, for requests of your own. Send them to the cloud only;
  /// `headers_for` checks that.
  [[nodiscard]] std::vector<Header> headers() const { return headers(std::nothrow).value(); }
  Result<std::vector<Header>> headers(std::nothrow_t) const {
    return apart(detail::get_text(keyfob_client_headers, get()));
  }

  /// The headers that `send` adds to a request for this URL unless the request sets them.
  /// `KEYFOB_FOREIGN_ORIGIN`, `KEYFOB_INSECURE_URL`: the token must not go there.
  [[nodiscard]] std::vector<Header> headers_for(std::string_view url) const {
    return headers_for(url, std::nothrow).value();
  }
  Result<std::vector<Header>> headers_for(std::string_view url, std::nothrow_t) const {
    return apart(detail::get_text(keyfob_client_headers_for, get(), detail::Text(url)));
  }

  /// The same for a request that the provider has signed: its method, URL and body. For providers
  /// that sign nothing it is as `headers_for`. Good for this request alone, and for a short time.
  [[nodiscard]] std::vector<Header> headers_for(std::string_view method, std::string_view url,
                                                std::string_view body) const {
    return headers_for(method, url, body, std::nothrow).value();
  }
  Result<std::vector<Header>> headers_for(std::string_view method, std::string_view url,
                                          std::string_view body, std::nothrow_t) const {
    return apart(detail::get_text(keyfob_client_headers_for_request, get(), detail::Text(method),
                                  detail::Text(url),
                                  reinterpret_cast<const std::uint8_t *>(body.data()),
                                  body.size()));
  }

  /// A member of the answer that gave the token, by its JSON pointer (RFC 6901): `/id_token`, `/scope`.
  /// A text as it is, anything else as JSON. Empty: there is no such member, or the provider keeps none.
  /// It may be secret.
  [[nodiscard]] std::optional<std::string> answer_member(std::string_view pointer) const {
    return answer_member(pointer, std::nothrow).value();
  }
  Result<std::optional<std::string>> answer_member(std::string_view pointer,
                                                   std::nothrow_t) const {
    return detail::get_optional_text(keyfob_client_answer_member, get(), detail::Text(pointer));
  }

  /// What an MQTT library connects to the cloud's broker with. Computed for this moment: ask anew for
  /// each connection, and `renew` once when the broker refuses it. Fails with
  /// `KEYFOB_INVALID_ARGUMENT` where the provider says nothing of MQTT for this login.
  [[nodiscard]] Mqtt mqtt() const { return mqtt(std::nothrow).value(); }
  Result<Mqtt> mqtt(std::nothrow_t) const {
    Result<keyfob_mqtt *> got = detail::get<keyfob_mqtt *>(keyfob_client_mqtt, get());
    if (!got) return got.error();
    const std::unique_ptr<keyfob_mqtt, void (*)(keyfob_mqtt *)> told(*got, keyfob_mqtt_free);
    const auto text = [](const char *member) {
      return member == nullptr ? std::nullopt : std::optional<std::string>(member);
    };
    return Mqtt{text(keyfob_mqtt_url(told.get())), text(keyfob_mqtt_client_id(told.get())),
                text(keyfob_mqtt_username(told.get())), text(keyfob_mqtt_password(told.get()))};
  }

  /// Begins a login at another device (RFC 8628): show `verification_uri` and `user_code` of what it
  /// gives to a person, then call `login_wait`.
  [[nodiscard]] Login login_begin() const { return login_begin(std::nothrow).value(); }
  Result<Login> login_begin(std::nothrow_t) const {
    auto begun = detail::get<keyfob_login *>(keyfob_client_login_begin, get());
    if (!begun) return begun.error();
    return Login(*begun);
  }

  /// Waits until the person has answered, at most so long (zero: as long as the code is good), and keeps
  /// the token. After `KEYFOB_TIMEOUT`, wait again; after `KEYFOB_LOGIN_DENIED` or
  /// `KEYFOB_LOGIN_EXPIRED`, begin another.
  void login_wait(const Login &login, std::chrono::milliseconds timeout = {}) const {
    login_wait(login, timeout, std::nothrow).value();
  }
  Result<void> login_wait(const Login &login, std::chrono::milliseconds timeout,
                          std::nothrow_t) const {
    return detail::call(keyfob_client_login_wait, get(), login.get(),
                        std::int64_t{timeout.count()});
  }

  /// Begins a login in a browser (RFC 8252, with PKCE): open its `url` there, and give what it comes
  /// back to `redirect_uri` with to `login_finish`.
  [[nodiscard]] Login login_begin_browser(std::string_view redirect_uri) const {
    return login_begin_browser(redirect_uri, std::nothrow).value();
  }
  Result<Login> login_begin_browser(std::string_view redirect_uri, std::nothrow_t) const {
    auto begun = detail::get<keyfob_login *>(keyfob_client_login_begin_browser, get(),
                                             detail::Text(redirect_uri));
    if (!begun) return begun.error();
    return Login(*begun);
  }

  /// Takes what the browser came back with: the whole URL, its path and query, or the query alone. Checks
  /// `state` and `iss`, and keeps the token.
  void login_finish(const Login &login, std::string_view answer) const {
    login_finish(login, answer, std::nothrow).value();
  }
  Result<void> login_finish(const Login &login, std::string_view answer, std::nothrow_t) const {
    return detail::call(keyfob_client_login_finish, get(), login.get(), detail::Text(answer));
  }

  /// Whether an API's answer refuses the token, by the provider's rule; then `refused` is to be
  /// told.
  [[nodiscard]] bool is_refusal(int http_status, std::string_view body) const noexcept {
    return detail::is_status(http_status) &&
           keyfob_client_is_refusal(get(), static_cast<std::uint16_t>(http_status),
                                    reinterpret_cast<const std::uint8_t *>(body.data()),
                                    body.size());
  }

  /// Notes what an answer says of DPoP proofs, for those who send requests themselves with the
  /// option `dpop`: its headers `DPoP-Nonce` and `WWW-Authenticate`, empty where there are none.
  /// True: send the request once more, with new headers, and do not tell `refused`.
  [[nodiscard]] bool note_nonce(std::string_view url, int http_status, std::string_view dpop_nonce,
                                std::string_view www_authenticate) const {
    const detail::Text to(url), nonce(dpop_nonce), challenge(www_authenticate);
    const auto or_null = [](const detail::Text &text) { return text.size() ? text.c_str() : nullptr; };
    return detail::is_status(http_status) && to.is_whole() && nonce.is_whole() &&
           challenge.is_whole() &&
           keyfob_client_note_nonce(get(), to.c_str(), static_cast<std::uint16_t>(http_status),
                                    or_null(nonce), or_null(challenge));
  }

  /// How long the token at hand lives: `milliseconds::max()` for ever, zero where there is none.
  [[nodiscard]] std::chrono::milliseconds expires_in() const {
    return expires_in(std::nothrow).value();
  }
  Result<std::chrono::milliseconds> expires_in(std::nothrow_t) const {
    return time(keyfob_client_expires_in_ms);
  }

  /// How long until the token is due to be renewed: zero for now, `milliseconds::max()` for never.
  [[nodiscard]] std::chrono::milliseconds renew_due_in() const {
    return renew_due_in(std::nothrow).value();
  }
  Result<std::chrono::milliseconds> renew_due_in(std::nothrow_t) const {
    return time(keyfob_client_renew_due_in_ms);
  }

  /// Renews the token now, fresh or not. Callers at the same time share one renewal.
  void renew() const { renew(std::nothrow).value(); }
  Result<void> renew(std::nothrow_t) const { return detail::call(keyfob_client_renew, get()); }

  /// Says that an API refused this token, for those who send requests themselves. Then ask for the
  /// token again and repeat the request once.
  void refused(std::string_view token) const { refused(token, std::nothrow).value(); }
  Result<void> refused(std::string_view token, std::nothrow_t) const {
    return detail::call(keyfob_client_refused, get(), detail::Text(token));
  }

  /// Changes an option while the client is in use, for all its handles. New credentials end a hold;
  /// another account's token is dropped.
  void set(std::string_view option, std::string_view value) const {
    set(option, value, std::nothrow).value();
  }
  Result<void> set(std::string_view option, std::string_view value, std::nothrow_t) const {
    return detail::call(keyfob_client_set, get(), detail::Text(option), detail::Text(value));
  }

  /// Changes several options at once: the members of a JSON object, or none of them.
  void set_json(std::string_view json) const { set_json(json, std::nothrow).value(); }
  Result<void> set_json(std::string_view json, std::nothrow_t) const {
    return detail::call(keyfob_client_set_json, get(), detail::Text(json));
  }

  /// Tries the way to the cloud, for a check of a set-up: finds the host, asks the proxy, connects,
  /// and does TLS. No credential is sent. `url` is absolute, or relative to the base URL.
  void reach(std::string_view url = "") const { reach(url, std::nothrow).value(); }
  Result<void> reach(std::string_view url, std::nothrow_t) const {
    return detail::call(keyfob_client_reach, get(), detail::Text(url));
  }

  /// Forgets the tokens and any hold: in memory, in the store, and at the cloud where it can
  /// revoke. A revocation that fails is no failure of this call: `not_revoked` of the status tells it.
  void forget() const { forget(std::nothrow).value(); }
  Result<void> forget(std::nothrow_t) const { return detail::call(keyfob_client_forget, get()); }

  /// State, counters and the last error, as JSON without a secret; docs/ABI.md lists the members.
  [[nodiscard]] std::string status_json() const { return status_json(std::nothrow).value(); }
  Result<std::string> status_json(std::nothrow_t) const {
    return detail::get_text(keyfob_client_status_json, get());
  }

  /// Waits until there is news, and gives its number: another token, or a hold or a pause that begins
  /// or ends. `known` is the number that the last call gave, and is given again where nothing happens
  /// in that time; 0 at first. A token that is due is renewed meanwhile, where no thread of the
  /// library's own does it and the time is a second or more.
  [[nodiscard]] std::uint64_t wait(std::uint64_t known, std::chrono::milliseconds timeout) const {
    return wait(known, timeout, std::nothrow).value();
  }
  Result<std::uint64_t> wait(std::uint64_t known, std::chrono::milliseconds timeout,
                             std::nothrow_t) const {
    return detail::get<std::uint64_t>(keyfob_client_wait, get(), known,
                                      std::int64_t{timeout.count()});
  }

  /// A descriptor for an event loop, readable while there is news that `wait` on this object has not
  /// given. It is this object's: never read from it, and take it out of the loop before this ends.
  [[nodiscard]] int event_fd() const { return event_fd(std::nothrow).value(); }
  Result<int> event_fd(std::nothrow_t) const {
    return detail::get<int>(keyfob_client_event_fd, get());
  }

  /// The oldest log line that was not read yet, of those that `Config::keep_log` keeps.
  [[nodiscard]] std::optional<std::pair<LogLevel, std::string>> next_log() const {
    std::int32_t level = 0;
    auto line = detail::get_optional_text(keyfob_client_next_log, get(), &level).value();
    if (!line) return std::nullopt;
    return std::make_pair(static_cast<LogLevel>(level), *std::move(line));
  }

  /// Ends the calls that are under way on this handle: they fail with `KEYFOB_CANCELLED`. From any
  /// thread. Later calls are not touched.
  void cancel() const { cancel(std::nothrow).value(); }
  Result<void> cancel(std::nothrow_t) const { return detail::call(keyfob_client_cancel, get()); }

  /// Lets time pass on this client's clock, so that a test can see tokens age without waiting.
  void wind(std::chrono::milliseconds by) const { wind(by, std::nothrow).value(); }
  Result<void> wind(std::chrono::milliseconds by, std::nothrow_t) const {
    return detail::call(keyfob_client_wind_ms, get(), std::int64_t{by.count()});
  }

  /// Sends a request with the token. If the API refuses the token, renews it and sends once more.
  /// Every answer is a response; only the want of one fails, and a URL that must not see the token.
  [[nodiscard]] Response send(const Request &request) const {
    return send(request, std::nothrow).value();
  }
  Result<Response> send(const Request &request, std::nothrow_t) const {
    auto sent = detail::get<keyfob_response *>(keyfob_client_send, get(), request.get());
    if (!sent) return sent.error();
    return Response(*sent);
  }

  /// As `send`, but gives the response once its head is there; its body is then read with
  /// `Response::read`, however large it is.
  [[nodiscard]] Response open(const Request &request) const {
    return open(request, std::nothrow).value();
  }
  Result<Response> open(const Request &request, std::nothrow_t) const {
    auto opened = detail::get<keyfob_response *>(keyfob_client_open, get(), request.get());
    if (!opened) return opened.error();
    return Response(*opened, request.handle_.get_deleter().progress);
  }

  /// Downloads what the request asks for to a file: resumed over faults, checked, and put in the
  /// place of `path` at once. `sha256` is what it must have, as 64 hexadecimal digits, or empty.
  Response download(const Request &request, std::string_view path,
                    std::string_view sha256 = {}) const {
    return download(request, path, sha256, std::nothrow).value();
  }
  Result<Response> download(const Request &request, std::string_view path, std::string_view sha256,
                            std::nothrow_t) const {
    const detail::Text digest(sha256);
    auto done = detail::get<keyfob_response *>(keyfob_client_download, get(), request.get(),
                                               detail::Text(path),
                                               sha256.empty() ? nullptr : digest.c_str());
    if (!done) return done.error();
    return Response(*done);
  }

  /// The handle, for what C takes. It stays this object's.
  [[nodiscard]] const keyfob_client *get() const noexcept { return handle_.get(); }

 private:
  Client(keyfob_client *handle, detail::Called called)
      : handle_(handle, detail::FreeClient{std::move(called)}) {}

  /// Takes lines of `Name: value` apart.
  static Result<std::vector<Header>> apart(const Result<std::string> &lines) {
    if (!lines) return lines.error();
    std::vector<Header> headers;
    for (std::string_view rest = *lines; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() == rest.size() ? line.size() : line.size() + 1);
      const std::size_t colon = line.find(": ");
      headers.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
    }
    return headers;
  }

  template <class Function>
  Result<std::chrono::milliseconds> time(Function function) const {
    Result<std::int64_t> ms = detail::get<std::int64_t>(function, get());
    if (!ms) return ms.error();
    return std::chrono::milliseconds(*ms);
  }

  std::unique_ptr<keyfob_client, detail::FreeClient> handle_;
};

/// The built-in providers, their logins and all options, as JSON.
[[nodiscard]] inline Result<std::string> providers_json(std::nothrow_t) {
  return detail::get_text(keyfob_providers_json);
}
[[nodiscard]] inline std::string providers_json() { return providers_json(std::nothrow).value(); }

}  // namespace keyfob

#endif  // KEYFOB_HPP
