// The shadow as long as it runs: builds its copy when there is none, keeps a hot standby on it that
// streams from the relay, says how it is doing. Blocking; a process of its own runs it
// (pgkeel shadow), and the server ends with that process.
// It guarantees: the server opens no port and nothing of the primary's. A copy that cannot replay
// is said loudly first (the archive is not what it claims) and then built anew.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "archive/restore/private_server.hpp"
#include "shadow/gate/keeper.hpp"
#include "shadow/standby/copy.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::shadow {

inline constexpr const char* kShadowName = "pgkeel_shadow";  ///< as application_name

struct StandbyRequest {
  /// The archive it is built from, as it is now; asked before every build and look at it.
  std::function<Result<archive::RestoreRequest>()> archive;
  CopyPlaces places;
  std::filesystem::path work_dir;         ///< the server's socket, log and pg_hba.conf
  std::filesystem::path relay_directory;  ///< of the socket it streams from
  std::filesystem::path relay_status;     ///< what the relay says of it
  std::filesystem::path status_file;
  SystemId system_id;  ///< whose shadow it is
  /// What it is kept from; its sides but for the live server's are filled in. Nothing: it follows
  /// all the archive has.
  std::optional<GateOptions> gate = {};
  std::stop_token stop;
};

class Standby {
 public:
  explicit Standby(StandbyRequest request);
  /// Until it is told to stop; what stands in the way is in the status and tried again.
  void run();

 private:
  Result<void> attempt();
  Result<void> ready_copy(const archive::RestoreRequest& archive);
  Result<void> build(const archive::RestoreRequest& archive);
  Result<void> start(const archive::RestoreRequest& archive);
  Result<void> open_gate(const pg::ControlFile& control, const archive::RestoreRequest& archive,
                         const archive::PrivateServerOptions& server);
  [[nodiscard]] std::filesystem::path streams_from() const;
  [[nodiscard]] std::optional<StandbyView> seen_by_relays() const;
  [[nodiscard]] bool silent(SteadyTime now) const;
  Result<void> follow();
  Result<void> look(client::ReplicationSession& session);
  Result<void> await_consistent();
  void forget_problem_of_before(SteadyTime began);
  [[nodiscard]] Result<void> require_room() const;
  void look_at_relay(ShadowState otherwise);
  void stuck(ShadowState state, const Error& why, Lsn behind);
  [[nodiscard]] bool newer_backup_fits(Lsn behind) const;
  void failed(const Error& error);
  void show();
  void show_gate();
  [[nodiscard]] bool rest(Millis limit) const;

  StandbyRequest request_;
  ShadowCopy copy_;
  ShadowStatus status_;
  std::unique_ptr<GateKeeper> gate_;
  std::unique_ptr<archive::PrivateServer> server_;
  SteadyTime shown_at_{};
  SteadyTime asked_archive_at_{};
  SteadyTime streamed_at_{};
  int failures_ = 0;   // in a row, of a copy that could not replay
  bool anew_ = false;  // the copy is of no use: build another
  std::string said_;
};

}  // namespace pgkeel::shadow
