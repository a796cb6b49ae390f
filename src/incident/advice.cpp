// What remains for a person, per cause: one row each. A cause without a row gets the general list.
#include <array>
#include <utility>

#include "incident/report.hpp"

namespace pgkeel::incident {
namespace {

using Advice = std::pair<std::string_view, std::string_view>;

constexpr auto kAdvice = std::to_array<Advice>({
    {"server_killed",
     "Find out what killed the server: an out-of-memory kill is in the kernel log (`journalctl "
     "-k`), "
     "a person or script in the audit log. Lower `work_mem` or the number of connections when "
     "memory "
     "ran out."},
    {"server_hung",
     "Find out why the server stopped answering: a stopped process, a stuck disk (`dmesg`), or "
     "locks "
     "held by a session that never ends."},
    {"stale_pid",
     "Find out why the last server left its lock file behind: a kill, a crash of the host, or a "
     "data "
     "directory shared by two machines."},
    {"port_taken",
     "Stop the other program for good or give one of the two another port, or this comes back at "
     "the "
     "next restart."},
    {"config_broken",
     "The last configuration that worked was put back; the broken one was kept beside it. Mend it "
     "and reload."},
    {"database_dropped",
     "Find out who dropped the database and whether it was meant (`log_statement = ddl` names the "
     "role next time). Owners and superusers alone can drop one: take the right from the app's "
     "role."},
    {"table_dropped",
     "Find out who dropped the table and whether it was meant (`log_statement = ddl` names the "
     "role "
     "next time). An app that owns no tables cannot drop them."},
    {"wrong_identity",
     "Compare the data directory with the one that was known: a wrong mount, a wrong path, a copy. "
     "If the change was meant, `pgkeel unfence --yes` accepts it."},
    {"mount_missing",
     "Mount the file system and make the mount part of the boot (`/etc/fstab`, "
     "`RequiresMountsFor=`) "
     "so that PostgreSQL never starts without it."},
    {"volume_lost",
     "Do not initialise a new cluster in the old place before the search for the old one is over: "
     "late mounts, renamed directories, orphaned volumes."},
});

}  // namespace

std::string_view advice_for(std::string_view cause) {
  for (const auto& [listed, advice] : kAdvice)
    if (listed == cause) return advice;
  return "";
}

}  // namespace pgkeel::incident
