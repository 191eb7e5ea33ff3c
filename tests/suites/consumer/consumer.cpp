// A project that uses the installed library from C++: prints the start of a token.

#include <iostream>

#include <keyfob.hpp>

int main() try {
  keyfob::Config config("simacan");
  config.load_env("SIM_SIMACAN");
  std::cout << "a token: " << keyfob::Client(config).token().substr(0, 3) << '\n';
  return keyfob::compatible() ? 0 : 2;
} catch (const keyfob::Error &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
