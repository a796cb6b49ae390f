// One session of a real server, and what can be seen to live in it: what tests compare with what
// the gateway takes a session to hold.
#pragma once

#include <libpq-fe.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/sql/session_effects.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {

class LiveSession {
 public:
  explicit LiveSession(const PostgresServer& server);

  /// True when the whole text ran without an error. A COPY that it begins is ended.
  bool run(const std::string& sql);
  [[nodiscard]] std::vector<std::vector<std::string>> rows(const std::string& sql);
  [[nodiscard]] std::vector<std::vector<std::optional<std::string>>> nullable_rows(
      const std::string& sql);
  [[nodiscard]] std::string value(const std::string& sql);
  /// COMMIT or ROLLBACK where a transaction is open.
  void end_transaction(const std::string& how);

  /// What lives in the session now, as far as the server shows it.
  [[nodiscard]] gateway::sql::BitSet<gateway::sql::Tie> ties();
  /// Settings of the session: name and value, placeholders of `custom` and the role included.
  [[nodiscard]] std::map<std::string, std::string> settings(const std::vector<std::string>& custom);

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

}  // namespace pgkeel::test
