// How the server of a copy runs: as a process of ours, or in a container of the image its original
// runs in, with that image's programs, libraries and extensions.
// It guarantees: it ends with the object, and with this process, even when that is killed.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/account.hpp"

namespace pgkeel::archive {

/// An image with a server in it, and the engine that has it.
struct ServerImage {
  std::filesystem::path engine_socket;
  std::string image;  ///< as the engine knows it: a digest, or a name
  int major = 0;      ///< of its programs, which images keep in different places
};

struct ServerRunPlan {
  std::vector<std::string> arguments;  ///< of postgres
  std::filesystem::path data_dir;
  std::filesystem::path work_dir;
  /// More directories that it uses: tablespaces.
  std::vector<std::filesystem::path> others;
  std::optional<runtime::Account> account;

  [[nodiscard]] std::filesystem::path log_file() const { return work_dir / "server.log"; }
};

class ServerRun {
 public:
  ServerRun() = default;
  virtual ~ServerRun() = default;
  ServerRun(const ServerRun&) = delete;
  ServerRun& operator=(const ServerRun&) = delete;

  [[nodiscard]] virtual bool alive() = 0;
  /// A fast shutdown, waited for: whether it ended in order. TimedOut.
  virtual Result<bool> stop(Seconds patience) = 0;
};

/// MissingBinary, Spawn.
[[nodiscard]] Result<std::unique_ptr<ServerRun>> run_as_process(
    const std::filesystem::path& bin_dir, const ServerRunPlan& plan);
/// EngineUnreachable; Refused when a container that is not ours has the name we need; Failed with
/// the engine's words.
[[nodiscard]] Result<std::unique_ptr<ServerRun>> run_in_image(const ServerImage& image,
                                                              const ServerRunPlan& plan);

}  // namespace pgkeel::archive
