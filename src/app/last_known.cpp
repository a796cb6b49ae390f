// From the store's values to the shapes the screens know.
#include "app/last_known.hpp"

#include <array>

#include "incident/journal.hpp"
#include "incident/json.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"

namespace pgkeel::app {
namespace {

constexpr auto kProbes =
    std::to_array<std::string_view>({"process", "login", "write", "files", "catalog"});

Json identity_json(const std::optional<incident::Identity>& identity) {
  if (!identity) return nullptr;
  return {{"system_identifier", to_string(identity->system_id)},
          {"timeline", identity->timeline.value},
          {"major", identity->major},
          {"last_lsn", to_string(identity->last_lsn)},
          {"data_dir", identity->data_dir},
          {"seen_at", to_iso8601(identity->seen_at)}};
}

Result<Json> last_probes(const incident::Journal& journal) {
  Json list = Json::array();
  for (const auto name : kProbes) {
    TRY(probes, journal.probes(name, 1));
    if (probes.empty()) continue;
    const auto& probe = probes.front();
    list.push_back({{"name", name},
                    {"ok", probe.ok},
                    {"at", to_iso8601(probe.at)},
                    {"took_ms", probe.took.count()},
                    {"note", probe.note}});
  }
  return list;
}

}  // namespace

Result<Json> read_last_known(const Config& config) {
  TRY(store, incident::Store::open_read_only(config.state_dir));
  const incident::Ledger ledger(*store);
  const incident::Journal journal(*store);
  TRY(identity, ledger.identity());
  TRY(stop, ledger.fact("intended_stop"));
  TRY(paused, ledger.fact("paused_until"));
  TRY(unfinished, journal.unfinished());
  TRY(probes, last_probes(journal));
  Json open = Json::array();
  for (const auto& incident : unfinished) open.push_back(incident::line_to_json(incident));
  return Json{{"identity", identity_json(identity)},
              {"intended_stop", stop},
              {"paused_until", paused},
              {"incidents", {{"open", std::move(open)}}},
              {"probes", std::move(probes)}};
}

Result<void> require_journal(const Config& config) {
  TRY_VOID(incident::Store::open_read_only(config.state_dir));
  return {};
}

Result<Json> read_incidents(const Config& config, std::size_t most) {
  TRY(store, incident::Store::open_read_only(config.state_dir));
  TRY(incidents, incident::Journal(*store).list(most));
  Json list = Json::array();
  for (const auto& incident : incidents) list.push_back(incident::line_to_json(incident));
  return list;
}

Result<Json> read_incident(const Config& config, std::string_view id) {
  TRY(store, incident::Store::open_read_only(config.state_dir));
  TRY(incident, incident::Journal(*store).load(id));
  return incident::to_json(incident);
}

}  // namespace pgkeel::app
