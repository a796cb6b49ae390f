// A container engine over its Unix socket: the part of Docker's API the guard needs, which Podman
// speaks too (API 1.40 and later).
// It guarantees: every call ends within kEngineCallMax, whatever the engine does; an engine that
// hangs, is gone or talks nonsense is EngineUnreachable with what was seen.
// It refuses to remove volumes: nothing here can.
#pragma once

#include <string>
#include <vector>

#include "instance/engine_model.hpp"
#include "runtime/http.hpp"
#include "runtime/http_lines.hpp"

namespace pgkeel::instance {

inline constexpr Seconds kEngineCallMax{5};
inline constexpr std::size_t kEngineLogBytesMax = 1U << 20U;

/// A container of our own: one that only holds a volume, or a copy's server. The engine never
/// starts it by itself.
struct NewContainer {
  std::string name;
  std::string image;
  std::vector<std::string> command;  ///< instead of what the image would run
  std::string user = {};             ///< "999:999"; empty: the image's
  std::string network = {};          ///< "none"; empty: the engine's usual one
  bool removed_at_end = false;       ///< by the engine
  std::vector<ContainerMount> mounts;
  std::vector<std::pair<std::string, std::string>> labels;
};

/// How much memory a container may have.
struct MemoryLimit {
  std::int64_t bytes = 0;
  std::int64_t with_swap_bytes = 0;  ///< memory and swap together, at least `bytes`; -1: no limit
};

/// What an engine tells as it happens, about containers and volumes.
class EventStream {
 public:
  explicit EventStream(runtime::HttpLines lines) : lines_(std::move(lines)) {}
  /// TimedOut at the deadline, after which it may be called again. EngineUnreachable when the
  /// engine has ended it, Malformed when it talks nonsense.
  runtime::Task<Result<EngineEvent>> next(SteadyTime deadline);

 private:
  runtime::HttpLines lines_;
};

class Engine {
 public:
  /// `patience`: how long an answer to a question is waited for; what acts has kEngineCallMax.
  Engine(runtime::Loop& loop, std::filesystem::path socket, Millis patience = kEngineCallMax)
      : loop_(&loop), socket_(std::move(socket)), patience_(patience) {}

  [[nodiscard]] const std::filesystem::path& socket() const { return socket_; }

  /// By name or id; NotFound when there is none.
  runtime::Task<Result<ContainerFacts>> inspect(std::string container) const;
  runtime::Task<Result<std::vector<ContainerEntry>>> list() const;  ///< also those not running
  runtime::Task<Result<std::vector<VolumeEntry>>> volumes() const;
  /// The last lines it wrote.
  runtime::Task<Result<std::string>> log_tail(std::string container, int lines) const;

  /// Done as well when it runs already.
  runtime::Task<Result<void>> start(std::string container) const;
  /// Asks it to end by its stop signal and kills it after `grace`; the engine does not start it
  /// again by itself afterwards. Ends when the engine has answered, at most kEngineCallMax after
  /// the grace.
  runtime::Task<Result<void>> stop(std::string container, Seconds grace) const;
  /// SIGKILL to every process of it at once; the engine does not start it again by itself.
  runtime::Task<Result<void>> kill(std::string container) const;
  runtime::Task<Result<void>> unpause(std::string container) const;
  /// Changes the limit of a container while it runs; nothing is restarted.
  runtime::Task<Result<void>> update_memory(std::string container, MemoryLimit limit) const;
  /// Changes whether the engine starts it by itself. NotSupported where the engine cannot (Podman
  /// before 5.1); what it then really does is for the caller to ask.
  runtime::Task<Result<void>> update_restart(std::string container, RestartPolicy policy,
                                             int retries_max) const;
  /// By name or id; NotFound when there is none, NotSupported when the engine is no manager of a
  /// Swarm, or cannot reach the others that are.
  runtime::Task<Result<ServiceFacts>> service(std::string name) const;
  /// How many tasks the Swarm keeps of it from now on; the rest of its specification stays.
  /// NotSupported for one that runs on every node.
  runtime::Task<Result<void>> scale_service(ServiceFacts service, std::int64_t tasks) const;
  /// Starts, ends, renames and removals from now on; with `since` first those from then on which
  /// the engine still remembers.
  runtime::Task<Result<EventStream>> events(std::optional<WallTime> since) const;

  runtime::Task<Result<std::string>> create(NewContainer plan) const;  ///< its id
  /// Removes a container that does not run, and none of its volumes.
  runtime::Task<Result<void>> remove_container(std::string container) const;

 private:
  runtime::Task<Result<std::string>> call(runtime::HttpRequest request, Millis patience) const;
  runtime::Task<Result<std::string>> get(std::string path,
                                         std::map<std::string, std::string> query = {}) const;
  runtime::Task<Result<void>> post(std::string path, std::map<std::string, std::string> query = {},
                                   Millis patience = kEngineCallMax) const;

  runtime::Loop* loop_;
  std::filesystem::path socket_;
  Millis patience_;
};

}  // namespace pgkeel::instance
