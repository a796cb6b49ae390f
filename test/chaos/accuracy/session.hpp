// One connection as an application has it, over libpq alone: what an injector does to a server is
// not done with the code that is measured. Failures throw std::runtime_error.
#pragma once

#include <libpq-fe.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace pgkeel::chaos {

class Session {
 public:
  explicit Session(const std::string& conninfo);
  /// Runs to its end; the first value of the first row, empty without one. Throws the server's
  /// words.
  std::string run(const std::string& sql);
  /// As run(); false when the server refused it.
  [[nodiscard]] bool try_run(const std::string& sql);
  /// Sends without waiting for the answer.
  void send(const std::string& sql);
  [[nodiscard]] bool stands() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

/// An application that opens connections without end, keeps each it gets, and tries again.
class Crowd {
 public:
  explicit Crowd(std::string conninfo);
  ~Crowd();
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  /// Whether a login was refused because there are too many.
  [[nodiscard]] bool was_refused() const { return refused_; }

 private:
  void run();

  std::string conninfo_;
  std::vector<std::unique_ptr<PGconn, decltype(&PQfinish)>> sessions_;
  std::atomic<bool> refused_{false};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace pgkeel::chaos
