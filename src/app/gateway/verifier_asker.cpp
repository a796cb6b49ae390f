// See verifier_asker.hpp.
#include "app/gateway/verifier_asker.hpp"

#include <utility>

namespace pgkeel::app {
namespace {

constexpr Millis kAskPatience{3000};
constexpr const char* kApplication = "pgkeel_gateway";

// What pg_authid has, for who may log in now.
constexpr const char* kVerifier =
    "select rolpassword from pg_catalog.pg_authid where rolname = $1 and rolcanlogin"
    " and rolpassword is not null"
    " and (rolvaliduntil is null or rolvaliduntil > pg_catalog.now())";

}  // namespace

runtime::Task<VerifierAsker::Stored> VerifierAsker::ask(ServerTarget target, std::string user) {
  const auto until = loop_.after(2 * kAskPatience);
  while (asking_) {
    const auto turn = co_await free_.wait_until(until);
    if (!turn) co_return fail(ErrorCode::TimedOut, "others are asking the server who may log in");
  }
  asking_ = true;
  const bool fresh = !session_;
  auto answer = co_await ask_once(&target, &user);
  if (!answer && !fresh) {  // a session that was open may have ended long ago unnoticed
    session_.reset();
    answer = co_await ask_once(&target, &user);
  }
  if (!answer) session_.reset();
  asking_ = false;
  free_.notify_all();
  co_return answer;
}

runtime::Task<VerifierAsker::Stored> VerifierAsker::ask_once(const ServerTarget* target,
                                                             const std::string* user) {
  if (!session_) {
    client::ConnectOptions options;
    options.deadline = loop_.after(kAskPatience);
    options.connect_as = target->connect_as;
    options.application_name = kApplication;
    options.settings = {{"search_path", "pg_catalog"}};
    auto opened = co_await client::Connection::open(loop_, target->conninfo, std::move(options));
    if (!opened) co_return fail(opened.error().error);
    session_.emplace(std::move(*opened));
  }
  const auto rows = co_await session_->query(kVerifier, {*user}, loop_.after(kAskPatience));
  // A name that is no text of the server's is nobody's; the session is as good as before.
  if (!rows && rows.error().error.sqlstate.starts_with("22")) co_return std::nullopt;
  if (!rows) co_return fail(rows.error().error);
  if (rows->empty()) co_return std::nullopt;
  const auto stored = rows->text(0, 0);
  co_return stored ? std::optional<std::string>(*stored) : std::nullopt;
}

}  // namespace pgkeel::app
