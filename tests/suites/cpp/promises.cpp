// What keyfob.hpp promises, tried on the simulated clouds.

#include <poll.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>

#include "check.hpp"
#include "keyfob.hpp"
#include "simulator.hpp"

using namespace std::chrono_literals;
using simulator::count;

const char *other_unit_includes_it_too();

namespace {

/// The status that a call failed with; KEYFOB_OK if it threw nothing.
template <class Call>
keyfob::Status thrown(Call call) {
  try {
    call();
  } catch (const keyfob::Error &error) {
    return error.status();
  }
  return KEYFOB_OK;
}

// Another one for each test: that it was rejected is remembered longer than a client lives.
keyfob::Config with_wrong_password(const std::string &cloud) {
  static int number = 0;
  keyfob::Config config = simulator::config(cloud);
  config.set("password", "wrong " + std::to_string(++number));
  return config;
}

template <class T, class = void>
struct LendsItsBody : std::false_type {};
template <class T>
struct LendsItsBody<T, std::void_t<decltype(std::declval<T>().body())>> : std::true_type {};

template <class T, class = void>
struct LendsItsCode : std::false_type {};
template <class T>
struct LendsItsCode<T, std::void_t<decltype(std::declval<T>().provider_code())>> : std::true_type {};

template <class Handle>
constexpr bool moves_only =
    std::is_nothrow_move_constructible_v<Handle> && std::is_nothrow_move_assignable_v<Handle> &&
    !std::is_copy_constructible_v<Handle> && !std::is_copy_assignable_v<Handle>;

}  // namespace

static_assert(moves_only<keyfob::Config>);
static_assert(moves_only<keyfob::Client>);
static_assert(moves_only<keyfob::Request>);
static_assert(moves_only<keyfob::Response>);
static_assert(moves_only<keyfob::Login>);
static_assert(std::is_nothrow_copy_constructible_v<keyfob::Error>, "as exceptions must be");
static_assert(LendsItsBody<keyfob::Response &>::value);
static_assert(!LendsItsBody<keyfob::Response>::value, "a temporary's body would dangle");

PROMISE(a_token_is_obtained_kept_and_renewed_at_every_cloud) {
  for (const std::string &cloud : simulator::clouds) {
    simulator::reset();
    const keyfob::Client client(simulator::config(cloud));
    const std::string first = client.token();
    CHECK(!first.empty());
    CHECK(client.token() == first);
    client.renew();
    CHECK(client.token() != first);
    CHECK(count(cloud, "login") == 1);
    CHECK(count(cloud, "refresh") == 1);
  }
}

PROMISE(a_token_that_ran_out_is_renewed) {
  simulator::reset();
  const keyfob::Client client(simulator::config("simacan"));
  const std::string first = client.token();
  CHECK(client.expires_in() > 0ms && client.expires_in() <= 3600s);
  CHECK(client.renew_due_in() < client.expires_in());
  client.wind(3601s);
  simulator::order("/wind", R"({"seconds": 3601})");
  CHECK(client.expires_in() == 0ms);
  CHECK(client.token() != first);
  CHECK(count("simacan", "refresh") == 1);
}

PROMISE(a_token_that_never_ends_says_so) {
  keyfob::Config config("kontakt");
  config.set("api_key", "my key");
  const keyfob::Client client(config);
  CHECK(client.token() == "my key");
  CHECK(client.expires_in() == std::chrono::milliseconds::max());
}

PROMISE(headers_come_apart_into_names_and_values) {
  const keyfob::Client key(keyfob::Config("kontakt").set("api_key", "my: key"));
  CHECK(key.headers().size() == 1);
  CHECK(key.headers()[0].name == "Api-Key");
  CHECK(key.headers()[0].value == "my: key");
  simulator::reset();
  const keyfob::Client client(simulator::config("simacan"));
  CHECK(client.headers()[0].name == "Authorization");
  CHECK(client.headers()[0].value == "Bearer " + client.token());
}

PROMISE(a_string_that_is_used_again_costs_no_allocation) {
  std::string token;
  const keyfob::Client longer(keyfob::Config("kontakt").set("api_key", std::string(5000, 'k')));
  longer.token_into(token);
  CHECK(token == std::string(5000, 'k'));
  const char *const memory = token.data();
  const keyfob::Client shorter(keyfob::Config("kontakt").set("api_key", "short"));
  shorter.token_into(token);
  CHECK(token == "short");
  longer.token_into(token);
  CHECK(token.size() == 5000 && token.data() == memory);
  const keyfob::Result<void> failed =
      keyfob::Client(with_wrong_password("kii")).token_into(token, std::nothrow);
  CHECK(failed.status() == KEYFOB_CREDENTIALS_REJECTED);
  CHECK(token.empty());
}

