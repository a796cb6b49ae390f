// The data directory is missing because the file system that held it is not mounted: not lost. The
// ledger knows which file system and mount point it was; what is there now is another one.
// The remedy is to wait for the mount; restoring a copy would fork the data.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

// Known by UUID where the device has one, else by the kernel's file system id.
bool same_filesystem(const incident::Identity& known, const runtime::FilesystemId& now) {
  if (!known.filesystem_uuid.empty() && !now.uuid.empty()) return known.filesystem_uuid == now.uuid;
  return known.filesystem_fsid == now.fsid && known.filesystem_type == now.type;
}

}  // namespace

std::vector<Finding> mount_missing(const Case& the_case) {
  const auto& data_dir = the_case.seen.files.data_dir;
  const auto& identity = the_case.known.identity;
  const bool absent = data_dir.state == instance::DataDirState::Missing ||
                      data_dir.state == instance::DataDirState::Empty;
  if (!server_absent(the_case) || !absent || !identity || !data_dir.filesystem) return {};
  if (same_filesystem(*identity, *data_dir.filesystem)) return {};

  Finding finding;
  finding.cause = Cause::MountMissing;
  finding.confidence = 0.95;
  finding.wait = true;
  finding.summary = fmt::format(
      "{} is {}, and the file system that held it is not mounted at {}; the guard waits for it.",
      identity->data_dir, instance::to_string(data_dir.state), identity->mount_point);
  finding.evidence.push_back(evidence(
      the_case, "files",
      fmt::format(
          "known: {} {} at {}; there now: {} {} at {}", identity->filesystem_type,
          identity->filesystem_uuid.empty() ? fmt::format("fsid {:x}", identity->filesystem_fsid)
                                            : identity->filesystem_uuid,
          identity->mount_point, data_dir.filesystem->type,
          data_dir.filesystem->uuid.empty() ? fmt::format("fsid {:x}", data_dir.filesystem->fsid)
                                            : data_dir.filesystem->uuid,
          data_dir.filesystem->mount_point)));
  return {finding};
}

}  // namespace pgkeel::diagnose
