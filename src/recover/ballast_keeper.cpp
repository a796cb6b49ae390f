// See ballast_keeper.hpp.
#include "recover/ballast_keeper.hpp"

#include "base/log.hpp"
#include "recover/ballast.hpp"

namespace pgkeel::recover {
namespace {

constexpr Seconds kLookEvery{5};  // a few system calls

}  // namespace

runtime::Task<void> BallastKeeper::look() {
  if (!services_.senses.observation().healthy()) co_return;
  for (const auto& file : ballast_files(services_.instance.data_dir())) {
    if (ballast_at(file) >= services_.ballast_bytes) continue;
    const auto bytes = services_.ballast_bytes;
    const auto made =
        co_await services_.loop.run_blocking([&file, bytes] { return make_ballast(file, bytes); });
    const auto problem = made ? std::string() : made.error().message();
    if (made)
      log_info("ballast made", {{"file", file.string()}, {"bytes", services_.ballast_bytes}});
    else if (problems_[file] != problem)
      log_warning("no room is kept in reserve", {{"file", file.string()}, {"why", problem}});
    problems_[file] = problem;
  }
}

runtime::Task<void> BallastKeeper::run(std::stop_token stop) {
  if (services_.ballast_bytes == 0 || !services_.instance.capabilities().can_move_files) co_return;
  auto& loop = services_.loop;
  while (!stop.stop_requested()) {
    co_await look();
    static_cast<void>(co_await loop.sleep_for(kLookEvery, stop));
  }
}

}  // namespace pgkeel::recover
