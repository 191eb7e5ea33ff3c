// An Asio program that learns of each new token in its loop, and blocks nowhere:
//
//     ./keyfob-asio PROVIDER [TOKENS]      options from KEYFOB_... in the environment
//
// With background_renewal a thread of the library's own renews, so asking for the token never waits
// for the cloud once there is one. Ends after so many tokens. With Boost, it is boost::asio.

#include <keyfob.hpp>

#include <asio.hpp>
#include <cstdint>
#include <iostream>
#include <string>

namespace {

class Gateway {
 public:
  Gateway(asio::io_context &loop, const keyfob::Client &client, int tokens)
      : client_(client), news_(loop, client.event_fd()), left_(tokens) {}
  ~Gateway() { news_.release(); }  // the descriptor is the client's
  Gateway(const Gateway &) = delete;
  Gateway &operator=(const Gateway &) = delete;

  void listen() {
    news_.async_wait(asio::posix::stream_descriptor::wait_read, [this](asio::error_code failed) {
      if (!failed && hear()) listen();
    });
  }

 private:
  /// What happened may be a hold or a pause, too. False when enough tokens have come.
  bool hear() {
    known_ = client_.wait(known_, std::chrono::milliseconds(0));  // clears the descriptor
    const std::uint64_t number = client_.fresh_number();
    if (number == 0 || number == number_) return true;
    const auto token = client_.try_token(std::nothrow);
    if (!token) return true;
    number_ = number;
    std::cout << "a token" << std::endl;
    return --left_ > 0;
  }

  const keyfob::Client &client_;
  asio::posix::stream_descriptor news_;
  std::uint64_t known_ = 0, number_ = 0;
  int left_;
};

}  // namespace

int main(int argc, char **argv) try {
  if (argc < 2) {
    std::cerr << "usage: keyfob-asio PROVIDER [TOKENS]\n";
    return 2;
  }
  keyfob::Config config(argv[1]);
  config.load_env("KEYFOB").set("background_renewal", "true");
  const keyfob::Client client(config);
  asio::io_context loop;
  Gateway gateway(loop, client, argc > 2 ? std::stoi(argv[2]) : 1 << 30);
  gateway.listen();
  // The first token means waiting for the cloud: on another thread. It is news, and comes by the
  // descriptor.
  asio::thread_pool workers(1);
  asio::post(workers, [&] {
    const auto token = client.token(std::nothrow);
    if (token) return;
    std::cerr << token.error().what() << '\n';
    loop.stop();
  });
  loop.run();
  workers.join();
} catch (const keyfob::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
