// A lost volume under a writer, commits synchronous with the archive: from the kill to the first
// new commit, with a shadow and without one. Every round counts what was acknowledged and is
// missing.
#include <csignal>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "app/demo/play.hpp"
#include "app/demo/stage.hpp"
#include "app/demo/writer.hpp"
#include "bench/failover.hpp"
#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 5;
constexpr double kFirstCommitMsMax = 3'000;  // issue 7, with the lag under a second
constexpr Seconds kPatience{180};
constexpr Millis kLookEvery{20};

enum class Shadowed { Yes, No };

template <class Condition>
void await(std::string_view what, Condition condition) {
  const auto until = SteadyClock::now() + kPatience;
  while (!condition()) {
    if (SteadyClock::now() > until) throw std::runtime_error(fmt::format("not {}", what));
    std::this_thread::sleep_for(kLookEvery);
  }
}

class Volume {
 public:
  explicit Volume(Shadowed shadowed) : shadowed_(shadowed) {
    app::StageOptions options;
    options.program = PGKEEL_PROGRAM;
    options.environment = {{"PGKEEL_ARCHIVE_STORE", "archive"},
                           {"PGKEEL_ARCHIVE_DURABILITY", "sync"},
                           {"PGKEEL_RECOVER_RESTARTS", "500 per 300s"},
                           {"PGKEEL_SHADOW_ENABLED", shadowed == Shadowed::Yes ? "true" : "false"}};
    auto stage = app::Stage::build(std::move(options));
    if (!stage) throw std::runtime_error(stage.error().message());
    stage_ = std::move(*stage);
    await("a backup", [this] { return has_backup(); });
    ask("shop", kVolumeLoad);
    writer_ = std::make_unique<app::Writer>(stage_->conninfo("shop"));
  }

  // Milliseconds to the first commit that was begun after the loss.
  double lose() {
    await("synchronous", [this] {
      return ask("postgres",
                 "select count(*) from pg_stat_replication where sync_state = 'sync'") == "1";
    });
    if (shadowed_ == Shadowed::Yes) await("followed", [this] { return follows(); });
    const auto server = stage_->instance().find_postmaster();
    if (!server) throw std::runtime_error("no server runs");
    std::error_code error;
    fs::remove_all(stage_->instance().data_dir(), error);
    static_cast<void>(::kill(server->pid, SIGKILL));
    const auto lost = SteadyClock::now();
    std::this_thread::sleep_for(kLookEvery);  // what was on its way
    const auto on_its_way = writer_->last_acknowledged();
    await("served", [&] { return writer_->last_acknowledged() > on_its_way; });
    const auto took =
        std::chrono::duration<double, std::milli>(writer_->last_acknowledged() - lost).count();
    const auto count = app::count_ledger(*stage_, *writer_);
    if (!count || count->lost != 0) throw std::runtime_error("acknowledged rows are missing");
    return took;
  }

 private:
  std::string ask(std::string_view database, std::string statement) {
    const auto rows = stage_->sql(database, std::move(statement));
    return rows && !rows->empty() ? std::string(rows->text(0, 0).value_or("")) : std::string();
  }
  [[nodiscard]] bool has_backup() const {
    std::error_code error;
    const auto store = fs::path(stage_->config().archive.store.where);
    for (const auto& entry : fs::directory_iterator(store / "backups", error))
      if (fs::exists(entry.path() / "backup.json", error)) return true;
    return false;
  }
  bool follows() {
    const auto status =
        shadow::read_shadow_status(stage_->config().state_dir / shadow::kShadowStatusFile);
    if (!status || status->state != shadow::ShadowState::Following) return false;
    const auto behind = ask("postgres", fmt::format("select pg_current_wal_lsn() - '{}'::pg_lsn",
                                                    to_string(status->replayed_lsn)));
    return !behind.empty() && std::stod(behind) < 1e6;
  }

  Shadowed shadowed_;
  std::unique_ptr<app::Stage> stage_;
  std::unique_ptr<app::Writer> writer_;
};

std::vector<double> lose_again_and_again(Shadowed shadowed) {
  Volume volume(shadowed);
  std::vector<double> took;
  for (int round = 0; round < kRounds; ++round) {
    took.push_back(volume.lose());
    fmt::print(stderr, "bench failover: volume lost, {}: {:.0f} ms\n",
               shadowed == Shadowed::Yes ? "a shadow" : "no shadow", took.back());
  }
  return took;
}

}  // namespace

std::vector<Cell> measure_lost_volume() {
  const auto with = lose_again_and_again(Shadowed::Yes);
  const auto without = lose_again_and_again(Shadowed::No);
  const auto theirs = lost_volume_with_pgbackrest();
  return {{"volume lost to first new commit, with a shadow, median", "ms", median(with),
           kFirstCommitMsMax},
          {"the same beside restoring by hand", "ms", median(with), std::nullopt, theirs},
          {"volume lost to first new commit, with a shadow, slowest", "ms",
           *std::ranges::max_element(with)},
          {"volume lost to first new commit, from the backup, median", "ms", median(without),
           std::nullopt, theirs}};
}

}  // namespace pgkeel::bench
