// See session.hpp.
#include "chaos/accuracy/session.hpp"

#include <chrono>
#include <stdexcept>
#include <string_view>

namespace pgkeel::chaos {
namespace {

// What is left when only some are kept for the superuser, and when none is.
constexpr std::string_view kReserved = "remaining connection slots are reserved";
constexpr std::string_view kTooMany = "too many clients";
constexpr std::size_t kSessionsMax = 200;  // more than any server here has room for
constexpr std::chrono::milliseconds kTryEvery{20};

using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

bool is_good(const PGresult* answer) {
  const auto status = PQresultStatus(answer);
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

}  // namespace

Session::Session(const std::string& conninfo)
    : connection_(
          PQconnectdb(
              (conninfo + " connect_timeout=10 options='-c client_min_messages=warning'").c_str()),
          &PQfinish) {
  if (!stands()) throw std::runtime_error(PQerrorMessage(connection_.get()));
}

std::string Session::run(const std::string& sql) {
  const Answer answer(PQexec(connection_.get(), sql.c_str()), &PQclear);
  if (!is_good(answer.get()))
    throw std::runtime_error(sql.substr(0, 200) + ": " + PQerrorMessage(connection_.get()));
  if (PQntuples(answer.get()) == 0 || PQnfields(answer.get()) == 0) return {};
  return PQgetvalue(answer.get(), 0, 0);
}

bool Session::try_run(const std::string& sql) {
  const Answer answer(PQexec(connection_.get(), sql.c_str()), &PQclear);
  return is_good(answer.get());
}

void Session::send(const std::string& sql) {
  if (PQsendQuery(connection_.get(), sql.c_str()) == 1 && PQflush(connection_.get()) == 0) return;
  throw std::runtime_error(sql + ": " + PQerrorMessage(connection_.get()));
}

Crowd::Crowd(std::string conninfo)
    : conninfo_(std::move(conninfo) + " connect_timeout=10"), thread_([this] { run(); }) {}

Crowd::~Crowd() {
  stop_ = true;
  thread_.join();
}

void Crowd::run() {
  while (!stop_) {
    std::unique_ptr<PGconn, decltype(&PQfinish)> session(PQconnectdb(conninfo_.c_str()), &PQfinish);
    if (PQstatus(session.get()) == CONNECTION_OK && sessions_.size() < kSessionsMax) {
      sessions_.push_back(std::move(session));
      continue;
    }
    const std::string_view words = PQerrorMessage(session.get());
    if (words.contains(kReserved) || words.contains(kTooMany)) refused_ = true;
    std::this_thread::sleep_for(kTryEvery);
  }
}

}  // namespace pgkeel::chaos
