// See libpq_session.hpp.
#include "support/libpq_session.hpp"

#include <stdexcept>

namespace pgkeel::test {

Session::Session(const std::string& conninfo)
    : connection_(PQconnectdb(conninfo.c_str()), &PQfinish) {
  if (!alive()) throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

// Every result: behind the server's last words libpq has one of its own, without a SQLSTATE.
std::string Session::state_of(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) != 1) return "lost";
  std::string state;
  said_.clear();
  while (auto* next = PQgetResult(connection_.get())) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(next, &PQclear);
    const auto status = PQresultStatus(next);
    if (!state.empty()) continue;
    if (status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) continue;
    if (status == PGRES_TUPLES_OK) {
      said_ = PQntuples(next) > 0 ? PQgetvalue(next, 0, 0) : "";
      continue;
    }
    const char* code = PQresultErrorField(next, PG_DIAG_SQLSTATE);
    state = code == nullptr ? "lost" : code;
    said_ = PQresultErrorMessage(next);
  }
  return state;
}

std::string Session::operator()(const std::string& sql) {
  const auto state = state_of(sql);
  if (!state.empty()) throw std::runtime_error(state + ": " + said_ + " in " + sql);
  return said_;
}

std::string refusal_of(const std::string& conninfo) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(conninfo.c_str()),
                                                                &PQfinish);
  return PQstatus(connection.get()) == CONNECTION_OK ? "" : PQerrorMessage(connection.get());
}

}  // namespace pgkeel::test