PROMISE(an_error_tells_what_the_reader_needs) {
  simulator::reset();
  const keyfob::Client client(with_wrong_password("kii"));
  bool failed = false;
  try {
    static_cast<void>(client.token());
  } catch (const keyfob::Error &error) {
    CHECK(error.status() == KEYFOB_CREDENTIALS_REJECTED);
    CHECK(error.http_status() == 400);
    CHECK(error.provider_code() == "invalid_grant");
    CHECK(!error.provider_message().empty());
    CHECK(error.retry_after() && *error.retry_after() > 0s);
    CHECK(std::string(error.what()).find("password") != std::string::npos);
    failed = true;
  }
  CHECK(failed);
  const auto held = client.token(std::nothrow);
  CHECK(held.status() == KEYFOB_LOGIN_ON_HOLD);
  CHECK(held.error().retry_after());
  CHECK(count("kii", "login") == 1);
  const auto unknown = keyfob::Config::make("no such cloud", std::nothrow);
  CHECK(unknown.error().provider_code().empty());
  CHECK(unknown.error().provider_message().empty());
  CHECK(unknown.error().http_status() == 0);
  CHECK(!unknown.error().retry_after());
  CHECK(!unknown.error().is_retriable());
}

PROMISE(an_error_outlives_the_call_and_its_copies) {
  std::optional<keyfob::Error> kept;
  {
    const auto failed = keyfob::Config::make("no such cloud", std::nothrow);
    const keyfob::Error copy = failed.error();
    kept = copy;
  }
  CHECK(kept->status() == KEYFOB_UNKNOWN_PROVIDER);
  CHECK(std::string(kept->what()).find("kontakt") != std::string::npos);
}

PROMISE(each_call_fails_alike_thrown_and_returned) {
  keyfob::Config config("kontakt");
  CHECK(thrown([&] { config.set("pasword", "x"); }) == KEYFOB_UNKNOWN_OPTION);
  CHECK(config.set("pasword", "x", std::nothrow).status() == KEYFOB_UNKNOWN_OPTION);
  CHECK(thrown([&] { config.set("timeout_ms", "soon"); }) == KEYFOB_INVALID_OPTION);
  CHECK(thrown([&] { static_cast<void>(config.option("pasword")); }) == KEYFOB_UNKNOWN_OPTION);
  CHECK(thrown([&] { config.load_json("[]"); }) == KEYFOB_INVALID_ARGUMENT);
  CHECK(config.load_json("[]", std::nothrow).status() == KEYFOB_INVALID_ARGUMENT);
  CHECK(thrown([&] { config.load_file("/no/such/file"); }) == KEYFOB_INVALID_ARGUMENT);
  CHECK(thrown([&] { config.load_env(""); }) == KEYFOB_INVALID_ARGUMENT);
  CHECK(thrown([&] { keyfob::Config("nowhere"); }) == KEYFOB_UNKNOWN_PROVIDER);
  CHECK(thrown([&] { keyfob::Client client(config); }) == KEYFOB_MISSING_OPTION);
  CHECK(keyfob::Client::make(config, std::nothrow).status() == KEYFOB_MISSING_OPTION);
  CHECK(thrown([&] { keyfob::Request("CONNECT", "x"); }) == KEYFOB_INVALID_ARGUMENT);
  keyfob::Request request("GET", "/");
  CHECK(thrown([&] { request.set_header("a b", "x"); }) == KEYFOB_INVALID_ARGUMENT);
  CHECK(thrown([&] { request.set_timeout(-1ms); }) == KEYFOB_INVALID_ARGUMENT);
  config.set("api_key", "k");
  const keyfob::Client client(config);
  CHECK(thrown([&] { client.wind(-1ms); }) == KEYFOB_INVALID_ARGUMENT);
  CHECK(thrown([&] { static_cast<void>(client.share(-1ms)); }) == KEYFOB_INVALID_ARGUMENT);
  CHECK(thrown([&] { client.set("nothing", "x"); }) == KEYFOB_UNKNOWN_OPTION);
  CHECK(thrown([&] { client.set_json("{"); }) == KEYFOB_INVALID_ARGUMENT);
  const keyfob::Request elsewhere("GET", "https://example.com/");
  CHECK(thrown([&] { static_cast<void>(client.send(elsewhere)); }) == KEYFOB_FOREIGN_ORIGIN);
  CHECK(client.send(elsewhere, std::nothrow).status() == KEYFOB_FOREIGN_ORIGIN);
}

