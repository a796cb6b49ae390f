// See shadow_troubles.hpp.
#include "app/guard/shadow_troubles.hpp"

#include <fmt/format.h>

namespace pgkeel::app {
namespace {

using sense::ArchiveTrouble;
using shadow::ShadowState;
using shadow::ShadowStatus;

constexpr const char* kSubject = "archive.shadow";
constexpr Seconds kSilentAfter{30};  // it is written twice a second; a build may hold it up
constexpr Millis kNotFollowing{15 * 60'000};  // a restart, a backup it waits for

constexpr const char* kGivenUpHint =
    "The archive, or the disk the copy was on, is not what it should be: 'pgkeel backup drill' "
    "proves the newest backup, 'pgkeel doctor' looks at the disks, server.log of the shadow says "
    "where replay ended; the shadow is built anew by itself";
constexpr const char* kSilentHint = "shadow.log in the state directory says more";

std::string trimmed(std::string text) {
  while (text.ends_with('.')) text.pop_back();
  return text;
}

bool stands_still(ShadowState state) {
  return state == ShadowState::Waiting || state == ShadowState::Held ||
         state == ShadowState::Stopped;
}

ArchiveTrouble not_following(std::string why, std::string hint) {
  return {kSubject,
          fmt::format("The shadow does not follow: {}", trimmed(std::move(why))),
          trimmed(std::move(hint)),
          false,
          kNotFollowing,
          {}};
}

}  // namespace

std::optional<ArchiveTrouble> shadow_trouble(const std::optional<ShadowStatus>& status,
                                             WallTime now) {
  if (!status) return not_following("it never ran", kSilentHint);
  if (const auto& why = status->given_up)
    return ArchiveTrouble{kSubject,
                          fmt::format("A copy made of the archive could not be replayed, at {}: {}",
                                      to_iso8601(why->at), trimmed(why->message)),
                          kGivenUpHint,
                          true,
                          {},
                          {}};
  if (now - status->written_at > kSilentAfter)
    return not_following("nothing was heard of it since " + to_iso8601(status->written_at),
                         kSilentHint);
  if (!status->problem && !stands_still(status->state)) return std::nullopt;
  if (!status->problem) return not_following("it is stopped", kSilentHint);
  return not_following(status->problem->message, status->problem->hint);
}

}  // namespace pgkeel::app
