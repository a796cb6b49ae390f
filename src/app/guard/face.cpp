// The operator's actions, incidents and logs. The snapshot is in face_status.cpp.
#include "app/guard/face.hpp"

#include <algorithm>
#include <charconv>

#include "app/gateway/guard_link.hpp"
#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kLogTailBytes = 1U << 20U;  // a screenful of lines is far below this

// What a command noted; 0: it did not say.
std::int64_t rows_in(std::string_view detail) {
  std::int64_t rows = 0;
  std::from_chars(detail.data(), detail.data() + detail.size(), rows);
  return rows;
}

std::vector<std::string> last_lines(std::string_view text, std::size_t most) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (lines.size() > most)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  return lines;
}

}  // namespace

Face::Face(const Config& config, runtime::Loop& loop, instance::Instance& instance,
           sense::Senses& senses, incident::Journal& journal, recover::Conductor& conductor)
    : config_(config),
      loop_(loop),
      instance_(instance),
      senses_(senses),
      journal_(journal),
      conductor_(conductor),
      started_wall_(wall_now()),
      started_(loop.now()),
      last_state_since_(started_wall_) {}

Result<std::string> Face::conninfo() const {
  if (senses_.observation().process.state == sense::ProcessState::Absent)
    return fail(ErrorCode::ServerNotRunning, "the server does not run");
  auto conninfo = senses_.conninfo();
  conninfo.password.clear();
  return conninfo.to_keyword_value();
}

runtime::Task<Result<>> Face::pause(std::optional<Millis> duration) {
  co_return conductor_.pause(duration);
}

runtime::Task<Result<>> Face::resume() { co_return conductor_.unpause(); }

runtime::Task<Result<>> Face::unfence(std::string who) {
  co_await senses_.look_at_files();
  auto done = co_await conductor_.unfence(std::move(who));
  co_await senses_.look_at_files();
  co_return done;
}

runtime::Task<Result<std::vector<std::string>>> Face::unfence_plan() {
  co_return conductor_.unfence_plan();
}

runtime::Task<Result<>> Face::apply_application(std::string who) {
  auto done = co_await application_->apply(std::move(who));
  co_return done;
}

runtime::Task<Result<>> Face::set_anchor(bool wanted) {
  auto done = co_await anchor_->set(wanted);
  co_return done;
}

runtime::Task<Result<>> Face::forget_relation(std::string database, std::string relation,
                                              std::string who) {
  co_return conductor_.forget_relation(database + "." + relation, who);
}

runtime::Task<Result<>> Face::forget_database(std::string database, std::string who) {
  co_return conductor_.forget_database(database, who);
}

// Those who were told hear it from the journal's own record.
runtime::Task<Result<>> Face::acknowledge(std::string incident, std::string who) {
  CO_TRY_VOID(journal_.acknowledge(incident, who, wall_now()));
  CO_TRY(known, journal_.load(incident));
  log_info("incident acknowledged", {{"incident", incident}, {"by", known.acked_by}});
  if (alerts_ != nullptr) alerts_->incident_changed(known, "");
  co_return Result<>();
}

runtime::Task<Result<>> Face::abandon(std::string incident, std::string who) {
  co_return conductor_.abandon(incident, who);
}

runtime::Task<Result<>> Face::take_back(std::string incident) {
  co_return conductor_.take_back(incident);
}

runtime::Task<Result<>> Face::note_change(serve::NotedChange change) {
  CO_TRY_VOID(ledger_->note_decision(change.who, change.what, change.subject, change.detail));
  log_info("a command changed the server", {{"what", change.what},
                                            {"subject", change.subject},
                                            {"detail", change.detail},
                                            {"who", change.who}});
  if (change.what == serve::kUndropped)
    co_return conductor_.know_anew(change.subject, change.who, rows_in(change.detail));
  protection_->ask();
  co_return Result<>();
}

runtime::Task<Result<std::vector<incident::Incident>>> Face::list(std::size_t most) {
  co_return journal_.list(most);
}

runtime::Task<Result<incident::Incident>> Face::load(std::string id) {
  co_return journal_.load(id);
}

runtime::Task<Result<std::vector<std::string>>> Face::tail(serve::LogKind kind, std::size_t lines) {
  if (kind == serve::LogKind::Guard) {
    co_return fail(Error(ErrorCode::NotSupported, "the guard writes its log to stderr")
                       .with_hint("Under systemd: journalctl -u pgkeel."));
  }
  const bool gateways = kind == serve::LogKind::Gateway;
  if (!gateways && !instance_.capabilities().sees_files) {
    co_return fail(Error(ErrorCode::NotSupported, "the server's log is out of the guard's reach")
                       .with_hint("Look at it where the server runs."));
  }
  const auto path = gateways ? config_.state_dir / kGatewayLogFile : senses_.server_log();
  const auto text =
      co_await loop_.run_blocking([&path] { return runtime::read_file_tail(path, kLogTailBytes); });
  if (!text) co_return fail(text.error());
  co_return last_lines(*text, lines);
}

}  // namespace pgkeel::app
