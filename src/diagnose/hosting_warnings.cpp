// See warning.hpp: the ways in which teams lost a container's volume.
#include <fmt/format.h>

#include "diagnose/warning.hpp"

namespace pgkeel::diagnose {
namespace {

using instance::ContainerFacts;
using instance::ContainerMount;
using instance::RestartPolicy;

// From 18 on the images keep a directory per major below this one; a mount of the old place leaves
// it in an anonymous volume.
constexpr std::string_view kParent = "/var/lib/postgresql";
constexpr std::string_view kOldPlace = "/var/lib/postgresql/data";

bool below(const std::filesystem::path& path, std::string_view parent) {
  const auto relative = path.lexically_relative(parent);
  return !relative.empty() && *relative.begin() != "..";
}

void judge_mount(const ContainerFacts& container, const ContainerMount& mount,
                 const HostSurroundings& surroundings, std::vector<Warning>& warnings) {
  if (instance::is_anonymous(mount))
    warnings.push_back({"anonymous_volume",
                        fmt::format("The data is in a volume nobody named ({}...): a container "
                                    "that is made again gets another, empty one.",
                                    mount.name.substr(0, 12)),
                        fmt::format("Name it in the Compose file: volumes: [\"pgdata:{}\"]",
                                    mount.destination.string())});
  if (mount.type == "bind" && surroundings.data_on_root_filesystem)
    warnings.push_back({"data_on_root_disk",
                        fmt::format("The data is in {}, on the disk of the system: logs and images "
                                    "fill it up together.",
                                    mount.source.string()),
                        "Give the data a file system of its own."});
  const auto inside = instance::data_dir_inside(container);
  if (mount.destination == kOldPlace && !below(inside, kOldPlace) && below(inside, kParent))
    warnings.push_back({"mount_misses_data",
                        fmt::format("A volume is mounted at {}, but the data is in {}.", kOldPlace,
                                    inside.string()),
                        fmt::format("From PostgreSQL 18 on, mount the volume at {}.", kParent)});
}

void judge_policy(const ContainerFacts& container, const HostSurroundings& surroundings,
                  std::vector<Warning>& warnings) {
  if (container.restart_policy == RestartPolicy::No)
    warnings.push_back({"no_restart_policy",
                        fmt::format("Container {} has no restart policy: after a reboot it stays "
                                    "down.",
                                    container.name),
                        "Set restart: unless-stopped."});
  if (!surroundings.engine_starts_on_boot)
    warnings.push_back({"engine_not_on_boot", "The container engine does not start on boot.",
                        "systemctl enable docker (or podman-restart)"});
}

bool names_no_role(const std::vector<std::string>& health_check) {
  std::string line;
  for (const auto& word : health_check) line += word + " ";
  return line.find("pg_isready") != std::string::npos && line.find("-U") == std::string::npos &&
         line.find("--username") == std::string::npos;
}

}  // namespace

std::vector<Warning> hosting_warnings(const instance::HostingFacts& hosting,
                                      const HostSurroundings& surroundings) {
  std::vector<Warning> warnings;
  if (!hosting.error.empty() || !hosting.exists) return warnings;
  const auto& container = hosting.container;
  for (const auto& mount : container.mounts) judge_mount(container, mount, surroundings, warnings);
  judge_policy(container, surroundings, warnings);
  for (const auto& prune : surroundings.prunes)
    warnings.push_back({"volumes_pruned", fmt::format("Volumes are pruned by {}", prune),
                        "Leave --volumes out; an anchor protects only this server's volume."});
  if (names_no_role(container.health_check))
    warnings.push_back(
        {"health_check_without_role",
         "The health check asks pg_isready without a role: the log fills with failed logins.",
         "test: [\"CMD-SHELL\", \"pg_isready -U $${POSTGRES_USER} -d $${POSTGRES_DB}\"]"});
  return warnings;
}

}  // namespace pgkeel::diagnose
