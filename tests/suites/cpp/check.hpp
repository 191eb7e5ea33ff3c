// The least that tests need: named promises, checks that say where they failed, a closing line.

#ifndef CHECK_HPP
#define CHECK_HPP

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace check {

struct Promise {
  const char *name;
  void (*keep)();
};

inline std::vector<Promise> &promises() {
  static std::vector<Promise> all;
  return all;
}

struct Listed {
  Listed(const char *name, void (*keep)()) { promises().push_back({name, keep}); }
};

/// Runs them all; the exit status of the program.
inline int run() {
  int failed = 0;
  for (const Promise &promise : promises()) {
    std::string why;
    try {
      promise.keep();
    } catch (const std::exception &error) {
      why = error.what();
    } catch (...) {
      why = "something was thrown that is no exception";
    }
    std::printf("%-6s %s%s%s\n", why.empty() ? "ok" : "FAILED", promise.name,
                why.empty() ? "" : ": ", why.c_str());
    failed += !why.empty();
  }
  std::printf("%zu passed, %d failed\n", promises().size() - static_cast<std::size_t>(failed),
              failed);
  return failed ? 1 : 0;
}

inline void fail(const char *file, int line, const char *what) {
  throw std::runtime_error(std::string(file) + ":" + std::to_string(line) + ": " + what);
}

}  // namespace check

#define PROMISE(name)                                  \
  static void name();                                  \
  static const check::Listed listed_##name{#name, name}; \
  static void name()

#define CHECK(condition) \
  if (!(condition)) check::fail(__FILE__, __LINE__, #condition)

#endif
