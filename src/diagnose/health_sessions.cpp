// See health_sessions.hpp.
#include "diagnose/health_sessions.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::diagnose {
namespace {

using incident::Severity;
using sense::HealthSession;
using sense::XminHolder;

constexpr Seconds kWaitsLong{10};
constexpr std::size_t kWaitersTold = 4;
constexpr std::size_t kChainsTold = 3;
// Shorter ones are daily work; longer ones keep every dead row of their time.
constexpr Seconds kOpenNotable{300};
constexpr Seconds kOpenLong{3600};
constexpr std::size_t kTransactionsTold = 3;
// So many transactions a busy server makes in minutes; dead rows of all of them stay.
constexpr std::int64_t kXminOld = 1'000'000;
constexpr std::int64_t kDeadRowsMany = 10'000;
constexpr double kDeadShare = 0.2;
constexpr double kNearlyUsed = 0.8;
constexpr std::size_t kGroupsTold = 4;

std::string literal(const std::string& text) { return pg::quote_literal(text).value_or("'...'"); }

std::string seconds(Seconds duration) { return humane_duration(duration); }

std::string who(const HealthSession& session) {
  auto text = fmt::format("pid {} (", session.pid);
  text += session.user.empty() ? "hidden from this role" : "role " + session.user;
  if (!session.application.empty()) text += ", " + session.application;
  if (!session.database.empty()) text += ", " + session.database;
  return text + ")";
}

std::string doing(const HealthSession& session) {
  std::string text;
  if (!session.state.empty()) text = session.state + " for " + seconds(session.in_state_for);
  if (!session.statement.empty()) text += (text.empty() ? "" : ", ") + session.statement;
  return text.empty() ? text : ": " + text;
}

std::string link_words(const ChainLink& link) {
  if (link.session != nullptr) return who(*link.session);
  return link.pid == 0 ? std::string("a prepared transaction") : fmt::format("pid {}", link.pid);
}

std::string waiters_words(const BlockingChain& chain) {
  std::string text;
  for (std::size_t i = 1; i < std::min(chain.size(), kWaitersTold + 1); ++i) {
    const auto& link = chain[i];
    text += (i == 1 ? "" : "; ") + std::string(static_cast<std::size_t>(link.depth - 1), '>') +
            (link.depth > 1 ? " " : "") + link_words(link);
    if (link.session != nullptr && link.session->waiting_for)
      text += " for " + seconds(*link.session->waiting_for);
  }
  if (chain.size() > kWaitersTold + 1)
    text += fmt::format(" and {} more", chain.size() - kWaitersTold - 1);
  return text;
}

HealthLine chain_line(const BlockingChain& chain) {
  const auto& root = chain.front();
  HealthLine line{"locks", Severity::Info, {}, {}};
  line.text =
      fmt::format("{} holds up {}{}; waiting: {}", link_words(root), chain.size() - 1,
                  root.session == nullptr ? "" : doing(*root.session), waiters_words(chain));
  for (const auto& link : chain)
    if (link.session != nullptr && link.session->waiting_for.value_or(Seconds(0)) >= kWaitsLong)
      line.severity = Severity::Warning;
  if (root.session != nullptr)
    line.advice =
        fmt::format("end it in its application, or SELECT pg_terminate_backend({});", root.pid);
  else if (root.pid == 0)
    line.advice = "SELECT * FROM pg_prepared_xacts; then COMMIT PREPARED or ROLLBACK PREPARED";
  return line;
}

// A dump or a base backup is long by nature.
bool is_copying(const HealthSession& session) {
  return session.application.contains("pg_dump") || session.application.contains("basebackup");
}

// What keeps old row versions: one of the sessions, or one of the holders.
struct Oldest {
  std::int64_t age = 0;
  std::optional<Seconds> held_for;
  std::string what;
  std::string advice;
};

Oldest of_session(const HealthSession& session) {
  return {
      session.xmin_age, session.open_for,
      fmt::format("{}, open for {}{}", who(session),
                  seconds(session.open_for.value_or(session.in_state_for)), doing(session)),
      fmt::format("end it in its application, or SELECT pg_terminate_backend({});", session.pid)};
}

Oldest of_holder(const XminHolder& holder) {
  switch (holder.kind) {
    case XminHolder::Kind::PreparedTransaction:
      return {
          holder.xmin_age, holder.held_for,
          fmt::format("the prepared transaction {} of role {} in {}, open for {}", holder.name,
                      holder.owner, holder.database, seconds(holder.held_for.value_or(Seconds(0)))),
          fmt::format("in database {}: ROLLBACK PREPARED {}; or COMMIT PREPARED, as its "
                      "coordinator says",
                      holder.database, literal(holder.name))};
    case XminHolder::Kind::Slot:
      return {holder.xmin_age, holder.held_for,
              fmt::format("the {} replication slot {}{}", holder.owner, holder.name,
                          holder.active ? ", in use" : ", used by nobody"),
              holder.active ? std::string("let its reader catch up")
                            : fmt::format("if nobody needs it any more: SELECT "
                                          "pg_drop_replication_slot({});",
                                          literal(holder.name))};
    case XminHolder::Kind::Standby: break;
  }
  return {holder.xmin_age, holder.held_for,
          fmt::format("a query on the standby {} (hot_standby_feedback)", holder.name),
          "end that query there"};
}

Oldest oldest_of(const sense::HealthFacts& health) {
  Oldest oldest;
  const auto consider = [&oldest](Oldest candidate) {
    if (candidate.age > oldest.age) oldest = std::move(candidate);
  };
  for (const auto& session : health.sessions) consider(of_session(session));
  for (const auto& holder : health.holders) consider(of_holder(holder));
  return oldest;
}

bool is_bloated(const sense::TableHealth& table) {
  const auto all = static_cast<double>(table.live_rows + table.dead_rows);
  return table.dead_rows >= kDeadRowsMany &&
         static_cast<double>(table.dead_rows) >= kDeadShare * all;
}

std::string bloat_words(const sense::TableHealth& table) {
  const auto all = std::max<std::int64_t>(table.live_rows + table.dead_rows, 1);
  return fmt::format("{}.{}.{} has {} dead rows ({} %)", table.database, table.schema, table.name,
                     table.dead_rows, 100 * table.dead_rows / all);
}

std::string group_words(const sense::SessionGroup& group) {
  auto text =
      fmt::format("{} {} of {}", group.sessions, group.state.empty() ? "hidden" : group.state,
                  group.user.empty() ? "other roles" : group.user);
  if (!group.application.empty()) text += "/" + group.application;
  if (!group.database.empty()) text += " in " + group.database;
  return text;
}

// Those of pgkeel itself are none of the applications'.
std::string groups_words(const sense::ActivityFacts& activity) {
  std::string text;
  std::size_t told = 0;
  std::size_t more = 0;
  for (const auto& group : activity.groups) {
    if (group.application.starts_with("pgkeel")) continue;
    if (told == kGroupsTold) ++more;
    else text += (told++ == 0 ? ": " : "; ") + group_words(group);
  }
  return more == 0 ? text : text + fmt::format("; {} more kinds", more);
}

}  // namespace

