// See restoring.hpp.
#include "app/archive/restoring.hpp"

#include <fmt/format.h>

#include "app/archive/progress.hpp"

namespace pgkeel::app {

Result<archive::RestoreRequest> asked_restore(const Invocation& invocation, ArchiveTools& tools,
                                              const StopOnSignal& stop) {
  TRY(request, restore_request(tools, stop));
  TRY(target, archive::parse_target(invocation.value("--to").value_or("latest")));
  request.target = target;
  request.label = invocation.value("--backup");
  return request;
}

std::string phase_text(const archive::RestoreProgress& progress, Millis took) {
  switch (progress.phase) {
    case archive::RestorePhase::Planning: return "looking for the backup and its WAL";
    case archive::RestorePhase::Copying:
      return "restoring " + amount_text(progress.bytes, progress.bytes_total, took);
    case archive::RestorePhase::Replaying:
      return fmt::format("replaying WAL, {} segments{}", progress.segments,
                         progress.segment.empty() ? "" : ", now " + progress.segment);
    case archive::RestorePhase::Stopping: return "shutting the restored server down";
  }
  return {};
}

}  // namespace pgkeel::app
