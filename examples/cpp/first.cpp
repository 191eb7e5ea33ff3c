// Fetches one page of an IoT cloud:  ./first kontakt /v3/device
// KEYFOB_USERNAME, KEYFOB_PASSWORD_FILE, ... in the environment say who asks.

#include <keyfob.hpp>

#include <iostream>

int main(int argc, char **argv) try {
  if (argc != 3) {
    std::cerr << "usage: first PROVIDER URL\n";
    return 2;
  }
  keyfob::Config config(argv[1]);
  config.load_env("KEYFOB");
  const keyfob::Client client(config);
  const keyfob::Response page = client.send({"GET", argv[2]});  // logs in, renews
  std::cout << "HTTP " << page.status() << ": " << page.body() << '\n';
} catch (const keyfob::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
