// See commit_proof.hpp.
#include "client/commit_proof.hpp"

#include <algorithm>
#include <charconv>

#include "client/session.hpp"

namespace pgkeel::client {
namespace {

using runtime::Task;

// Between two looks at a server that is away or still busy with the transaction.
constexpr Millis kAskAgainFirst{10};
constexpr Millis kAskAgainMax{200};
constexpr Millis kAttemptMax{5'000};

// The timeline comes from the name of the WAL segment being written, because the control file's is
// that of the last checkpoint. A standby has none.
constexpr std::string_view kIdentitySql =
    "select system_identifier::text,"
    " case when pg_is_in_recovery() then '00000000'"
    "  else substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end,"
    " coalesce((select extract(epoch from stats_reset)::text from pg_stat_bgwriter), ''),"
    " pg_backend_pid()"
    " from pg_control_system()";

constexpr std::string_view kCheckpointSql =
    "select pg_is_in_recovery(), checkpoint_lsn::text, redo_lsn::text, next_xid"
    " from pg_control_checkpoint()";

// In progress, with COMMIT not even begun: its client is gone, and ending it makes the answer
// final.
constexpr std::string_view kEndOrphanSql =
    "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1"
    " and backend_xid::text::bigint = $2::bigint & 4294967295"
    " and state in ('idle in transaction', 'idle in transaction (aborted)')";

template <class Number>
Result<Number> parse(std::string_view text, int base = 10) {
  Number number{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    return fail(ErrorCode::Malformed, "a value of pg_control is not a number");
  return number;
}

DbError unreadable(const Connection& connection, Error error) {
  DbError wrapped;
  wrapped.error = std::move(error);
  wrapped.phase = Phase::BeforeSend;
  wrapped.host = connection.host();
  return wrapped;
}

std::string_view value(const Rows& rows, std::size_t column) {
  return rows.empty() ? std::string_view() : rows.text(0, column).value_or("");
}

Result<ServerIdentity> identity_from(const Rows& rows) {
  TRY(system_id, parse_system_id(value(rows, 0)));
  TRY(timeline, parse<std::uint32_t>(value(rows, 1), 16));
  return ServerIdentity{.system_id = system_id,
                        .timeline = TimelineId(timeline),
                        .crash_epoch = std::string(value(rows, 2))};
}

// "epoch:xid", as pg_control_checkpoint() shows it.
Result<Xid> parse_epoch_xid(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos)
    return fail(ErrorCode::Malformed, "next_xid of pg_control has no epoch");
  TRY(epoch, parse<std::uint32_t>(text.substr(0, colon)));
  TRY(xid, parse<std::uint32_t>(text.substr(colon + 1)));
  return Xid(static_cast<std::uint64_t>(epoch) << 32U | xid);
}

Result<ServerFacts> facts_from(const Rows& rows, ServerIdentity identity) {
  ServerFacts facts;
  facts.identity = std::move(identity);
  TRY(in_recovery, rows.boolean(0, 0));
  TRY(checkpoint, parse_lsn(value(rows, 1)));
  TRY(redo, parse_lsn(value(rows, 2)));
  TRY(next_xid, parse_epoch_xid(value(rows, 3)));
  facts.in_recovery = in_recovery;
  facts.checkpoint = checkpoint;
  facts.redo = redo;
  facts.next_xid = next_xid;
  return facts;
}

Task<DbResult<ServerFacts>> read_facts(Connection* connection, Limit limit) {
  auto identity = co_await connection->identity(limit);
  if (!identity) co_return fail(std::move(identity).error());
  const auto rows = co_await connection->query(std::string(kCheckpointSql), {}, limit);
  if (!rows) co_return fail(rows.error());
  auto facts = facts_from(*rows, *std::move(identity));
  if (!facts) co_return fail(unreadable(*connection, std::move(facts).error()));
  co_return *std::move(facts);
}

enum class XidStatus { Committed, Aborted, InProgress, TooOld };

XidStatus status_from(std::optional<std::string_view> text) {
  if (text == "committed") return XidStatus::Committed;
  if (text == "aborted") return XidStatus::Aborted;
  return text ? XidStatus::InProgress : XidStatus::TooOld;
}

Task<DbResult<XidStatus>> ask_status(Connection* connection, CommitProof proof, Limit limit) {
  const Params xid{to_string(proof.xid)};
  const auto rows = co_await connection->query("select pg_xact_status($1::text::xid8)", xid, limit);
  if (!rows) co_return fail(rows.error());
  const XidStatus status = rows->empty() ? XidStatus::TooOld : status_from(rows->text(0, 0));
  if (status != XidStatus::InProgress) co_return status;
  const Params orphan{std::to_string(proof.backend_pid), to_string(proof.xid)};
  static_cast<void>(co_await connection->query(std::string(kEndOrphanSql), orphan, limit));
  co_return status;
}

// One look at one server; nullopt: look again.
Task<std::optional<CommitVerdict>> look(Connection* connection, CommitProof proof, Limit limit) {
  const auto facts = co_await read_facts(connection, limit);
  if (!facts) co_return std::nullopt;
  switch (judge_proof(proof, *facts)) {
    case ProofStep::WrongNode: co_return std::nullopt;
    case ProofStep::NotApplied:
      co_return CommitVerdict{.outcome = Outcome::NotApplied, .reason = "the crash lost it"};
    case ProofStep::Unprovable:
      co_return CommitVerdict{.outcome = Outcome::Unknown,
                              .reason = "the server that answers is not provably the same"};
    case ProofStep::AskStatus: break;
  }
  const auto status = co_await ask_status(connection, std::move(proof), limit);
  if (!status) co_return std::nullopt;
  switch (*status) {
    case XidStatus::Committed: co_return CommitVerdict{.outcome = Outcome::Applied, .reason = ""};
    case XidStatus::Aborted: co_return CommitVerdict{.outcome = Outcome::NotApplied, .reason = ""};
    case XidStatus::TooOld:
      co_return CommitVerdict{.outcome = Outcome::Unknown,
                              .reason = "the server has forgotten so old a transaction"};
    case XidStatus::InProgress: break;
  }
  co_return std::nullopt;
}

// The same session is asked again while it lives; nullopt when it broke or the time is over.
Task<std::optional<CommitVerdict>> look_until_settled(runtime::Loop* loop, Connection* connection,
                                                      CommitProof proof, Limit limit) {
  Millis pause = kAskAgainFirst;
  while (connection->usable()) {
    auto verdict = co_await look(connection, proof, limit);
    if (verdict) co_return verdict;
    const auto slept =
        co_await loop->sleep_until(std::min(limit.deadline, loop->after(pause)), limit.stop);
    if (!slept || loop->now() >= limit.deadline) break;
    pause = std::min(pause * 2, kAskAgainMax);
  }
  co_return std::nullopt;
}

ConnectOptions options_for(runtime::Loop& loop, const Limit& limit) {
  ConnectOptions options;
  options.deadline = std::min(limit.deadline, loop.after(kAttemptMax));
  options.stop = limit.stop;
  options.application_name = "pgkeel commit proof";
  return options;
}

}  // namespace

ProofStep judge_proof(const CommitProof& proof, const ServerFacts& facts) {
  if (facts.identity.system_id != proof.server.system_id) return ProofStep::Unprovable;
  if (facts.in_recovery || !facts.identity.timeline.valid()) return ProofStep::WrongNode;
  if (facts.identity.timeline != proof.server.timeline) return ProofStep::Unprovable;
  if (facts.identity.crash_epoch.empty()) return ProofStep::Unprovable;
  if (facts.identity.crash_epoch == proof.server.crash_epoch) return ProofStep::AskStatus;
  // A crash. Only its own checkpoint still tells which ids had survived it.
  if (facts.redo != facts.checkpoint) return ProofStep::Unprovable;
  return proof.xid < facts.next_xid ? ProofStep::AskStatus : ProofStep::NotApplied;
}

Task<DbResult<ServerIdentity>> Connection::identity(Limit limit) {
  if (session_->identity) co_return *session_->identity;
  if (session_->identity_refused)
    co_return fail(
        unreadable(*this, Error(ErrorCode::NotSupported, "the server does not tell its identity")));
  const auto rows = co_await query(std::string(kIdentitySql), {}, std::move(limit));
  if (!rows) {
    session_->identity_refused = rows.error().error.code == ErrorCode::Query;
    co_return fail(rows.error());
  }
  auto identity = identity_from(*rows);
  if (!identity) co_return fail(unreadable(*this, std::move(identity).error()));
  session_->identity_backend = static_cast<pid_t>(rows->int64(0, 3).value_or(0));
  // A standby may be promoted under the session; only a primary's identity is constant.
  if (identity->timeline.valid()) session_->identity = *identity;
  co_return *std::move(identity);
}

Task<CommitVerdict> resolve_commit(runtime::Loop* loop, pg::Conninfo conninfo, CommitProof proof,
                                   Limit limit) {
  // Several hosts: only a primary can answer, and libpq finds it.
  if (conninfo.hosts().size() > 1) conninfo.options["target_session_attrs"] = "primary";
  Millis pause = kAskAgainFirst;
  std::string reason = "the server did not come back in time";
  while (loop->now() < limit.deadline) {
    auto connection = co_await Connection::open(*loop, conninfo, options_for(*loop, limit));
    if (connection) {
      auto verdict = co_await look_until_settled(loop, &*connection, proof, limit);
      if (verdict) co_return *std::move(verdict);
      reason = "the server did not settle the transaction in time";
    }
    const auto slept =
        co_await loop->sleep_until(std::min(limit.deadline, loop->after(pause)), limit.stop);
    if (!slept) break;
    pause = std::min(pause * 2, kAskAgainMax);
  }
  co_return CommitVerdict{.outcome = Outcome::Unknown, .reason = std::move(reason)};
}

}  // namespace pgkeel::client
