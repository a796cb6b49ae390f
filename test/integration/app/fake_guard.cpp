// Every action is noted and answered at once.
#include "integration/app/fake_guard.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace pgkeel::test {

FakeGuard::FakeGuard(const std::filesystem::path& state_dir) {
  std::filesystem::create_directories(state_dir);
  std::filesystem::permissions(state_dir, std::filesystem::perms(0700));
  snapshot.state = serve::ServiceState::Up;
  snapshot.since = wall_now();
  snapshot.mode = "act";
  snapshot.instance.description = "managed postgresql@15-main at /pg";
  snapshot.guard.started_at = wall_now();
  snapshot.guard.started = SteadyClock::now();
  serve::ApiOptions options;
  options.unix_socket = state_dir / "guard.sock";
  auto api = serve::Api::create(loop_, {this, this, this, this}, options);
  if (api) api_ = std::move(*api);
  else ADD_FAILURE() << api.error().message();
  thread_ = std::thread([this] { loop_.run(); });
}

FakeGuard::~FakeGuard() {
  loop_.stop();
  thread_.join();
}

std::vector<std::string> FakeGuard::asked() const {
  const std::scoped_lock lock(mutex_);
  return asked_;
}

Result<> FakeGuard::note(std::string what) {
  const std::scoped_lock lock(mutex_);
  asked_.push_back(std::move(what));
  if (refusal != ErrorCode::Failed) return fail(refusal, "the guard says no");
  return {};
}

runtime::Task<Result<>> FakeGuard::pause(std::optional<Millis> duration) {
  co_return note(duration ? fmt::format("pause {}", duration->count()) : "pause");
}
runtime::Task<Result<>> FakeGuard::resume() { co_return note("resume"); }
runtime::Task<Result<>> FakeGuard::set_anchor(bool wanted) {
  co_return note(wanted ? "keep the anchor" : "remove the anchor");
}
runtime::Task<Result<>> FakeGuard::apply_application(std::string who) {
  co_return note("make the application for " + who);
}
runtime::Task<Result<std::vector<std::string>>> FakeGuard::unfence_plan() {
  co_return std::vector<std::string>{"give /data back, which is fenced by pgkeel"};
}
runtime::Task<Result<>> FakeGuard::unfence(std::string who) { co_return note("unfence " + who); }
runtime::Task<Result<>> FakeGuard::forget_relation(std::string database, std::string relation,
                                                   std::string) {
  co_return note(fmt::format("forget {} in {}", relation, database));
}
runtime::Task<Result<>> FakeGuard::forget_database(std::string database, std::string) {
  co_return note("forget database " + database);
}
runtime::Task<Result<>> FakeGuard::acknowledge(std::string incident, std::string who) {
  co_return note(fmt::format("ack {} by {}", incident, who));
}
runtime::Task<Result<>> FakeGuard::abandon(std::string incident, std::string who) {
  co_return note(fmt::format("abandon {} by {}", incident, who));
}
runtime::Task<Result<>> FakeGuard::note_change(serve::NotedChange change) {
  co_return note("note " + change.what + " " + change.subject + " " + change.detail);
}

runtime::Task<Result<>> FakeGuard::take_back(std::string incident) {
  co_return note("take back " + incident);
}

runtime::Task<Result<std::vector<incident::Incident>>> FakeGuard::list(std::size_t most) {
  auto newest = incidents;
  newest.resize(std::min(newest.size(), most));
  co_return newest;
}

runtime::Task<Result<incident::Incident>> FakeGuard::load(std::string id) {
  const auto found = std::ranges::find(incidents, id, &incident::Incident::id);
  if (found == incidents.end()) co_return fail(ErrorCode::NotFound, "no incident " + id);
  co_return *found;
}

runtime::Task<Result<std::vector<std::string>>> FakeGuard::tail(serve::LogKind kind,
                                                                std::size_t lines) {
  if (kind == serve::LogKind::Guard) co_return std::vector<std::string>{"guard started"};
  const auto skipped = log.size() - std::min(log.size(), lines);
  co_return std::vector<std::string>(log.begin() + static_cast<std::ptrdiff_t>(skipped), log.end());
}

}  // namespace pgkeel::test
