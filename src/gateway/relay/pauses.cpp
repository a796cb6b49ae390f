// See pauses.hpp.
#include "gateway/relay/pauses.hpp"

#include <algorithm>
#include <utility>

#include "gateway/relay/pool.hpp"
#include "gateway/relay/worker.hpp"

namespace pgkeel::gateway {

/// A PAUSE whose console waits for it.
class Pauses::UnderWay final : public Act {
 public:
  UnderWay(Pauses& pauses, std::string database, Tell tell)
      : pauses_(&pauses), database_(std::move(database)), tell_(std::move(tell)) {}
  ~UnderWay() override {
    if (pauses_ != nullptr) pauses_->given_up(*this);
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

  [[nodiscard]] const std::string& database() const { return database_; }
  /// It is over; whoever waits is to be told by this.
  [[nodiscard]] Tell end() {
    pauses_ = nullptr;
    return std::move(tell_);
  }

 private:
  Pauses* pauses_;  ///< none when it is over
  std::string database_;
  Tell tell_;
};

std::vector<Pool*> Pauses::pools_of(const std::string& database) const {
  std::vector<Pool*> found;
  for (const auto& [key, pool] : worker_.pools())
    if (database.empty() || key.database == database) found.push_back(pool.get());
  return found;
}

bool Pauses::quiet(const std::string& database) const {
  return std::ranges::all_of(pools_of(database),
                             [](const Pool* pool) { return pool->servers() == 0; });
}

// Any name may be a database's; a PAUSE of one that nobody uses is rather a slip of the pen, after
// which the operator would take the right one for paused.
Result<std::unique_ptr<Pauses::Act>> Pauses::pause(const std::string& database, Tell tell) {
  const auto pools = pools_of(database);
  const bool known = database.empty() || databases_.has(database) || !pools.empty();
  if (!known) return fail(admin::no_such_database(database));
  TRY_VOID(databases_.pause(database));
  for (auto* pool : pools) pool->close_idle();
  if (quiet(database)) return nullptr;
  auto act = std::make_unique<UnderWay>(*this, database, std::move(tell));
  under_way_.push_back(act.get());
  return act;
}

Result<void> Pauses::resume(const std::string& database) {
  if (!databases_.has(database) && !database.empty() && pools_of(database).empty())
    return fail(admin::no_such_database(database));
  TRY_VOID(databases_.resume(database));
  reopen(database);
  for (const auto& tell :
       take_over([&](const UnderWay& act) { return act.database() == database; }))
    tell(fail(admin::pause_taken_back()));
  return {};
}

void Pauses::reopen(const std::string& database) {
  for (auto* pool : pools_of(database)) pool->open_some(worker_.now());
}

// Telling may have a console go on with what else it was told: nothing is walked meanwhile.
template <class Which>
std::vector<Pauses::Tell> Pauses::take_over(const Which& which) {
  std::vector<Tell> told;
  std::erase_if(under_way_, [&](UnderWay* act) {
    const bool over = which(*act);
    if (over) told.push_back(act->end());
    return over;
  });
  return told;
}

// Not at once: whoever closes a server is in the midst of its pool.
void Pauses::server_gone() {
  if (under_way_.empty() || std::exchange(looking_, true)) return;
  worker_.post([this] { look(); });
}

void Pauses::look() {
  looking_ = false;
  for (const auto& tell : take_over([&](const UnderWay& act) { return quiet(act.database()); }))
    tell({});
}

void Pauses::given_up(UnderWay& act) {
  under_way_.remove(&act);
  const bool wanted = std::ranges::any_of(
      under_way_, [&](const UnderWay* other) { return other->database() == act.database(); });
  if (!wanted && databases_.resume(act.database())) reopen(act.database());
}

}  // namespace pgkeel::gateway
