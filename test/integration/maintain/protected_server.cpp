// See protected_server.hpp.
#include "integration/maintain/protected_server.hpp"

#include <sstream>
#include <stdexcept>

namespace pgkeel::test {

Psql::Psql(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str()), &PQfinish) {
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

std::string Psql::state_of(const std::string& sql) {
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection_.get(), sql.c_str()),
                                                             &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
    said_.clear();
    if (PQntuples(result.get()) > 0) said_ = PQgetvalue(result.get(), 0, 0);
    return "";
  }
  said_ = PQresultErrorMessage(result.get());
  const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  return state == nullptr ? "lost" : state;
}

std::string Psql::operator()(const std::string& sql) {
  const auto state = state_of(sql);
  if (!state.empty()) throw std::runtime_error(state + ": " + said_ + " in " + sql);
  return said_;
}

void ProtectedServer::SetUp() {
  EveryMajor::SetUp();
  if (IsSkipped()) return;
  auto wanted = options();
  wanted.settings = {{"wal_level", "logical"}, {"log_min_messages", "panic"}};
  server_ = std::make_unique<PostgresServer>(wanted);
  server_->query("create role app login");
  server_->query("create database shop owner app");
  access_ = {&loop_, pg::parse_conninfo(server_->conninfo("shop")).value(), {}};
}

void ProtectedServer::switch_on(const std::string& database) {
  const auto now = run(maintain::protect(&access_, database, "a test"));
  if (!now) throw std::runtime_error(now.error().message());
  EXPECT_EQ(now->state, maintain::Protection::State::On);
}

void ProtectedServer::switch_off() {
  const auto now = run(maintain::unprotect(&access_, "shop"));
  if (!now) throw std::runtime_error(now.error().message());
  EXPECT_EQ(now->state, maintain::Protection::State::Off);
}

Psql ProtectedServer::as(const std::string& role, const std::string& more) const {
  return Psql("host=127.0.0.1 port=" + std::to_string(server_->port()) + " user=" + role +
              " dbname=shop sslmode=disable " + more);
}

int ProtectedServer::told(const std::string& first, const std::string& second) const {
  std::istringstream log(server_->log());
  std::string line;
  int count = 0;
  while (std::getline(log, line))
    if (line.find("pgkeel-ddl 1 {") != std::string::npos && line.find(first) != std::string::npos &&
        line.find(second) != std::string::npos)
      ++count;
  return count;
}

}  // namespace pgkeel::test
