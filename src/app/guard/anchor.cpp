// See anchor.hpp.
#include "app/guard/anchor.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Seconds kLookEvery{60};
constexpr Seconds kFirstLook{1};  // while the server is still coming up
constexpr std::string_view kFact = "anchor";
constexpr std::string_view kUnwanted = "removed";

}  // namespace

// Never while anything is wrong: the volume that stands there then may not be the known one.
bool AnchorKeeper::known_data_serves() const {
  const auto& seen = senses_.observation();
  const auto& identity = conductor_.known().identity;
  const auto& control = seen.files.data_dir.control;
  return seen.healthy() && conductor_.findings().empty() && identity && control &&
         control->system_id == identity->system_id;
}

Task<void> AnchorKeeper::look() {
  const auto wanted = ledger_.fact(kFact);
  if (!wanted || *wanted == kUnwanted || !may_act_) {
    state_ = may_act_ ? "the volume is not held: the anchor was removed" : "";
    co_return;
  }
  const auto volume = co_await instance_.keep_anchor();
  if (volume) {
    state_ = volume->empty() ? "" : fmt::format("volume {} is held by an anchor", *volume);
    co_return;
  }
  state_ = "the volume is not held: " + volume.error().message();
  log_warning("anchor not kept", {{"why", volume.error().message()}});
}

Task<void> AnchorKeeper::run() {
  if (instance_.kind() != instance::Kind::Container) co_return;
  while (true) {
    const bool serves = known_data_serves();
    if (serves) co_await look();
    static_cast<void>(co_await loop_.sleep_for(serves ? kLookEvery : kFirstLook));
  }
}

Task<Result<void>> AnchorKeeper::set(bool wanted) {
  if (instance_.kind() != instance::Kind::Container)
    co_return fail(ErrorCode::NotSupported, "only a container's volume has an anchor");
  CO_TRY_VOID(ledger_.set_fact(kFact, wanted ? "" : kUnwanted));
  if (wanted) {
    if (known_data_serves()) co_await look();
    co_return Result<void>();
  }
  CO_TRY_VOID(co_await instance_.remove_anchor());
  co_await look();
  co_return Result<void>();
}

}  // namespace pgkeel::app
