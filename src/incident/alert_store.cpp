// See alert_store.hpp.
#include "incident/alert_store.hpp"

#include <algorithm>

#include "incident/store_connection.hpp"

namespace pgkeel::incident {
namespace {

Result<std::int64_t> number_of(Result<Statement> query) {
  TRY(number, collect_one(std::move(query), [](const Statement& row) { return row.integer(0); }));
  return number.value_or(0);
}

Result<bool> is_over_full(Database& db) {
  TRY(count, number_of(db.query("SELECT count(*) FROM alerts")));
  TRY(bytes, number_of(db.query("SELECT coalesce(sum(length(content)), 0) FROM alerts")));
  return count > kSpooledMax || bytes > kSpooledBytesMax;
}

// Remembers for whom, so that the channel's next message says it.
Result<void> drop_least(Database& db) {
  TRY(victim, collect_one(db.query("DELETE FROM alerts WHERE id = (SELECT id FROM alerts "
                                   "ORDER BY worth, id LIMIT 1) RETURNING channel"),
                          [](const Statement& row) { return row.text(0); }));
  TRY_VOID(
      db.run("INSERT INTO alerts_dropped VALUES (?, 1) ON CONFLICT (channel) "
             "DO UPDATE SET count = count + 1",
             victim.value_or("")));
  return {};
}

Result<void> write_rows(Database& db, const AlertWrite& change) {
  for (const auto& message : change.messages)
    TRY_VOID(db.run("INSERT INTO alerts (channel, worth, at, content) VALUES (?,?,?,?)",
                    message.channel, static_cast<int>(message.worth), message.at, message.content));
  for (const auto& [incident, state] : change.said)
    TRY_VOID(
        db.run("INSERT INTO alerts_said VALUES (?1, ?2) ON CONFLICT (incident) "
               "DO UPDATE SET state = ?2",
               incident, state));
  for (const auto& incident : change.over)
    TRY_VOID(db.run("DELETE FROM alerts_said WHERE incident = ?", incident));
  return {};
}

}  // namespace

Result<std::int64_t> AlertStore::write(const AlertWrite& change) {
  return store_->connection().write("alerts.write", [&](Database& db) -> Result<std::int64_t> {
    TRY_VOID(write_rows(db, change));
    std::int64_t dropped = 0;
    while (true) {
      TRY(over_full, is_over_full(db));
      if (!over_full) return dropped;
      TRY_VOID(drop_least(db));
      ++dropped;
    }
  });
}

Result<std::optional<SpooledAlert>> AlertStore::next(std::string_view channel) const {
  const auto held = store_->connection().hold();
  return collect_one(held.db.query("SELECT id, worth, at, content FROM alerts WHERE channel = ? "
                                   "ORDER BY id LIMIT 1",
                                   channel),
                     [channel](const Statement& row) {
                       const auto worth = std::clamp<std::int64_t>(row.integer(1), 0, 3);
                       return SpooledAlert{row.integer(0), std::string(channel),
                                           static_cast<AlertWorth>(worth), row.time(2),
                                           row.text(3)};
                     });
}

Result<void> AlertStore::remove(const SpooledAlert& message) {
  return store_->connection().write("alerts.remove", [&](Database& db) -> Result<void> {
    TRY_VOID(db.run("DELETE FROM alerts WHERE id = ?", message.id));
    TRY_VOID(db.run("DELETE FROM alerts_dropped WHERE channel = ?", message.channel));
    return {};
  });
}

Result<SpoolDepth> AlertStore::depth(std::string_view channel) const {
  const auto held = store_->connection().hold();
  SpoolDepth depth;
  TRY(found,
      collect_one(held.db.query("SELECT count(*), min(at) FROM alerts WHERE channel = ?", channel),
                  [](const Statement& row) {
                    return SpoolDepth{row.integer(0), 0, row.optional_time(1)};
                  }));
  if (found) depth = *found;
  TRY(dropped,
      number_of(held.db.query("SELECT count FROM alerts_dropped WHERE channel = ?", channel)));
  depth.dropped = dropped;
  return depth;
}

Result<std::map<std::string, std::string>> AlertStore::said() const {
  const auto held = store_->connection().hold();
  TRY(rows, collect(held.db.query("SELECT incident, state FROM alerts_said"),
                    [](const Statement& row) { return std::pair(row.text(0), row.text(1)); }));
  return std::map<std::string, std::string>(rows.begin(), rows.end());
}

Result<std::int64_t> AlertStore::keep_only(const std::vector<std::string>& channels) {
  return store_->connection().write("alerts.keep", [&](Database& db) -> Result<std::int64_t> {
    TRY(present, collect(db.query("SELECT DISTINCT channel FROM alerts"),
                         [](const Statement& row) { return row.text(0); }));
    std::int64_t gone = 0;
    for (const auto& channel : present) {
      if (std::ranges::find(channels, channel) != channels.end()) continue;
      TRY(count, db.run("DELETE FROM alerts WHERE channel = ?", channel));
      gone += count;
    }
    return gone;
  });
}

}  // namespace pgkeel::incident
