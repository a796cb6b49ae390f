// See settings.hpp.
#include "maintain/settings.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::maintain {
namespace {

using runtime::Task;

constexpr Seconds kSettingsPatience{10};
constexpr Millis kLookEvery{50};  // for a reload to reach new sessions
constexpr const char* kApplication = "pgkeel_tune";
constexpr const char* kSettings =
    "select name, setting, current_setting(name, true), context, source, pending_restart"
    " from pg_settings";
constexpr const char* kStatementsAvailable =
    "select count(*) from pg_available_extensions where name = 'pg_stat_statements'";

ServerSettings settings_in(const client::Rows& rows) {
  ServerSettings server;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Setting setting;
    setting.value = text_at(rows, row, 1);
    setting.shown = text_at(rows, row, 2);
    setting.context = text_at(rows, row, 3);
    setting.source = text_at(rows, row, 4);
    setting.pending_restart = text_at(rows, row, 5) == "t";
    server.settings.insert_or_assign(text_at(rows, row, 0), std::move(setting));
  }
  return server;
}

// A new session each time: one that is there may not have read the new files yet.
Task<Result<Setting>> look_again(const ServerAccess* access, std::string name) {
  auto connection = co_await connect(access, "", kApplication);
  if (!connection) co_return fail(connection.error());
  auto rows = co_await ask(access, &*connection, kSettings);
  if (!rows) co_return fail(rows.error());
  const auto server = settings_in(*rows);
  const auto found = server.settings.find(name);
  if (found == server.settings.end())
    co_return fail(ErrorCode::NotFound, fmt::format("the server has no setting {}", name));
  co_return found->second;
}

// What is set and not seen by a new session counts as done, and says so: it has to be taken back by
// whoever wants it back.
Task<Result<Changed>> await_effect(const ServerAccess* access, const Proposal* proposal,
                                   const Setting* before) {
  const auto until = access->loop->after(kSettingsPatience);
  Changed changed{proposal->name, before->shown, false, false, statement_back(*proposal, *before)};
  while (access->loop->now() < until) {
    auto seen = co_await look_again(access, proposal->name);
    if (!seen) co_return fail(seen.error());
    changed.now = seen->shown;
    changed.waits_for_restart = seen->pending_restart;
    changed.confirmed =
        seen->pending_restart || seen->value != before->value || seen->source != before->source;
    if (changed.confirmed) break;
    co_await access->loop->sleep_for(kLookEvery);
  }
  co_return changed;
}

Error explained(Error error, const Proposal& proposal) {
  return std::move(error).with_hint(
      fmt::format("ALTER SYSTEM needs a superuser. On a managed server set it in the provider's "
                  "panel: {} = {}",
                  proposal.name, proposal.wanted));
}

Task<Result<Changed>> change_one(const ServerAccess* access, const Proposal* proposal,
                                 const Setting* before) {
  auto connection = co_await connect(access, "", kApplication);
  if (!connection) co_return fail(connection.error());
  const auto altered = co_await ask(access, &*connection, statement_for(*proposal));
  if (!altered) co_return fail(explained(altered.error(), *proposal));
  const auto reloaded = co_await ask(access, &*connection, "select pg_reload_conf()");
  if (!reloaded) co_return fail(reloaded.error());
  auto changed = co_await await_effect(access, proposal, before);
  co_return changed;
}

}  // namespace

Task<Result<ServerSettings>> read_settings(const ServerAccess* access) {
  auto connection = co_await connect(access, "", kApplication);
  if (!connection) co_return fail(connection.error());
  auto rows = co_await ask(access, &*connection, kSettings);
  if (!rows) co_return fail(rows.error());
  auto server = settings_in(*rows);
  const auto version = co_await ask(access, &*connection, "show server_version_num");
  if (!version) co_return fail(version.error());
  server.version = static_cast<int>(version->int64(0, 0).value_or(0));
  const auto available = co_await ask(access, &*connection, kStatementsAvailable);
  server.has_statements = available && available->int64(0, 0).value_or(0) > 0;
  co_return server;
}

Task<Changes> change_settings(const ServerAccess* access, ServerSettings before,
                              std::vector<Proposal> proposals) {
  Changes changes;
  for (const auto& proposal : proposals) {
    if (proposal.kind != Proposal::Kind::Apply) continue;
    auto changed = co_await change_one(access, &proposal, &before.settings[proposal.name]);
    if (!changed) {
      changes.failure = changed.error();
      changes.failed_at = proposal.name;
      break;
    }
    changes.done.push_back(std::move(*changed));
  }
  co_return changes;
}

}  // namespace pgkeel::maintain
