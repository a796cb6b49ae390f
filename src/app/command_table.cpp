// Commands in the order of `pgkeel --help`. A new command is one file in commands/, one line in
// commands.hpp and one here.
#include "app/command_table.hpp"

#include "app/commands/commands.hpp"

namespace pgkeel::app {

CommandTable command_table() {
  return {
      .commands =
          {
              guard_command(),
              receive_command(),
              gateway_command(),
              shadow_command(),
              status_command(),
              doctor_command(),
              pause_command(),
              resume_command(),
              incident_list_command(),
              incident_show_command(),
              incident_report_command(),
              incident_ack_command(),
              incident_abandon_command(),
              incident_resume_command(),
              incident_replay_command(),
              backup_now_command(),
              backup_list_command(),
              backup_copy_command(),
              backup_verify_command(),
              backup_drill_command(),
              backup_expire_command(),
              backup_pin_command(),
              backup_unpin_command(),
              backup_take_over_command(),
              dump_now_command(),
              dump_list_command(),
              dump_drill_command(),
              dump_expire_command(),
              dump_restore_command(),
              restore_command(),
              promote_command(),
              wal_fetch_command(),
              in_image_command(),
              undrop_command(),
              undrop_list_command(),
              undrop_forget_command(),
              unfence_command(),
              anchor_keep_command(),
              anchor_remove_command(),
              application_command(),
              psql_command(),
              logs_command(),
              tune_command(),
              protect_command(),
              alert_test_command(),
              config_check_command(),
              config_show_command(),
              demo_command(),
          },
      .groups =
          {
              {"incident", "what happened, and what was done about it"},
              {"backup", "base backups, their WAL and their proofs"},
              {"dump", "logical dumps, their checks and their proofs"},
              {"undrop", "tables and databases that are gone"},
              {"anchor", "what keeps an engine from removing the data volume"},
              {"alert", "the channels that call a human"},
              {"config", "what pgkeel was told"},
          },
  };
}

}  // namespace pgkeel::app
