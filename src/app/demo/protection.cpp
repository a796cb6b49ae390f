// See protection.hpp.
#include "app/demo/protection.hpp"

#include <fmt/format.h>

#include <thread>

namespace pgkeel::app {
namespace {

constexpr Seconds kPatience{120};  // a base backup, and a shadow built from it
constexpr Millis kPollEvery{50};

constexpr std::string_view kWaiting =
    "select count(*) from pg_stat_replication where sync_state = 'sync'";

bool commits_wait(Stage& stage) {
  const auto rows = stage.sql("postgres", std::string(kWaiting));
  return rows && rows->size() == 1 && rows->text(0, 0) != "0";
}

bool shadow_follows(const Stage& stage) {
  const auto status = stage.client().get("/api/v1/status");
  if (!status) return false;
  const auto shadow = status->find("shadow");
  return shadow != status->end() && shadow->is_object() && shadow->value("ok", false);
}

}  // namespace

GuardEnvironment demo_protection() {
  return {
      {"PGKEEL_INSTANCE_DATABASES", "shop, crm"},  {"PGKEEL_ARCHIVE_STORE", "archive"},
      {"PGKEEL_ARCHIVE_DURABILITY", "sync"},       {"PGKEEL_SHADOW_ENABLED", "true"},
      {"PGKEEL_RECOVER_MISSING_TABLE", "restore"}, {"PGKEEL_RECOVER_MISSING_DATABASE", "restore"}};
}

Result<void> await_protected(Stage& stage) {
  const auto deadline = SteadyClock::now() + kPatience;
  while (SteadyClock::now() < deadline) {
    if (shadow_follows(stage) && commits_wait(stage)) return {};
    if (stage.stop().stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    std::this_thread::sleep_for(kPollEvery);
  }
  return fail(ErrorCode::TimedOut, fmt::format("archive and shadow were not ready within {}",
                                               humane_duration(kPatience)));
}

}  // namespace pgkeel::app
