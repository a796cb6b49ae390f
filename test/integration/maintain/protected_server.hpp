// A server of one major with a database `shop`, a role `app` that owns what is in it, and what
// `pgkeel protect` does to it.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "integration/pg/majors.hpp"
#include "maintain/protection.hpp"

namespace pgkeel::test {

/// A session that stays: what a statement said, and which SQLSTATE it failed with.
class Psql {
 public:
  explicit Psql(const std::string& conninfo);
  /// The first value; throws what the server said, with "SQLSTATE: " before it.
  std::string operator()(const std::string& sql);
  /// "" when it went through, else its SQLSTATE.
  std::string state_of(const std::string& sql);
  /// What the last failure said, HINT and DETAIL too.
  [[nodiscard]] const std::string& said() const { return said_; }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::string said_;
};

class ProtectedServer : public EveryMajor {
 protected:
  void SetUp() override;
  template <class T>
  T run(runtime::Task<T> task) {
    return loop_.run_until_complete(std::move(task));
  }
  void switch_on(const std::string& database = "shop");
  void switch_off();
  [[nodiscard]] Psql as(const std::string& role, const std::string& more = "") const;
  /// The lines of the audit trail that hold all of these.
  [[nodiscard]] int told(const std::string& first, const std::string& second = "") const;

  runtime::Loop loop_;
  std::unique_ptr<PostgresServer> server_;
  maintain::ServerAccess access_;
};

inline constexpr const char* kRefused = "42501";

}  // namespace pgkeel::test
