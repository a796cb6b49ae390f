// What a container engine says, as plain values, and how its JSON becomes them. Pure, and careful:
// the bytes come from another program over a socket. Only what the guard uses is read; what is
// absent stays empty, what has another type than the API defines is Malformed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::instance {

struct ContainerMount {
  std::string type;                   ///< volume, bind, tmpfs
  std::string name;                   ///< of a volume
  std::filesystem::path source;       ///< on the engine's host
  std::filesystem::path destination;  ///< in the container
  bool writable = true;
};

struct PublishedPort {
  std::uint16_t inside = 0;
  std::string host_ip;
  std::uint16_t outside = 0;
};

enum class RestartPolicy { No, Always, UnlessStopped, OnFailure };
[[nodiscard]] std::string_view to_string(RestartPolicy policy);

/// GET /containers/ID/json.
struct ContainerFacts {
  std::string id;
  std::string name;
  std::string status;  ///< created, running, paused, restarting, removing, exited, dead
  bool running = false;
  bool paused = false;
  bool restarting = false;
  bool oom_killed = false;
  pid_t pid = 0;  ///< of its first process, as the host counts; 0 when it does not run
  int exit_code = 0;
  std::string error;  ///< why the engine could not start it; empty: it could
  std::int64_t restart_count = 0;
  std::string created_at;
  std::string started_at;
  std::string finished_at;
  std::string image;         ///< as it was asked for: "postgres:15"
  std::string image_digest;  ///< what that was: "sha256:..."
  RestartPolicy restart_policy = RestartPolicy::No;
  int restart_retries_max = 0;  ///< of on-failure; 0: no limit
  std::int64_t memory_limit = 0;
  std::int64_t memory_swap = 0;  ///< memory and swap together; 0: not said, -1: no limit
  std::string stop_signal;
  std::string network_mode;
  std::string ip_address;
  std::filesystem::path log_path;  ///< empty: the engine's driver keeps no file
  bool has_tty = false;            ///< its log is not cut in frames then
  std::vector<std::string> health_check;
  std::vector<ContainerMount> mounts;
  std::vector<PublishedPort> ports;
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::pair<std::string, std::string>> labels;

  [[nodiscard]] std::string_view variable(std::string_view name) const;  ///< empty: not set
  [[nodiscard]] std::string_view label(std::string_view name) const;
};

struct VolumeEntry {
  std::string name;
  std::string driver;
  std::filesystem::path mount_point;
  std::string created_at;
};

/// One line of GET /containers/json.
struct ContainerEntry {
  std::string id;
  std::string name;
  std::string state;
  std::int64_t created = 0;  ///< seconds since 1970
  std::vector<ContainerMount> mounts;
  std::vector<std::pair<std::string, std::string>> labels;
};

/// A Swarm service, as far as how many tasks it keeps is concerned.
struct ServiceFacts {
  std::string id;
  std::uint64_t version = 0;           ///< which an update must name
  std::optional<std::int64_t> wanted;  ///< tasks; nothing: one on every node, whatever is wanted
  std::string spec;                    ///< all of it, as an update must send it again
};

/// One line of GET /events, about a container or a volume.
struct EngineEvent {
  std::string type;            ///< container, volume
  std::string action;          ///< Docker's words: start, die, oom, destroy, rename, pause, unpause
  std::string id;              ///< empty for volumes
  std::string name;            ///< after a rename the new one
  std::string exit_code;       ///< of die; else empty
  std::optional<WallTime> at;  ///< the engine's time; none: it told none
  [[nodiscard]] std::string describe() const;  ///< "container pg: die, exit code 137"
};

/// Malformed when it names no container and no volume.
[[nodiscard]] Result<EngineEvent> parse_event(std::string_view json);
[[nodiscard]] Result<ContainerFacts> parse_container(std::string_view json);
[[nodiscard]] Result<std::vector<ContainerEntry>> parse_container_list(std::string_view json);
[[nodiscard]] Result<std::vector<VolumeEntry>> parse_volume_list(std::string_view json);
[[nodiscard]] Result<ServiceFacts> parse_service(std::string_view json);
/// RFC 3339 as engines write it: UTC, or local time with an offset ("+02:00", Podman).
[[nodiscard]] Result<WallTime> parse_engine_time(std::string_view text);
/// "on-failure:3" as `docker run --restart` takes it.
[[nodiscard]] std::string restart_setting(const ContainerFacts& container);
/// "always" and the like; No for any other word.
[[nodiscard]] RestartPolicy restart_policy_by_name(std::string_view name);
/// {"message": "..."}, as errors come; the text itself when it is none.
[[nodiscard]] std::string parse_engine_message(std::string_view body);

/// The log of a container without a terminal comes in frames of 8 bytes header and payload; what
/// is no frame is taken as it is.
[[nodiscard]] std::string strip_log_frames(std::string_view body);

/// What a container is in a Swarm: one try at keeping a service running.
struct SwarmTask {
  std::string service;  ///< "shop-db"
  std::string task;     ///< "shop-db.1.k2x5..."
  std::string node;     ///< id of the node it was placed on
};
/// By the labels the Swarm sets; nothing for other containers.
[[nodiscard]] std::optional<SwarmTask> swarm_task(const ContainerFacts& container);
/// The container of this host that is `service` now: one that runs, or else the one made last. Null
/// when there is none: the service is another's, or runs on another node.
[[nodiscard]] const ContainerEntry* task_of_service(const std::vector<ContainerEntry>& all,
                                                    std::string_view service);

/// Where the data directory is inside, by PGDATA or by what the official images use.
[[nodiscard]] std::filesystem::path data_dir_inside(const ContainerFacts& container);
/// And on the host: through the mount that holds it. Empty when no mount does, so that it lives in
/// the container's own layer and goes with it.
[[nodiscard]] std::filesystem::path data_dir_outside(const ContainerFacts& container);
/// The mount that holds the data directory; none as above.
[[nodiscard]] const ContainerMount* data_mount(const ContainerFacts& container);

/// Whether the engine brings the container back by itself after such an end.
[[nodiscard]] bool engine_restarts(const ContainerFacts& container, int exit_code);

/// A volume nobody named: 64 hexadecimal digits. `docker compose down -v` and `volume prune` take
/// it, and a container that is re-created gets another one.
[[nodiscard]] bool is_anonymous(const ContainerMount& mount);

}  // namespace pgkeel::instance
