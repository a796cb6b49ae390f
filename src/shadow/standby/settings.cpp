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
  return {{"hot_standby", "on"},
          {"primary_conninfo",
           fmt::format("host='{}' user={} application_name={}", relay_directory.string(),
                       application_name, application_name)},
          {"restore_command", ""},
          {"recovery_target_timeline", "latest"},
          {"recovery_target", ""},
          {"wal_retrieve_retry_interval", "500ms"},
          {"max_connections", at_least(control.max_connections, kConnectionsMin)},
          {"max_worker_processes", at_least(control.max_worker_processes, 8)},
          {"max_wal_senders", at_least(control.max_wal_senders, 0)},
          {"max_prepared_transactions", at_least(control.max_prepared_transactions, 64)},
          {"max_locks_per_transaction", at_least(control.max_locks_per_transaction, 64)},
          {"max_standby_streaming_delay", "30s"},
          {"hot_standby_feedback", "off"},
          {"checkpoint_timeout", "60s"}};  // restarts replay from the last restartpoint
}

}  // namespace pgkeel::shadow
