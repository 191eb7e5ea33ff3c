// A daemon that reports to a cloud for as long as it runs:  ./gateway kontakt /v3/device
//
//     c++ -std=c++17 -o gateway gateway.cpp $(pkg-config --cflags --libs keyfob) -pthread
//
// One client serves all threads: tokens are renewed in the background, so that no report waits for
// a login, and kept in the store, so that a restart needs none. It ends on SIGTERM or SIGINT; a
// call that is under way then ends at once, too.

#include <keyfob.hpp>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

/// Waits that end when the program does.
class Stop {
 public:
  /// Waits; false when the program ends.
  bool pause(std::chrono::milliseconds time) {
    std::unique_lock<std::mutex> lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return stopped_; });
  }

  void now() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
};

/// How long to wait before the next report: as long as the cloud says, where it does.
std::chrono::milliseconds report(const keyfob::Client &client, const std::string &url) {
  using namespace std::chrono_literals;
  keyfob::Request request("GET", url);
  request.set_timeout(20s);
  const auto answer = client.send(request, std::nothrow);
  if (answer) {
    std::cout << "reported: HTTP " << answer->status() << std::endl;
    return 60s;
  }
  std::cerr << keyfob::status_name(answer.status()) << ": " << answer.error().what() << '\n';
  return answer.error().retry_after().value_or(10s);
}

}  // namespace

int main(int argc, char **argv) try {
  if (argc != 3) {
    std::cerr << "usage: gateway PROVIDER URL\n";
    return 2;
  }
  sigset_t ends;  // blocked before any thread is there, so that only sigwait sees them
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  keyfob::Config config(argv[1]);
  config.load_env("KEYFOB").set("background_renewal", "true");
  config.set_log([](keyfob::LogLevel, std::string_view line) { std::clog << line << '\n'; },
                 KEYFOB_LOG_LEVEL_WARN);
  const keyfob::Client client(config);

  Stop stop;
  std::vector<std::thread> reporters;
  for (int i = 0; i < 2; ++i) {
    reporters.emplace_back([&] {
      while (stop.pause(report(client, argv[2]))) continue;
    });
  }
  int signal = 0;
  sigwait(&ends, &signal);
  stop.now();
  client.cancel();
  for (std::thread &reporter : reporters) reporter.join();
  std::cout << "stopped" << std::endl;
} catch (const keyfob::Error &error) {
  std::cerr << keyfob::status_name(error.status()) << ": " << error.what() << '\n';
  return 1;
}
