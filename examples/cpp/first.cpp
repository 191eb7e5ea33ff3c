// The shortest program: a token from Simacan, in a header, and an authenticated request.
//
//     c++ -std=c++17 first.cpp -lkeyfob -o first && KEYFOB_USERNAME=… KEYFOB_PASSWORD=… ./first

#include <iostream>

#include "keyfob.hpp"

int main() try {
  keyfob::Config config("simacan");
  config.load_env("KEYFOB");
  const keyfob::Client client(config);
  for (const keyfob::Header &header : client.headers()) {
    std::cout << header.name << ": " << header.value.substr(0, 15) << "...\n";
  }
} catch (const keyfob::Error &error) {
  std::cerr << keyfob::status_name(error.status()) << ": " << error.what() << '\n';
  return 1;
}
