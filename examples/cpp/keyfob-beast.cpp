// Requests by Boost.Beast that carry the token; one that is refused is sent once more with another:
//
//     ./keyfob-beast PROVIDER URL [TIMES]      options from KEYFOB_... in the environment
//
// keyfob says which headers a URL gets, and whether an answer refuses the token. The connection is
// Beast's, with its own time limits; the certificates are OpenSSL's (SSL_CERT_FILE names others).
//
// Debian: libboost-dev and libssl-dev; c++ -std=c++17 keyfob-beast.cpp -lkeyfob -lssl -lcrypto -pthread

#include <keyfob.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

namespace {

using Answer = http::response<http::string_body>;

/// The parts of `https://host[:port]/target`.
struct Place {
  std::string host, port, target;

  explicit Place(const std::string &url) {
    const std::string scheme = "https://";
    if (url.rfind(scheme, 0) != 0) throw std::runtime_error("not an https URL");
    const auto slash = url.find('/', scheme.size());
    const std::string authority = url.substr(scheme.size(), slash - scheme.size());
    const auto colon = authority.find(':');  // no IPv6 literals, for shortness
    host = authority.substr(0, colon);
    port = colon == std::string::npos ? "443" : authority.substr(colon + 1);
    target = slash == std::string::npos ? "/" : url.substr(slash);
  }
};

/// An event loop on a thread of its own, so that what is asynchronous reads from top to bottom. In a
/// program that has a loop, the steps of `get` are its handlers.
class Web {
 public:
  Web() : work_(loop_.get_executor()), certificates_(ssl::context::tls_client) {
    certificates_.set_default_verify_paths();
    certificates_.set_verify_mode(ssl::verify_peer);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Web() {
    loop_.stop();
    thread_.join();
  }
  Web(const Web &) = delete;
  Web &operator=(const Web &) = delete;

  Answer get(const std::string &url, const std::vector<keyfob::Header> &headers) {
    const Place place(url);
    http::request<http::empty_body> request(http::verb::get, place.target, 11);
    request.set(http::field::host, place.port == "443" ? place.host : place.host + ":" + place.port);
    for (const auto &[name, value] : headers) request.set(name, value);

    asio::ip::tcp::resolver resolver(loop_);
    const auto found = resolver.async_resolve(place.host, place.port, asio::use_future).get();
    beast::ssl_stream<beast::tcp_stream> stream(loop_, certificates_);
    stream.set_verify_callback(ssl::host_name_verification(place.host));
    if (!SSL_set_tlsext_host_name(stream.native_handle(), place.host.c_str()))
      throw std::runtime_error("no room for the host's name");
    beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(20));  // for all that follows
    beast::get_lowest_layer(stream).async_connect(found, asio::use_future).get();
    stream.async_handshake(ssl::stream_base::client, asio::use_future).get();
    http::async_write(stream, request, asio::use_future).get();
    beast::flat_buffer buffer;
    Answer answer;
    http::async_read(stream, buffer, answer, asio::use_future).get();
    return answer;
  }

 private:
  asio::io_context loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  ssl::context certificates_;
  std::thread thread_;
};

/// Renews a token that the API refuses, by the cloud's own rule, and sends once more.
Answer get(const keyfob::Client &client, Web &web, const std::string &url) {
  const std::string token = client.token();  // logs in, renews; in a loop: try_token, or a thread
  Answer answer = web.get(url, client.headers_for(url));
  if (!client.is_refusal(answer.result_int(), answer.body())) return answer;
  client.refused(token);
  return web.get(url, client.headers_for(url));
}

}  // namespace

int main(int argc, char **argv) try {
  if (argc < 3) {
    std::cerr << "usage: keyfob-beast PROVIDER URL [TIMES]\n";
    return 2;
  }
  keyfob::Config config(argv[1]);
  config.load_env("KEYFOB");
  const keyfob::Client client(config);
  Web web;
  for (int left = argc > 3 ? std::atoi(argv[3]) : 1; left > 0; left--) {
    const Answer answer = get(client, web, argv[2]);
    std::cout << "HTTP " << answer.result_int() << ": " << answer.body() << std::endl;
    if (left > 1) std::cin.get();  // a line for each further one
  }
} catch (const std::exception &error) {  // keyfob::Error is one, too
  std::cerr << error.what() << '\n';
  return 1;
}
