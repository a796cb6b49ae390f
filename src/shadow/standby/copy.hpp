// The data directory a shadow runs on: laid out from the newest backup beside its place, verified
// file by file against the manifest, then renamed into it whole. Blocking.
// It guarantees: only a copy this code made, that was never promoted and in which no server runs is
// ever removed; nothing else that stands in its place is touched. Killed anywhere it leaves the
// place empty or whole, and what was half made is cleared by the next build.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

#include "archive/restore/restore.hpp"
#include "base/result.hpp"
#include "instance/search.hpp"

namespace pgkeel::shadow {

struct CopyPlaces {
  std::filesystem::path data_dir;   ///< of the shadow
  std::filesystem::path build_dir;  ///< beside it, on the same file system
};

struct CopyOrigin {
  SystemId system_id;
  std::string backup;
  std::uint64_t tablespaces = 0;  ///< names the directory of all of the copy's; 0: it has none
};

class ShadowCopy {
 public:
  explicit ShadowCopy(CopyPlaces places) : places_(std::move(places)) {}

  /// Where the copy comes from; nothing: the place is empty. Refused when something else stands
  /// there; Malformed.
  [[nodiscard]] Result<std::optional<CopyOrigin>> origin() const;
  /// `request` says from which archive and for which account. The errors of a restore; DiskFull.
  Result<CopyOrigin> build(archive::RestoreRequest request) const;
  /// Ends what a build or a removal that was killed left of tablespaces. To be called whenever a
  /// copy stands: those of one that was promoted are not ours to remove.
  Result<void> clear_pending() const;
  /// Refused when it was promoted: then it is a server of its own, and none of ours any more.
  [[nodiscard]] Result<void> still_standby() const;
  /// Gives the copy away: renamed to `into`, which is absent or empty, and no standby any more.
  /// False, and nothing was done: there is none of that cluster, or it is on another file system.
  /// Refused as discard() does.
  Result<bool> hand_over(const std::filesystem::path& into, SystemId system_id) const;
  /// Another one at `into`, which is absent or empty, for somebody who writes to it; this one stays
  /// what it is. False, and nothing was done: as hand_over(), or it has tablespaces, which both
  /// would lead to, or there is no room for it. Refused as discard() does; ChildFailed, Cancelled:
  /// what is at `into` is no copy.
  Result<bool> copy_to(const std::filesystem::path& into, SystemId system_id,
                       const std::stop_token& stop) const;
  /// Removes a copy that is of no use. Refused, with what stands against it.
  Result<void> discard(const std::optional<runtime::Account>& account) const;

  [[nodiscard]] const std::filesystem::path& data_dir() const { return places_.data_dir; }

 private:
  [[nodiscard]] std::filesystem::path pending_note() const;
  [[nodiscard]] std::filesystem::path tablespaces(std::uint64_t number) const;
  Result<void> note_pending(std::uint64_t number) const;
  Result<void> may_be_removed() const;
  CopyPlaces places_;
};

}  // namespace pgkeel::shadow
