// See restoring.hpp.
#include "app/archive/restoring.hpp"

#include <charconv>

#include <fmt/format.h>

#include "app/archive/progress.hpp"
#include "instance/debian.hpp"
#include "instance/instance.hpp"

namespace pgkeel::app {
namespace fs = std::filesystem;

namespace {

Result<TimelineId> parse_timeline(const std::string& text) {
  std::uint32_t number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec == std::errc{} && read.ptr == end && number > 0) return TimelineId(number);
  return fail(
      Error(ErrorCode::Usage, fmt::format("\"{}\" is no timeline", text))
          .with_hint("A number from 1 on; 'pgkeel backup list --json' names each backup's."));
}

}  // namespace

Result<archive::RestoreRequest> asked_restore(const Invocation& invocation, ArchiveTools& tools,
                                              const StopOnSignal& stop) {
  TRY(request, restore_request(tools, stop));
  TRY(target, archive::parse_target(invocation.value("--to").value_or("latest")));
  request.target = target;
  request.label = invocation.value("--backup");
  if (const auto text = invocation.value("--timeline")) {
    TRY(timeline, parse_timeline(*text));
    request.timeline = timeline;
  }
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

Result<fs::path> place_of_data(const Config& config) {
  const auto kind = config.instance.kind;
  if (kind == instance::Kind::Container || kind == instance::Kind::Remote)
    return fail(
        Error(ErrorCode::WrongState, fmt::format("an instance of kind {} is not restored in place",
                                                 instance::to_string(kind)))
            .with_hint("Use 'pgkeel restore --into DIR', where the server's own programs "
                       "and libraries are, and start it there."));
  auto place = config.instance.data_dir;
  if (const auto unit = instance::parse_debian_unit(config.instance.unit); place.empty() && unit)
    if (const auto cluster = instance::find_debian_cluster(*unit)) place = cluster->data_dir;
  if (place.empty())
    return fail(Error(ErrorCode::ConfigBadValue, "it is not known where the data directory is")
                    .with_hint("Set instance.data_dir."));
  std::error_code error;
  auto real = fs::weakly_canonical(place, error);
  if (error) return fail(ErrorCode::Io, "look at " + place.string() + ": " + error.message());
  return real;
}

}  // namespace pgkeel::app
