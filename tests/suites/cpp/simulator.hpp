// The simulated clouds as the tests see them: where they are, and orders for the control port.

#ifndef SIMULATOR_HPP
#define SIMULATOR_HPP

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "keyfob.hpp"

namespace simulator {

/// The clouds whose users log in with a password and get a refresh token.
inline const std::vector<std::string> clouds = {"kontakt", "iotconnect", "kii", "simacan"};

/// The prefix of a cloud's options in the environment.
inline std::string prefix(const std::string &cloud) {
  std::string prefix = "SIM_" + cloud;
  for (char &c : prefix) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return prefix;
}

/// What tests/suites/conformance/with-simulator says of a cloud.
inline std::string about(const std::string &cloud, const std::string &what) {
  const std::string name = prefix(cloud) + "_" + what;
  const char *value = std::getenv(name.c_str());
  if (!value) throw std::runtime_error(name + " is not set: run tests/suites/cpp/run");
  return value;
}

/// Sends an order to the control port and returns the answer's body.
inline std::string ask(const std::string &method, const std::string &path,
                       const std::string &body = "") {
  const char *control = std::getenv("SIM_CONTROL");
  if (!control) throw std::runtime_error("SIM_CONTROL is not set: run tests/suites/cpp/run");
  const std::string host_port = control;
  const std::size_t colon = host_port.rfind(':');
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host_port.substr(0, colon).c_str(), host_port.substr(colon + 1).c_str(), &hints,
                  &found) != 0) {
    throw std::runtime_error("the control port's address is no good");
  }
  const int connection = socket(found->ai_family, found->ai_socktype, 0);
  const bool connected = connect(connection, found->ai_addr, found->ai_addrlen) == 0;
  freeaddrinfo(found);
  if (!connected) throw std::runtime_error("the control port does not answer");
  const std::string order = method + " " + path + " HTTP/1.1\r\nHost: control\r\nContent-Length: " +
                            std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string answer;
  char buffer[4096];
  if (write(connection, order.data(), order.size()) == static_cast<ssize_t>(order.size())) {
    for (ssize_t n; (n = read(connection, buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(n));
    }
  }
  close(connection);
  if (answer.compare(0, 13, "HTTP/1.1 200 ") != 0) {
    throw std::runtime_error(path + " " + body + ": " + answer);
  }
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

inline void order(const std::string &path, const std::string &body = "{}") {
  ask("POST", path, body);
}

/// How many calls of that name arrived at a cloud.
inline int count(const std::string &cloud, const std::string &call) {
  const std::string journal = ask("GET", "/journal?cloud=" + cloud + "&call=" + call);
  int calls = 0;
  for (std::size_t at = 0; (at = journal.find("\"executed\":", at)) != std::string::npos; ++at) {
    ++calls;
  }
  return calls;
}

/// A config that logs in at a cloud with the right credentials.
inline keyfob::Config config(const std::string &cloud) {
  keyfob::Config config(cloud);
  config.load_env(prefix(cloud)).set("retries", "0");
  return config;
}

/// All as after the start.
inline void reset() { order("/reset"); }

}  // namespace simulator

#endif
