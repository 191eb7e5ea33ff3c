// Drives keyfob.hpp by the orders of the conformance table: tests/suites/conformance/README.md has the
// protocol.

#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "keyfob.hpp"

namespace {

using Fields = std::vector<std::string>;

std::map<std::string, keyfob::Client> clients;
std::map<std::string, keyfob::Login> logins;

const keyfob::Client &client(const Fields &order) { return clients.at(order.at(1)); }

Fields make(const Fields &order) {
  keyfob::Config config(order.at(2));
  for (std::size_t i = 3; i + 1 < order.size(); i += 2) config.set(order[i], order[i + 1]);
  clients.insert_or_assign(order[1], keyfob::Client(config));
  return {};
}

Fields tokens(const Fields &order) {
  Fields tokens;
  std::vector<std::optional<keyfob::Result<std::string>>> results(std::stoul(order.at(2)));
  std::vector<std::thread> threads;
  for (auto &result : results) {
    threads.emplace_back([&order, &result] { result = client(order).token(std::nothrow); });
  }
  for (std::thread &thread : threads) thread.join();
  for (auto &result : results) tokens.push_back(result->value());
  return tokens;
}

Fields headers(const Fields &order) {
  Fields lines;
  const bool for_url = order.size() > 2;
  for (const keyfob::Header &header :
       for_url ? client(order).headers_for(order[2]) : client(order).headers()) {
    lines.push_back(header.name + ": " + header.value);
  }
  return lines;
}

Fields expires_in(const Fields &order) {
  const std::chrono::milliseconds left = client(order).expires_in();
  if (left == std::chrono::milliseconds::max()) return {"never"};
  return {std::to_string(left.count())};
}

Fields request(const Fields &order) {
  keyfob::Request request(order.at(2), order.at(3));
  if (order.size() > 4) request.set_body(order[4]);
  const keyfob::Response response = client(order).send(request);
  return {std::to_string(response.status()), response.link("next").value_or("")};
}

Fields login_begin(const Fields &order) {
  keyfob::Login login = order.size() > 2 ? client(order).login_begin_browser(order[2])
                                         : client(order).login_begin();
  Fields told = {login.url(), login.user_code().value_or("")};
  logins.insert_or_assign(order[1], std::move(login));
  return told;
}

Fields login_wait(const Fields &order) {
  const std::chrono::milliseconds limit(std::stoll(order.at(2)));
  client(order).login_wait(logins.at(order[1]), limit);
  return {};
}

Fields login_finish(const Fields &order) {
  client(order).login_finish(logins.at(order[1]), order.at(2));
  return {};
}

const std::map<std::string, std::function<Fields(const Fields &)>> calls = {
    {"new", make},
    {"token", tokens},
    {"try_token", [](const Fields &order) { return Fields{client(order).try_token()}; }},
    {"headers", headers},
    {"expires_in", expires_in},
    {"renew", [](const Fields &order) { return client(order).renew(), Fields{}; }},
    {"refused", [](const Fields &order) { return client(order).refused(order.at(2)), Fields{}; }},
    {"is_refusal",
     [](const Fields &order) {
       return Fields{client(order).is_refusal(std::stoi(order.at(2)), order.at(3)) ? "1" : "0"};
     }},
    {"set", [](const Fields &order) { return client(order).set(order.at(2), order.at(3)), Fields{}; }},
    {"forget", [](const Fields &order) { return client(order).forget(), Fields{}; }},
    {"status", [](const Fields &order) { return Fields{client(order).status_json()}; }},
    {"answer_member",
     [](const Fields &order) {
       const std::optional<std::string> member = client(order).answer_member(order.at(2));
       return Fields{member ? "1" : "0", member.value_or("")};
     }},
    {"request", request},
    {"login_begin", login_begin},
    {"login_wait", login_wait},
    {"login_finish", login_finish},
    {"wind",
     [](const Fields &order) {
       return client(order).wind(std::chrono::milliseconds(std::stoll(order.at(2)))), Fields{};
     }},
    {"free", [](const Fields &order) { return clients.erase(order.at(1)), Fields{}; }},
};

Fields split(const std::string &line) {
  Fields fields;
  for (std::size_t from = 0;;) {
    const std::size_t to = line.find('\t', from);
    fields.push_back(line.substr(from, to - from));
    if (to == std::string::npos) return fields;
    from = to + 1;
  }
}

void obey(const Fields &order) try {
  const Fields told = calls.at(order[0])(order);
  std::cout << "OK";
  for (const std::string &field : told) std::cout << '\t' << field;
} catch (const keyfob::Error &error) {
  const auto retry_after = error.retry_after();
  std::cout << keyfob::status_name(error.status()) << '\t' << error.http_status() << '\t'
            << error.provider_code() << '\t' << (retry_after ? retry_after->count() : -1) << '\t'
            << error.is_retriable() << '\t' << error.what();
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    obey(split(line));
    std::cout << std::endl;
  }
}
