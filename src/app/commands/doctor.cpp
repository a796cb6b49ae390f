// pgkeel doctor: why did my database disappear? On a live server or a dead one, with a guard or
// without. Looks, names, advises; changes nothing.
#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/doctor/report.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

constexpr int kExitWarning = 3;
constexpr int kExitCritical = 1;
constexpr const char* kAmcheckMost = "10m";

// What the verdict says: a script asks it with the exit code alone.
int exit_code_of(const Json& report) {
  const auto severity = text_of(member(report, "verdict"), "severity");
  if (severity == "critical") return kExitCritical;
  return severity == "warning" ? kExitWarning : 0;
}

Result<ExamineMore> more_of(const Invocation& invocation) {
  ExamineMore more;
  if (!invocation.has("--amcheck")) return more;
  TRY(most, parse_duration(invocation.value("--for").value_or(kAmcheckMost)));
  more.amcheck = most;
  return more;
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(more, more_of(invocation));
  TRY(examination, examine(config, more));
  const auto report = doctor_json(examination);
  if (invocation.global.json) fmt::print("{}", to_line(report));
  else fmt::print("{}", render_doctor(report, invocation.look, examination.wall));
  return exit_code_of(report);
}

}  // namespace

CommandSpec doctor_command() {
  return {
      .name = "doctor",
      .summary = "why did my database disappear: evidence, cause, what would be done",
      .details =
          "Looks at the server, its log, its disks, its machine and its container engine, "
          "whether it runs or not and whether a guard runs or not; of a server that answers also "
          "who waits for whom, what holds vacuum up, slow statements, sizes. Takes three seconds "
          "at most, four more for the health, two where the engine hangs. Changes nothing. "
          "Exit "
          "code 0: nothing is wrong; "
          "3: a warning; 1: something "
          "critical.",
      .example = "pgkeel doctor",
      .options = {{.names = "--amcheck",
                   .help = "read every index and table with the extension amcheck where it is "
                           "installed; costs as much as reading the whole database"},
                  {.names = "--for",
                   .value = "DURATION",
                   .help = "how long amcheck may take (10m)"}},
      .run = run};
}

}  // namespace pgkeel::app
