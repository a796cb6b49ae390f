// STATE_DIR/shadow.json: how the shadow is doing, for the guard and for people. Written by the
// process that runs it, whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "archive/receive/status.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::shadow {

inline constexpr const char* kShadowStatusFile = "shadow.json";

enum class ShadowState {
  Building,   ///< from a backup
  Starting,   ///< replaying, not consistent yet
  Following,  ///< may be read
  Held,       ///< before a record it must not replay: it is built anew from a backup made since
  Waiting,    ///< something is in the way: see the problem
  Stopped,
};
[[nodiscard]] std::string_view to_string(ShadowState state);

struct ShadowStatus {
  int pid = 0;
  WallTime started_at;
  WallTime written_at;  ///< of the file
  ShadowState state = ShadowState::Starting;
  std::string data_dir;
  std::string backup;           ///< it was built from
  std::uint64_t bytes = 0;      ///< built so far
  std::uint64_t bytes_all = 0;  ///< of the backup
  TimelineId timeline;
  Lsn replayed_lsn;
  /// What it is kept from first ("shop.public.orders dropped"), and until when; empty: nothing.
  std::string kept_from;
  std::optional<WallTime> kept_until;
  Lsn gate_read_lsn;  ///< up to here gate.json says what it is kept from; zero: from nothing
  std::optional<WallTime> replayed_until;  ///< the last transaction's commit
  std::optional<WallTime> following_since;
  /// Gone when it follows again, or is being built or begins to replay for a minute since.
  std::optional<archive::ReceiveProblem> problem;
  /// Why the copy before this one was given up; until this one has followed for a minute.
  std::optional<archive::ReceiveProblem> given_up;
};

[[nodiscard]] std::string to_json(const ShadowStatus& status);
/// Malformed.
[[nodiscard]] Result<ShadowStatus> parse_shadow_status(std::string_view json);
/// NotFound when no shadow ever ran.
[[nodiscard]] Result<ShadowStatus> read_shadow_status(const std::filesystem::path& file);

}  // namespace pgkeel::shadow