void judge_locks(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  const auto chains = blocking_chains(the_case.health.sessions);
  for (std::size_t i = 0; i < std::min(chains.size(), kChainsTold); ++i)
    lines.push_back(chain_line(chains[i]));
}

void judge_transactions(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  std::vector<const HealthSession*> open;
  for (const auto& session : the_case.health.sessions)
    if (session.open_for.value_or(Seconds(0)) >= kOpenNotable) open.push_back(&session);
  std::ranges::sort(open, [](const auto* a, const auto* b) { return a->open_for > b->open_for; });
  for (std::size_t i = 0; i < std::min(open.size(), kTransactionsTold); ++i) {
    const auto& session = *open[i];
    const bool grave = *session.open_for >= kOpenLong && !is_copying(session);
    lines.push_back(
        {"transactions", grave ? Severity::Warning : Severity::Info,
         fmt::format("{} has a transaction open for {}{}", who(session), seconds(*session.open_for),
                     doing(session)),
         grave ? fmt::format("if it was forgotten: SELECT pg_terminate_backend({});", session.pid)
               : std::string()});
  }
}

void judge_vacuum(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  const auto& health = the_case.health;
  const auto oldest = oldest_of(health);
  const auto bloated = std::ranges::find_if(health.dead, is_bloated);
  const bool has_bloat = bloated != health.dead.end();
  const bool held = oldest.held_for.value_or(Seconds(0)) >= kOpenNotable;
  if (oldest.age >= kXminOld || (has_bloat && oldest.age > 0 && held)) {
    lines.push_back({"vacuum", Severity::Warning,
                     fmt::format("vacuum cannot remove rows that died in the last {} transactions, "
                                 "because of {}{}",
                                 oldest.age, oldest.what,
                                 has_bloat ? "; " + bloat_words(*bloated) : std::string()),
                     oldest.advice});
    return;
  }
  if (!has_bloat) return;
  auto text = bloat_words(*bloated);
  text += bloated->last_vacuum
              ? ", vacuumed last at " + to_iso8601(*bloated->last_vacuum).substr(0, 19) + "Z"
              : std::string(", never vacuumed since statistics began");
  lines.push_back({"vacuum", Severity::Info, std::move(text),
                   fmt::format("VACUUM {}; in database {}",
                               pg::quote_qualified(bloated->schema, bloated->name).value_or("..."),
                               bloated->database)});
}

void judge_connections(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  const auto& login = the_case.seen.login;
  if (login.ok() && login.client_connections() > 0) {
    const auto used = login.client_connections_used();
    const bool near = used >= kNearlyUsed * login.client_connections();
    lines.push_back(
        {"connections", near ? Severity::Warning : Severity::Info,
         fmt::format("{} of {} connections used{}", used, login.client_connections(),
                     groups_words(the_case.seen.activity)),
         near ? "a smaller pool in the applications, or a pooler in front" : std::string()});
  }
  for (const auto& limit : the_case.health.limits) {
    if (limit.used < kNearlyUsed * limit.limit) continue;
    const bool role = limit.of == sense::ConnectionLimit::Of::Role;
    const auto name = pg::quote_identifier(limit.name).value_or("...");
    lines.push_back({"connections", Severity::Warning,
                     fmt::format("{} {} uses {} of its own limit of {} connections",
                                 role ? "role" : "database", limit.name, limit.used, limit.limit),
                     fmt::format("ALTER {} {} CONNECTION LIMIT ...; or a smaller pool",
                                 role ? "ROLE" : "DATABASE", name)});
  }
}

}  // namespace pgkeel::diagnose