PROMISE(results_are_chained_as_those_of_std_expected) {
  keyfob::Config config("kontakt");
  config.set("api_key", "my key");
  const keyfob::Client client(config);
  const keyfob::Client wrong(with_wrong_password("kii"));
  const auto size = [](const std::string &token) { return token.size(); };
  CHECK(client.token(std::nothrow).value_or("none") == "my key");
  CHECK(wrong.token(std::nothrow).value_or("none") == "none");
  CHECK(client.token(std::nothrow).transform(size).value() == 6);
  CHECK(wrong.token(std::nothrow).transform(size).status() == KEYFOB_LOGIN_ON_HOLD);
  const auto refuse = [&](const std::string &token) { return client.refused(token, std::nothrow); };
  CHECK(wrong.token(std::nothrow).and_then(refuse).status() == KEYFOB_LOGIN_ON_HOLD);
  const auto token = client.token(std::nothrow);
  CHECK(token.and_then([&](const std::string &) { return client.token(std::nothrow); }).value() ==
        "my key");
  int seen = 0;
  CHECK(client.cancel(std::nothrow).transform([&] { ++seen; }).ok() && seen == 1);
  const auto spare = [](const keyfob::Error &) { return keyfob::Result<std::string>("spare"); };
  CHECK(wrong.token(std::nothrow).or_else(spare).value() == "spare");
  // What moves and does not copy goes through, too.
  const auto status = [](keyfob::Request request) { return request.get() != nullptr; };
  CHECK(keyfob::Request::make("GET", "/", std::nothrow).transform(status).value());
#if defined(__cpp_lib_expected)
  const std::expected<std::string, keyfob::Error> good = client.token(std::nothrow);
  const std::expected<std::string, keyfob::Error> bad = wrong.token(std::nothrow);
  CHECK(good == "my key" && bad.error().status() == KEYFOB_LOGIN_ON_HOLD);
#endif
}

PROMISE(the_way_to_a_cloud_is_tried) {
  const keyfob::Client client (keyfob::Config("kontakt").set("api_key", "x"));
  CHECK(client.reach("https://127.0.0.1:1/", std::nothrow).error().status() == KEYFOB_NETWORK);
}

PROMISE(the_error_of_a_result_outlives_it) {
  const keyfob::Error &error = keyfob::Config::make("no such cloud", std::nothrow).error();
  CHECK(std::string(error.what()).find("no such cloud") != std::string::npos);
  static_assert(std::is_same_v<decltype(keyfob::Config::make("", std::nothrow).error()), keyfob::Error>);
  static_assert(!LendsItsCode<keyfob::Error>::value && LendsItsCode<const keyfob::Error &>::value);
}

PROMISE(nothing_is_thrown_where_nothrow_is_asked_for) {
  keyfob::Config gone("kontakt");
  const keyfob::Config here = std::move(gone);
  const keyfob::Client client(keyfob::Config("kontakt").set("api_key", "k"));
  CHECK(gone.set("api_key", "k", std::nothrow).status() == KEYFOB_NULL_ARGUMENT);
  CHECK(gone.option("api_key", std::nothrow).status() == KEYFOB_NULL_ARGUMENT);
  CHECK(gone.set_log(nullptr, KEYFOB_LOG_LEVEL_INFO, std::nothrow).status() ==
        KEYFOB_NULL_ARGUMENT);
  CHECK(keyfob::Client::make(gone, std::nothrow).status() == KEYFOB_NULL_ARGUMENT);
  CHECK(client.try_token(std::nothrow).value() == "k");
  CHECK(keyfob::providers_json(std::nothrow)->find("\"kii\"") != std::string::npos);
}

PROMISE(a_handle_that_was_moved_from_is_empty_and_harmless) {
  keyfob::Client first(keyfob::Config("kontakt").set("api_key", "first"));
  keyfob::Client second(keyfob::Config("kontakt").set("api_key", "second"));
  second = std::move(first);
  CHECK(second.token() == "first");
  CHECK(thrown([&] { static_cast<void>(first.token()); }) == KEYFOB_NULL_ARGUMENT);
  CHECK(first.get() == nullptr);
}

