// Lists the devices of any cloud, page by page: devices [--env PREFIX] PROVIDER URL
//
//     KEYFOB_USERNAME=… KEYFOB_PASSWORD=… ./devices kontakt v3/device
//
// Each option of docs/OPTIONS.md is read from the environment, PREFIX_<OPTION>; the prefix is
// KEYFOB unless told. The URL may be relative to the provider's address.

#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "keyfob.hpp"

namespace {

int list(const keyfob::Client &client, std::string url) {
  for (std::optional<std::string> next = url; next;) {
    const keyfob::Response page = client.send({"GET", *next});
    if (page.status() != 200) {
      std::cerr << *next << " answered " << page.status() << ": " << page.body() << '\n';
      return 1;
    }
    std::cout << page.body() << '\n';
    next = page.link("next");
  }
  return 0;
}

}  // namespace

int main(int argc, char **argv) try {
  std::vector<std::string> words(argv + 1, argv + argc);
  std::string prefix = "KEYFOB";
  if (words.size() == 4 && words[0] == "--env") {
    prefix = words[1];
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.size() != 2) {
    std::cerr << "usage: devices [--env PREFIX] PROVIDER URL\n";
    return 2;
  }
  // `custom` takes its profile from the environment too: PREFIX_PROFILE_FILE.
  keyfob::Config config(words[0]);
  config.load_env(prefix);
  const keyfob::Client client(config);
  return list(client, words[1]);
} catch (const keyfob::Error &error) {
  std::cerr << "devices: " << keyfob::status_name(error.status()) << ": " << error.what() << '\n';
  return 1;
}
