// The ring of probe results. Probes arrive several times a second and are worth little while all is
// well, so they are kept in memory and written together, into a file of its own: its commits wait
// for no disk, and whatever a power cut or a defect does to it cannot touch the journal. When a
// probe fails it is written at once with all before it: what led to a crash is then on record.
#include <set>

#include "base/check.hpp"
#include "incident/redact.hpp"
#include "incident/store_connection.hpp"
#include "incident/text.hpp"

namespace pgkeel::incident {
namespace {

// At a few probes a second: one write every ten seconds or so, at most ten seconds lost by a crash.
constexpr std::size_t kUnwrittenProbesMax = 64;
constexpr auto kUnwrittenFor = Seconds(10);
constexpr std::size_t kNoteBytesMax = 1024;
// When the ring's disk refuses writes, memory holds this many; older ones are dropped.
constexpr std::size_t kProbesHeldMax = 1024;

bool is_due(const Store::Connection& connection) {
  const auto& unwritten = connection.unwritten_probes;
  if (unwritten.empty()) return false;
  const auto& newest = unwritten.back();
  const auto age = newest.at - unwritten.front().at;
  return !newest.ok || connection.last_probe_failed || unwritten.size() >= kUnwrittenProbesMax ||
         age >= kUnwrittenFor || age < Seconds(0);  // below zero: the clock was set back
}

}  // namespace

Result<void> flush_probes(Store::Connection& connection) {
  if (connection.unwritten_probes.empty()) return {};
  CHECK(connection.probes != nullptr);
  auto& db = *connection.probes;
  TRY(transaction, Transaction::begin(db));
  std::set<std::string_view> kinds;
  for (const auto& probe : connection.unwritten_probes) {
    kinds.insert(probe.probe);
    TRY_VOID(db.run("INSERT INTO probes (probe, at, ok, took_ms, note) VALUES (?,?,?,?,?)",
                    probe.probe, probe.at, probe.ok ? 1 : 0, probe.took, probe.note));
  }
  for (const auto kind : kinds)
    TRY_VOID(
        db.run("DELETE FROM probes WHERE probe = ?1 AND id <= (SELECT id FROM probes "
               "WHERE probe = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
               kind, kProbesKept));
  TRY_VOID(transaction.commit());
  connection.unwritten_probes.clear();
  return {};
}

Result<void> Journal::record_probe(const ProbeRecord& probe) {
  auto& connection = store_->connection();
  const auto held = connection.hold();
  if (!connection.lock)
    return fail(ErrorCode::WrongState, "the state was opened for reading, probes are not recorded");
  auto& unwritten = connection.unwritten_probes;
  unwritten.push_back(probe);
  unwritten.back().note = redact(valid_utf8(std::string_view(probe.note).substr(0, kNoteBytesMax)));
  const bool due = is_due(connection);
  connection.last_probe_failed = !probe.ok;
  if (!due) return {};
  auto flushed = flush_probes(connection);
  if (!flushed && unwritten.size() > kProbesHeldMax)
    unwritten.erase(unwritten.begin(), unwritten.begin() + kProbesHeldMax / 2);
  return flushed;
}

Result<std::vector<ProbeRecord>> Journal::probes(std::string_view probe, std::size_t most) const {
  auto& connection = store_->connection();
  const auto held = connection.hold();
  if (connection.probes == nullptr) return std::vector<ProbeRecord>();
  TRY_VOID(flush_probes(connection));
  return collect(connection.probes->query("SELECT at, probe, ok, took_ms, note FROM probes "
                                          "WHERE probe = ? ORDER BY id DESC LIMIT ?",
                                          probe, most),
                 [](const Statement& row) {
                   return ProbeRecord{row.time(0), row.text(1), row.integer(2) != 0,
                                      Millis(row.integer(3)), row.text(4)};
                 });
}

}  // namespace pgkeel::incident
