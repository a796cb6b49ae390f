// Every command, one file each. command_table.cpp lists them.
#pragma once

#include "app/command.hpp"

namespace pgkeel::app {

[[nodiscard]] CommandSpec guard_command();
[[nodiscard]] CommandSpec gateway_command();
[[nodiscard]] CommandSpec receive_command();
[[nodiscard]] CommandSpec shadow_command();
[[nodiscard]] CommandSpec status_command();
[[nodiscard]] CommandSpec doctor_command();
[[nodiscard]] CommandSpec pause_command();
[[nodiscard]] CommandSpec resume_command();
[[nodiscard]] CommandSpec unfence_command();
CommandSpec anchor_keep_command();
CommandSpec anchor_remove_command();
[[nodiscard]] CommandSpec application_command();
[[nodiscard]] CommandSpec incident_list_command();
[[nodiscard]] CommandSpec incident_show_command();
[[nodiscard]] CommandSpec incident_report_command();
[[nodiscard]] CommandSpec incident_abandon_command();
CommandSpec incident_ack_command();
[[nodiscard]] CommandSpec incident_replay_command();
CommandSpec incident_resume_command();
[[nodiscard]] CommandSpec undrop_command();
[[nodiscard]] CommandSpec undrop_list_command();
[[nodiscard]] CommandSpec tune_command();
[[nodiscard]] CommandSpec protect_command();
[[nodiscard]] CommandSpec undrop_forget_command();
[[nodiscard]] CommandSpec backup_now_command();
[[nodiscard]] CommandSpec backup_list_command();
[[nodiscard]] CommandSpec backup_copy_command();
[[nodiscard]] CommandSpec backup_verify_command();
[[nodiscard]] CommandSpec backup_drill_command();
[[nodiscard]] CommandSpec backup_expire_command();
[[nodiscard]] CommandSpec backup_pin_command();
[[nodiscard]] CommandSpec backup_unpin_command();
[[nodiscard]] CommandSpec backup_take_over_command();
[[nodiscard]] CommandSpec dump_now_command();
[[nodiscard]] CommandSpec dump_list_command();
[[nodiscard]] CommandSpec dump_drill_command();
[[nodiscard]] CommandSpec dump_expire_command();
[[nodiscard]] CommandSpec dump_restore_command();
[[nodiscard]] CommandSpec restore_command();
[[nodiscard]] CommandSpec promote_command();
[[nodiscard]] CommandSpec wal_fetch_command();
[[nodiscard]] CommandSpec in_image_command();
[[nodiscard]] CommandSpec psql_command();
[[nodiscard]] CommandSpec logs_command();
[[nodiscard]] CommandSpec alert_test_command();
[[nodiscard]] CommandSpec config_check_command();
[[nodiscard]] CommandSpec config_show_command();
[[nodiscard]] CommandSpec demo_command();

}  // namespace pgkeel::app
