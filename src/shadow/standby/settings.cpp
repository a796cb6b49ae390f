// See settings.hpp.
#include "shadow/standby/settings.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::shadow {

archive::Settings standby_settings(const pg::ControlFile& control,
                                   const std::filesystem::path& relay_directory,
                                   std::string_view application_name) {
  constexpr int kConnectionsMin = 20;
  const auto at_least = [](int wanted, int least) {
    return std::to_string(std::max(wanted, least));
  };
  archive::Settings settings = {
      {"hot_standby", "on"},
      {"primary_conninfo",
       fmt::format("host='{}' user={} application_name={}", relay_directory.string(),
                   application_name, application_name)},
      {"restore_command", ""},
      {"recovery_target_timeline", "latest"},
      {"wal_retrieve_retry_interval", "1s"},
      {"max_connections", at_least(control.max_connections, kConnectionsMin)},
      {"max_worker_processes", at_least(control.max_worker_processes, 8)},
      {"max_wal_senders", at_least(control.max_wal_senders, 0)},
      {"max_prepared_transactions", at_least(control.max_prepared_transactions, 64)},
      {"max_locks_per_transaction", at_least(control.max_locks_per_transaction, 64)},
      {"max_standby_streaming_delay", "30s"},
      {"hot_standby_feedback", "off"},
      {"checkpoint_timeout", "60s"},  // restarts replay from the last restartpoint
      {"max_wal_size", "256MB"},
      {"min_wal_size", "80MB"}};
  // What an earlier restore may have left, and what would hold it back or let it go by itself.
  for (const auto* target : {"recovery_target_time", "recovery_target_lsn", "recovery_target_xid",
                             "recovery_target_name", "recovery_target"})
    settings.emplace_back(target, "");
  settings.emplace_back("recovery_target_action", "pause");
  settings.emplace_back("recovery_min_apply_delay", "0");
  settings.emplace_back("wal_receiver_create_temp_slot", "off");
  settings.emplace_back("wal_keep_size", "0");
  constexpr int kNoTriggerFile = 16;
  constexpr int kNoStatsFiles = 15;
  if (control.major < kNoTriggerFile) settings.emplace_back("promote_trigger_file", "");
  if (control.major < kNoStatsFiles) settings.emplace_back("stats_temp_directory", "pg_stat_tmp");
  return settings;
}

}  // namespace pgkeel::shadow
