// keyfob.hpp as firmware compiles it: without exceptions and without run-time types.

#include <cstdio>

#include "keyfob.hpp"

int main() {
  auto config = keyfob::Config::make("kontakt", std::nothrow);
  if (!config) return 1;
  if (config->set("pasword", "x", std::nothrow).status() != KEYFOB_UNKNOWN_OPTION) return 2;
  if (!config->set("api_key", "my key", std::nothrow)) return 3;
  const auto client = keyfob::Client::make(*config, std::nothrow);
  if (!client) return 4;
  const auto token = client->token(std::nothrow);
  if (!token || *token != "my key") return 5;
  if (client->token(std::nothrow).transform([](const std::string &it) { return it.size(); }).value_or(0u) != 6)
    return 7;
  const auto forbidden = client->send({"GET", "https://example.com/"}, std::nothrow);
  if (forbidden.status() != KEYFOB_FOREIGN_ORIGIN) return 6;
  std::puts(forbidden.error().what());
  return 0;
}
