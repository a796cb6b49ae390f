// See protection.hpp.
#include "maintain/protection.hpp"

#include <charconv>

#include <fmt/format.h>

#include "maintain/protection_sql.hpp"

namespace pgkeel::maintain {
namespace {

using client::Connection;
using runtime::Task;
using State = Protection::State;

constexpr const char* kApplication = "pgkeel_protect";
constexpr const char* kDatabases =
    "select datname from pg_database where datallowconn and not datistemplate order by datname";
constexpr const char* kInRecovery = "select pg_is_in_recovery()";
constexpr std::size_t kWhoMax = 200;  // it is shown with each refusal

int version_in(std::string_view text) {
  int version = 0;
  std::from_chars(text.data(), text.data() + text.size(), version);
  return version;
}

State state_of(const client::Rows& rows) {
  const auto version = version_in(text_at(rows, 0, 0));
  const bool schema = text_at(rows, 0, 1) == "t";
  const auto triggers = rows.int64(0, 2).value_or(0);
  if (!schema) return State::Off;
  if (version == 0) return State::Foreign;
  // Who owns the schema writes its comment, too: no version is believed from anybody else.
  if (text_at(rows, 0, 6) != "t") return State::Damaged;
  if (version > kProtectionVersion) return State::Newer;
  if (triggers != static_cast<std::int64_t>(protection_triggers())) return State::Damaged;
  return version < kProtectionVersion ? State::Older : State::On;
}

std::string epoch_of(WallTime time) {
  return std::to_string(std::chrono::floor<Seconds>(time.time_since_epoch()).count());
}

Error not_superuser(const std::string& database) {
  return Error(ErrorCode::NotSupported,
               fmt::format("nothing can be installed in {}: only a superuser may make event "
                           "triggers, and this role is none",
                           database))
      .with_hint(
          "On a managed server no role is. What helps there: an application whose role owns "
          "nothing, which 'pgkeel protect' shows, and the provider's own backups.");
}

std::optional<Error> objection(const Protection& found) {
  if (found.state == State::Foreign)
    return Error(ErrorCode::WrongState,
                 fmt::format("{} has a schema pgkeel that pgkeel did not make", found.database))
        .with_hint("Rename that schema, or leave this database out with --database.");
  if (found.state == State::Newer)
    return Error(ErrorCode::WrongState,
                 fmt::format("a newer pgkeel protects {} already", found.database))
        .with_hint("Use that pgkeel, or a newer one.");
  if (!found.superuser) return not_superuser(found.database);
  return std::nullopt;
}

Task<Result<void>> require_primary(const ServerAccess* access, Connection* session) {
  const auto rows = co_await ask(access, session, kInRecovery);
  if (!rows) co_return fail(rows.error());
  if (text_at(*rows, 0, 0) != "t") co_return Result<void>();
  co_return fail(
      Error(ErrorCode::WrongState, "this server is a standby, which takes no changes")
          .with_hint("Run it on the primary: what is installed there comes with replication."));
}

// A session, and what stands there, where it may be changed.
struct Opened {
  Connection session;
  Protection found;
};

Task<Result<Opened>> open_for_change(const ServerAccess* access, std::string database) {
  auto session = co_await connect(access, database, kApplication);
  if (!session) co_return fail(session.error());
  const auto primary = co_await require_primary(access, &*session);
  if (!primary) co_return fail(primary.error());
  auto found = co_await look_at_protection_on(access, &*session, std::move(database));
  if (!found) co_return fail(found.error());
  if (auto why = objection(*found)) co_return fail(std::move(*why));
  co_return Opened{std::move(*session), std::move(*found)};
}

Task<Result<Protection>> change(const ServerAccess* access, Opened* opened, std::string sql) {
  const auto done = co_await run_script(access, &opened->session, std::move(sql));
  if (!done) co_return fail(done.error());
  auto now = co_await look_at_protection_on(access, &opened->session, opened->found.database);
  co_return now;
}

Error not_protected(const std::string& database, std::string_view so) {
  return Error(ErrorCode::WrongState, fmt::format("{} is not protected: {}", database, so))
      .with_hint("'pgkeel protect --apply' switches it on.");
}

ProtectionNote note_of(const Protection& found, std::string who) {
  if (who.size() > kWhoMax) who.resize(kWhoMax);
  ProtectionNote note{fmt::format("set up by {} on {} UTC with 'pgkeel protect --apply'", who,
                                  to_iso8601(wall_now()).replace(10, 1, " ").substr(0, 16))};
  if (found.window_until) note.window_until = epoch_of(*found.window_until);
  note.window_by = found.window_by;
  return note;
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::Off: return "off";
    case State::On: return "on";
    case State::Older: return "older";
    case State::Damaged: return "damaged";
    case State::Newer: return "newer";
    case State::Foreign: break;
  }
  return "foreign";
}

bool refuses(const Protection& protection, WallTime now) {
  const bool works = protection.state == State::On || protection.state == State::Older ||
                     protection.state == State::Newer;
  return works && (!protection.window_until || *protection.window_until <= now);
}

Task<Result<std::vector<std::string>>> list_databases(const ServerAccess* access) {
  auto session = co_await connect(access, "", kApplication);
  if (!session) co_return fail(session.error());
  const auto rows = co_await ask(access, &*session, kDatabases);
  if (!rows) co_return fail(rows.error());
  std::vector<std::string> names;
  for (std::size_t row = 0; row < rows->size(); ++row) names.push_back(text_at(*rows, row, 0));
  co_return names;
}

Task<Result<Protection>> look_at_protection_on(const ServerAccess* access, Connection* session,
                                               std::string database) {
  const auto rows = co_await ask(access, session, std::string(kProtectionState));
  if (!rows) co_return fail(rows.error());
  Protection found;
  found.database = std::move(database);
  if (rows->size() != 1) co_return fail(ErrorCode::Query, "the catalog gave no row");
  found.state = state_of(*rows);
  found.set_up = text_at(*rows, 0, 3);
  if (const auto until = rows->int64(0, 4))
    found.window_until = WallTime(std::chrono::duration_cast<WallTime::duration>(Seconds(*until)));
  found.window_by = text_at(*rows, 0, 5);
  found.superuser = text_at(*rows, 0, 7) == "t";
  co_return found;
}

Task<Result<Protection>> look_at_protection(const ServerAccess* access, std::string database) {
  auto session = co_await connect(access, database, kApplication);
  if (!session) co_return fail(session.error());
  auto found = co_await look_at_protection_on(access, &*session, std::move(database));
  co_return found;
}

Task<Result<Protection>> protect(const ServerAccess* access, std::string database,
                                 std::string who) {
  auto opened = co_await open_for_change(access, std::move(database));
  if (!opened) co_return fail(opened.error());
  if (opened->found.state == State::On) co_return opened->found;
  const auto sql = install_statements(note_of(opened->found, std::move(who)));
  if (!sql) co_return fail(sql.error());
  auto now = co_await change(access, &*opened, *sql);
  co_return now;
}

Task<Result<Protection>> unprotect(const ServerAccess* access, std::string database) {
  auto opened = co_await open_for_change(access, std::move(database));
  if (!opened) co_return fail(opened.error());
  if (opened->found.state == State::Off) co_return opened->found;
  auto now = co_await change(access, &*opened, remove_statements());
  co_return now;
}

Task<Result<Protection>> set_window(const ServerAccess* access, std::string database,
                                    std::optional<WallTime> until, std::string who) {
  auto opened = co_await open_for_change(access, std::move(database));
  if (!opened) co_return fail(opened.error());
  if (opened->found.state == State::Off)
    co_return fail(not_protected(opened->found.database, "nothing is refused in it"));
  if (who.size() > kWhoMax) who.resize(kWhoMax);
  const auto sql = window_statements(until ? epoch_of(*until) : "", until ? who : "");
  if (!sql) co_return fail(sql.error());
  auto now = co_await change(access, &*opened, *sql);
  co_return now;
}

Task<Result<Protection>> grant_gateway(const ServerAccess* access, std::string database,
                                       GatewayRoles roles) {
  auto opened = co_await open_for_change(access, std::move(database));
  if (!opened) co_return fail(opened.error());
  if (opened->found.state != State::On)
    co_return fail(not_protected(opened->found.database,
                                 "the function that the gateway asks is not there, or not whole"));
  auto now = co_await change(access, &*opened, grant_gateway_statements(roles));
  co_return now;
}

Task<Result<Protection>> revoke_gateway(const ServerAccess* access, std::string database) {
  auto opened = co_await open_for_change(access, std::move(database));
  if (!opened) co_return fail(opened.error());
  if (opened->found.state == State::Off) co_return opened->found;
  auto now = co_await change(access, &*opened, revoke_gateway_statements());
  co_return now;
}

}  // namespace pgkeel::maintain