PROMISE(a_nul_inside_a_string_cuts_nothing_off) {
  using namespace std::string_view_literals;
  keyfob::Config config("kontakt");
  const auto cut = config.set("api_key", "key\0tail"sv, std::nothrow);
  CHECK(cut.status() == KEYFOB_INVALID_ARGUMENT);
  CHECK(std::string(cut.error().what()).find("NUL") != std::string::npos);
  CHECK(!config.option("api_key"));
  CHECK(thrown([&] { keyfob::Request("GET", "/a\0b"sv); }) == KEYFOB_INVALID_ARGUMENT);
}

PROMISE(a_view_needs_no_nul_at_its_end) {
  const std::string_view text = "kontakt api_key secret";
  keyfob::Config config(text.substr(0, 7));
  config.set(text.substr(8, 7), text.substr(16, 3));
  CHECK(config.option("api_key") == "***");
  CHECK(keyfob::Client(config).token() == "sec");
}

PROMISE(options_come_from_json_files_and_the_environment) {
  keyfob::Config config("kontakt");
  config.load_json(R"({"timeout_ms": 1234, "api_key": "k"})");
  CHECK(config.option("timeout_ms") == "1234");
  CHECK(config.option("api_key") == "***");
  CHECK(!config.option("proxy"));
  CHECK(setenv("TRY_USER_AGENT", "gateway/7", 1) == 0);
  config.load_env("TRY");
  CHECK(config.option("user_agent") == "gateway/7");
}

PROMISE(a_request_carries_its_parts_and_an_answer_gives_them_back) {
  for (const std::string &cloud : simulator::clouds) {
    simulator::reset();
    const keyfob::Client client(simulator::config(cloud));
    const std::string api = simulator::about(cloud, "API");
    keyfob::Request request("POST", api + "/echo");
    request.set_header("X-Gateway", "seven")
        .set_header("Content-Type", "application/json")
        .add_query("name", "a b&c")
        .set_body("[1, 2]")
        .set_timeout(20s)
        .set_idempotent(true);
    const keyfob::Response echo = client.send(request);
    CHECK(echo.status() == 200);
    const auto has = [&](const char *text) {
      return echo.body().find(text) != std::string_view::npos;
    };
    CHECK(has("\"POST\"") && has("seven") && has("a%20b%26c") && has("[1, 2]"));
    CHECK(echo.header("content-type")->substr(0, 16) == "application/json");
    CHECK(echo.header("Content-Type") == echo.header("content-type"));
    CHECK(!echo.header("no-such-header"));
    bool seen = false;
    for (const auto &[name, value] : echo.headers()) {
      seen = seen || (name == "content-type" && value == *echo.header("content-type"));
    }
    CHECK(seen);
    CHECK(!echo.link("next"));
    CHECK(client.send({"GET", api + "/status/404"}).status() == 404);
    CHECK(client.send({"GET", api + "/status/500"}).status() == 500);
    const keyfob::Response nothing = client.send({"DELETE", api + "/things/1"});
    CHECK(nothing.status() == 204 && nothing.body().empty());
  }
}

PROMISE(a_body_may_have_nuls_and_may_be_empty) {
  using namespace std::string_view_literals;
  simulator::reset();
  const keyfob::Client client(simulator::config("kii"));
  keyfob::Request request("POST", simulator::about("kii", "API") + "/echo");
  const keyfob::Response three = client.send(request.set_body("a\0b"sv));
  CHECK(three.body().find("a\\u0000b") != std::string_view::npos);
  const keyfob::Response none = client.send(request.set_body({}));
  CHECK(none.body().find("\"body\":\"\"") != std::string_view::npos);
}

PROMISE(pages_follow_each_other_by_their_links) {
  for (const std::string &cloud : simulator::clouds) {
    simulator::reset();
    const keyfob::Client client(simulator::config(cloud));
    int pages = 0;
    for (std::optional<std::string> next = simulator::about(cloud, "DEVICES"); next; ++pages) {
      const keyfob::Response page = client.send({"GET", *next});
      CHECK(page.status() == 200);
      next = page.link("next");
    }
    CHECK(pages == 3);
  }
}

