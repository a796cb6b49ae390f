// See session.hpp. Which notices mean what is read from SQLSTATE, the non-localized severity and
// the name of the server's function, never from the text, which follows lc_messages.
#include "client/session.hpp"

#include <poll.h>

namespace pgkeel::client {
namespace {

// The function of the server whose warnings say "already committed locally" (syncrep.c).
constexpr std::string_view kSyncRepFunction = "SyncRepWaitForLSN";

void receive_notice(void* session, const PGresult* notice) {
  static_cast<Session*>(session)->note(notice);
}

bool ends_session(std::string_view severity, std::string_view sqlstate) {
  if (severity == "FATAL" || severity == "PANIC") return true;
  // quickdie() says goodbye with a WARNING when another process of the server crashed.
  return sqlstate == pg::sqlstate::kAdminShutdown || sqlstate == pg::sqlstate::kCrashShutdown;
}

}  // namespace

Session::Session(runtime::Loop& on, ConnectionPtr connection, std::string label)
    : loop(&on), pq(std::move(connection)), host(std::move(label)) {}

void Session::listen_for_notices() { PQsetNoticeReceiver(pq.get(), receive_notice, this); }

void Session::note(const PGresult* notice) {
  const std::string_view severity = diagnostic(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  const std::string_view sqlstate = diagnostic(notice, PG_DIAG_SQLSTATE);
  if (ends_session(severity, sqlstate) && farewell.empty()) farewell = sqlstate;
  if (diagnostic(notice, PG_DIAG_SOURCE_FUNCTION) == kSyncRepFunction) committed_locally = true;
  if (notices.size() == kNoticesMax) notices.pop_front();
  notices.push_back({.severity = std::string(severity),
                     .sqlstate = std::string(sqlstate),
                     .message = std::string(
                         diagnostic(notice, PG_DIAG_MESSAGE_PRIMARY).substr(0, kNoticeBytesMax))});
}

bool Session::absorb_input() {
  if (pq == nullptr) return false;
  pollfd wait{.fd = PQsocket(pq.get()), .events = POLLIN, .revents = 0};
  if (wait.fd < 0) return false;
  if (::poll(&wait, 1, 0) <= 0) return PQstatus(pq.get()) == CONNECTION_OK;
  const bool alive = PQconsumeInput(pq.get()) == 1;
  static_cast<void>(PQisBusy(pq.get()));  // parses, so that a FATAL reaches note()
  return alive && PQstatus(pq.get()) == CONNECTION_OK && farewell.empty();
}

}  // namespace pgkeel::client
