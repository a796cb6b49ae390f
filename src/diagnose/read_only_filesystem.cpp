// The file system of the data directory, or of pg_wal, is mounted read-only: the kernel does that
// to a disk that fails, a hand or an fstab by mistake. A server on it cannot write and one that has
// died cannot start. Why it is so is for a human to find out before it is undone.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

// The engine's mount is read-only inside, whatever the host's is.
const instance::ContainerMount* closed_mount(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  const auto* mount = hosting == nullptr ? nullptr : instance::data_mount(hosting->container);
  return mount != nullptr && !mount->writable ? mount : nullptr;
}

Finding named(const Case& the_case, std::string summary) {
  Finding finding;
  finding.cause = Cause::ReadOnlyFilesystem;
  finding.confidence = 0.97;
  finding.wait = true;
  finding.since = the_case.seen.process.died_at;
  if (stopped_cleanly(the_case)) finding.severity = incident::Severity::Warning;
  finding.summary = std::move(summary);
  if (const auto* line = logged(the_case, pg::Signature::ReadOnlyFileSystem))
    finding.evidence.push_back(evidence(the_case, "server_log", line->text));
  return finding;
}

Finding on_host(const Case& the_case, const runtime::FilesystemId& filesystem) {
  auto finding =
      named(the_case, fmt::format("The file system at {} ({} on {}) is mounted read-only.",
                                  filesystem.mount_point, filesystem.type, filesystem.device));
  finding.evidence.push_back(evidence(
      the_case, "files", fmt::format("statvfs says {} is read-only", filesystem.mount_point)));
  finding.hint = fmt::format(
      "find out why ('findmnt -T {0}'; 'dmesg | tail -50' for errors of the disk {1}); on a sound "
      "disk 'mount -o remount,rw {0}', on a failing one copy the data off first",
      filesystem.mount_point, filesystem.device);
  return finding;
}

Finding in_container(const Case& the_case, const instance::ContainerMount& mount) {
  const auto& container = hosting_of(the_case)->container;
  auto finding = named(the_case, fmt::format("Container {} has its data mounted read-only at {}.",
                                             container.name, mount.destination.string()));
  finding.evidence.push_back(
      evidence(the_case, "engine",
               fmt::format("mount {} of {} is read-only", mount.destination.string(),
                           mount.name.empty() ? mount.source.string() : mount.name)));
  finding.hint = fmt::format(
      "take ':ro' (read_only) off the volume at {} and make the container "
      "again ('docker compose up -d')",
      mount.destination.string());
  return finding;
}

}  // namespace

std::vector<Finding> read_only_filesystem(const Case& the_case) {
  const auto& files = the_case.seen.files;
  if (!files.seen || files.data_dir.state != instance::DataDirState::Present) return {};
  if (files.data_dir.read_only) return {on_host(the_case, *files.data_dir.read_only)};
  if (const auto* mount = closed_mount(the_case)) return {in_container(the_case, *mount)};
  return {};
}

}  // namespace pgkeel::diagnose
