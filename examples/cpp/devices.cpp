// Lists what an API lists, page by page, whatever the cloud:  ./devices kontakt /v3/device
//
//     c++ -std=c++17 -o devices devices.cpp $(pkg-config --cflags --libs keyfob)
//
// Options come from the environment: KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, KEYFOB_ENVIRONMENT, ...
// Each cloud says in its own way where the next page is; Response::link reads all of them.

#include <keyfob.hpp>

#include <iostream>
#include <optional>
#include <string>

namespace {

// A list that goes on longer than this goes in circles.
constexpr int most_pages = 10000;

int list(const keyfob::Client &client, const std::string &url) {
  std::optional<std::string> next = url;
  for (int pages = 0; next && pages < most_pages; ++pages) {
    const keyfob::Response page = client.send({"GET", *next});
    if (page.status() != 200) {
      std::cerr << "devices: " << *next << " answered " << page.status() << '\n';
      return 1;
    }
    std::cout << page.body() << '\n';
    next = page.link("next");
  }
  return 0;
}

}  // namespace

int main(int argc, char **argv) try {
  if (argc != 3) {
    std::cerr << "usage: devices PROVIDER URL\n";
    return 2;
  }
  keyfob::Config config(argv[1]);
  config.load_env("KEYFOB");
  return list(keyfob::Client(config), argv[2]);
} catch (const keyfob::Error &error) {
  std::cerr << "devices: " << keyfob::status_name(error.status()) << ": " << error.what() << '\n';
  return 1;
}