PROMISE(a_token_that_an_api_refused_is_replaced) {
  simulator::reset();
  const keyfob::Client client(simulator::config("simacan"));
  const std::string first = client.token();
  client.refused(first);
  CHECK(client.token() != first);
  client.refused(first);  // a newer one is there
  CHECK(count("simacan", "refresh") == 1);
}

PROMISE(who_sends_requests_alone_is_told_what_to_send) {
  simulator::reset();
  const keyfob::Client client(simulator::config("kii"));
  const auto headers = client.headers_for(simulator::about("kii", "DEVICES"));
  CHECK(headers.size() == 3);
  CHECK(headers[0].value == "Bearer " + client.token());
  CHECK(thrown([&] { static_cast<void>(client.headers_for("https://example.com/")); }) ==
        KEYFOB_FOREIGN_ORIGIN);
  CHECK(client.is_refusal(403, R"({"errorCode": "WRONG_TOKEN"})"));
  CHECK(!client.is_refusal(403, R"({"errorCode": "APP_DISABLED"})"));
  CHECK(!client.is_refusal(200, ""));
  CHECK(!client.is_refusal(65536 + 401, "") && !client.is_refusal(-1, ""));
}

PROMISE(new_credentials_end_a_hold) {
  simulator::reset();
  const keyfob::Client client(with_wrong_password("kontakt"));
  CHECK(thrown([&] { static_cast<void>(client.token()); }) == KEYFOB_CREDENTIALS_REJECTED);
  CHECK(thrown([&] { static_cast<void>(client.token()); }) == KEYFOB_LOGIN_ON_HOLD);
  client.set("password", simulator::about("kontakt", "PASSWORD"));
  CHECK(!client.token().empty());
  client.set_json(R"({"user_agent": "gateway/8"})");
  CHECK(client.status_json().find("\"fresh\"") != std::string::npos);
}

PROMISE(what_was_forgotten_is_asked_for_again) {
  simulator::reset();
  const keyfob::Client client(simulator::config("kii"));
  CHECK(client.try_token(std::nothrow).status() == KEYFOB_WOULD_BLOCK);
  CHECK(client.fresh_number() == 0);
  const std::string first = client.token();
  const std::uint64_t number = client.fresh_number();
  CHECK(number != 0);
  CHECK(client.try_token() == first);
  CHECK(client.fresh_number() == number);
  client.forget();
  CHECK(client.try_token(std::nothrow).status() == KEYFOB_WOULD_BLOCK);
  CHECK(client.token() != first);
  CHECK(client.fresh_number() != 0 && client.fresh_number() != number);
  CHECK(count("kii", "login") == 2);
}

PROMISE(a_new_token_is_news_to_threads_and_event_loops) {
  simulator::reset();
  const keyfob::Client client(simulator::config("kii"));
  pollfd polled{client.event_fd(), POLLIN, 0};
  std::uint64_t known = client.wait(0, std::chrono::milliseconds(0));
  CHECK(poll(&polled, 1, 0) == 0);
  static_cast<void>(client.token());
  CHECK(poll(&polled, 1, 0) == 1);
  const std::uint64_t now = client.wait(known, std::chrono::minutes(1));
  CHECK(now != known);
  CHECK(poll(&polled, 1, 0) == 0);
  CHECK(client.wait(now, std::chrono::milliseconds(1)) == now);
  CHECK(client.wait(0, std::chrono::milliseconds(-1), std::nothrow).status() ==
        KEYFOB_INVALID_ARGUMENT);
}

PROMISE(a_form_goes_out_and_a_body_comes_piece_by_piece) {
  simulator::reset();
  const keyfob::Client client(simulator::config("kii"));
  const std::string api = simulator::about("kii", "DEVICES");
  const std::string host = api.substr(0, api.find('/', 8));
  keyfob::Request upload("POST", host + "/uploads");
  upload.add_part("note", "hello").add_part("image", "bytes", "image.bin", "text/plain");
  CHECK(client.send(upload).status() < 300);
  CHECK(upload.add_file("no", "/nowhere/at/all", {}, {}, std::nothrow).status() == KEYFOB_FILE);
  keyfob::Request download("GET", host + "/files/200000");
  keyfob::Response response = client.open(download);
  std::size_t size = 0;
  for (std::string_view piece : response.pieces(5000)) size += piece.size();
  CHECK(size == 200000);
  CHECK(download.progress().first == size && download.progress().second == size);
  keyfob::Response now = client.open(download);
  char piece[5000];
  std::size_t come = 0;
  for (std::size_t amount = 1; amount > 0; come += amount) {
    auto here = now.read_now(piece, sizeof piece, std::nothrow);
    amount = here.status() == KEYFOB_WOULD_BLOCK ? now.read(piece, sizeof piece) : here.value();
  }
  CHECK(come == size && now.read_now(piece, sizeof piece) == 0);
}

