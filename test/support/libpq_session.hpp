// A session of libpq's that says what it was told in one word, as a test compares it.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

namespace pgkeel::test {

/// One session of libpq's; throws when it cannot connect.
class Session {
 public:
  explicit Session(const std::string& conninfo);
  /// The first value of the last result; throws "SQLSTATE: message".
  std::string operator()(const std::string& sql);
  /// "" or the SQLSTATE; "lost" when the connection is gone without one.
  std::string state_of(const std::string& sql);
  [[nodiscard]] PGconn* get() const { return connection_.get(); }
  [[nodiscard]] bool alive() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::string said_;
};

/// What libpq says when it cannot connect; "" when it can.
[[nodiscard]] std::string refusal_of(const std::string& conninfo);

}  // namespace pgkeel::test