PROMISE(cancelling_a_shared_handle_ends_its_own_calls_only) {
  simulator::reset();
  simulator::order("/inject",
                   R"({"cloud": "kii", "call": "login", "fault": "stall:before-headers"})");
  const keyfob::Client client(simulator::config("kii"));
  const keyfob::Client mine = client.share();
  std::atomic<bool> done{false};
  keyfob::Status status = KEYFOB_OK;
  std::thread waiting([&] {
    status = mine.token(std::nothrow).status();
    done = true;
  });
  while (!done) mine.cancel();
  waiting.join();
  CHECK(status == KEYFOB_CANCELLED);
  simulator::order("/clear");
  CHECK(!client.token().empty());
}

PROMISE(a_shared_handle_has_a_time_limit_of_its_own) {
  simulator::reset();
  simulator::order("/inject",
                   R"({"cloud": "kii", "call": "login", "fault": "stall:before-headers"})");
  const keyfob::Client client(simulator::config("kii"));
  CHECK(client.share(1ms).token(std::nothrow).status() == KEYFOB_TIMEOUT);
  simulator::order("/clear");
}

PROMISE(thirty_two_threads_share_one_login) {
  simulator::reset();
  const keyfob::Client client(simulator::config("simacan"));
  std::vector<std::string> tokens(32);
  std::vector<std::thread> threads;
  for (std::string &token : tokens) {
    threads.emplace_back([&client, &token] { token = client.token(std::nothrow).value(); });
  }
  for (std::thread &thread : threads) thread.join();
  for (const std::string &token : tokens) CHECK(!token.empty() && token == tokens[0]);
  CHECK(count("simacan", "login") == 1);
}

PROMISE(a_log_lives_as_long_as_the_clients_that_write_to_it) {
  simulator::reset();
  auto lines = std::make_shared<std::atomic<int>>(0);
  keyfob::Client client(keyfob::Config("kontakt").set("api_key", "k"));
  {
    keyfob::Config config = simulator::config("kii");
    config.set_log([lines](keyfob::LogLevel level, std::string_view message) {
      *lines += level <= KEYFOB_LOG_LEVEL_DEBUG && !message.empty();
    }, KEYFOB_LOG_LEVEL_DEBUG);
    client = keyfob::Client(config);
    config.set_log(nullptr, KEYFOB_LOG_LEVEL_ERROR);
  }
  const keyfob::Client shared = client.share();
  CHECK(!client.token().empty());
  CHECK(*lines > 0);
  CHECK(lines.use_count() == 2);
  client = keyfob::Client(keyfob::Config("kontakt").set("api_key", "k"));
  const int before = *lines;
  shared.renew();
  CHECK(*lines > before);
}

PROMISE(what_a_log_throws_goes_no_further) {
  simulator::reset();
  keyfob::Config config = simulator::config("kii");
  config.set_log([](keyfob::LogLevel, std::string_view) { throw 7; }, KEYFOB_LOG_LEVEL_DEBUG);
  CHECK(!keyfob::Client(config).token().empty());
}

PROMISE(the_library_that_is_loaded_fits_the_header) {
  CHECK(keyfob::compatible());
  CHECK(std::string(keyfob::version()).find('.') != std::string::npos);
  CHECK(std::string(keyfob::status_name(KEYFOB_TIMEOUT)) == "TIMEOUT");
  CHECK(std::string(other_unit_includes_it_too()) == keyfob::version());
}

PROMISE(c_and_cpp_may_be_mixed) {
  const keyfob::Client client(keyfob::Config("kontakt").set("api_key", "k"));
  char token[8];
  std::size_t size = 0;
  CHECK(keyfob_client_token_copy(client.get(), token, sizeof token, &size, nullptr) == KEYFOB_OK);
  CHECK(std::string(token) == "k");
}

int main() { return check::run(); }

namespace {

/// A store in memory, which shows what was asked of it.
struct Shelf : keyfob::Store {
  std::map<std::string, std::string, std::less<>> records;
  int locked = 0;
  bool broken = false;

  keyfob::Status load(std::string_view name, std::optional<std::string> &record) override {
    const auto found = records.find(name);
    if (found != records.end()) record = found->second;
    return KEYFOB_OK;
  }
  keyfob::Status save(std::string_view name, std::string_view record) override {
    if (broken) throw 7;
    records[std::string(name)] = record;
    return KEYFOB_OK;
  }
  keyfob::Status lock(std::string_view) override {
    ++locked;
    return KEYFOB_OK;
  }
  void unlock(std::string_view) override { --locked; }
};

struct LeasedShelf : keyfob::LeasedStore {
  std::map<std::string, std::string, std::less<>> records;
  std::uint64_t fence = 0;
  bool held = false;
  bool lost = false;

  keyfob::Status load(std::string_view name, std::optional<std::string> &record) override {
    const auto found = records.find(name);
    if (found != records.end()) record = found->second;
    return KEYFOB_OK;
  }
  keyfob::Status save(std::string_view name, std::string_view record, std::uint64_t of) override {
    if (!held || lost || of != fence) return KEYFOB_WOULD_BLOCK;
    records[std::string(name)] = record;
    return KEYFOB_OK;
  }
  keyfob::Status lock(std::string_view, std::chrono::milliseconds lease,
                      std::uint64_t &of) override {
    CHECK(lease > std::chrono::seconds(1) && !held);
    held = true;
    of = ++fence;
    return KEYFOB_OK;
  }
  keyfob::Status prolong(std::string_view, std::uint64_t of, std::chrono::milliseconds) override {
    return held && of == fence ? KEYFOB_OK : KEYFOB_WOULD_BLOCK;
  }
  void unlock(std::string_view, std::uint64_t of) override { held = held && of != fence; }
  keyfob::Status wait(std::string_view, std::chrono::milliseconds) override {
    return KEYFOB_TIMEOUT;
  }
};

}  // namespace

PROMISE(a_leased_store_keeps_the_token_for_the_next_client) {
  simulator::reset();
  const auto shelf = std::make_shared<LeasedShelf>();
  const auto client = [&] {
    return keyfob::Client(simulator::config("simacan").set_leased_store(shelf));
  };
  const std::string token = client().token();
  CHECK(client().token() == token);
  CHECK(count("simacan", "login") == 1);
  CHECK(shelf->records.size() == 1 && !shelf->held && shelf->fence == 1);
  CHECK(shelf.use_count() == 1);
}

PROMISE(a_lock_that_was_lost_is_no_fault_and_the_token_is_served) {
  simulator::reset();
  const auto shelf = std::make_shared<LeasedShelf>();
  shelf->lost = true;
  const keyfob::Client client(simulator::config("simacan").set_leased_store(shelf));
  CHECK(!client.token().empty());
  CHECK(shelf->records.empty());
  CHECK(client.status_json().find("\"fault\":null") != std::string::npos);
}

PROMISE(a_store_of_ones_own_keeps_the_token_for_the_next_client) {
  simulator::reset();
  const auto shelf = std::make_shared<Shelf>();
  const auto client = [&] {
    return keyfob::Client(simulator::config("simacan").set_store(shelf));
  };
  const std::string token = client().token();
  CHECK(client().token() == token);
  CHECK(count("simacan", "login") == 1);
  CHECK(shelf->records.size() == 1 && shelf->locked == 0);
  CHECK(shelf.use_count() == 1);
}

PROMISE(what_a_store_throws_is_a_store_fault_and_the_token_is_served) {
  simulator::reset();
  const auto shelf = std::make_shared<Shelf>();
  shelf->broken = true;
  const keyfob::Client client(simulator::config("simacan").set_store(shelf));
  CHECK(!client.token().empty());
  CHECK(client.status_json().find("its save function returned STORE") != std::string::npos);
}

PROMISE(an_mqtt_client_is_told_where_and_as_whom_to_connect) {
  keyfob::Config config("blynk");
  config.set("api_key", "the key");
  const keyfob::Mqtt told = keyfob::Client(config).mqtt();
  CHECK(told.url == "mqtts://blynk.cloud:8883" && !told.client_id);
  CHECK(told.username == "device" && told.password == "the key");
  keyfob::Config without("kontakt");
  without.set("api_key", "k");
  CHECK(keyfob::Client(without).mqtt(std::nothrow).status() == KEYFOB_INVALID_ARGUMENT);
}
