// See application.hpp.
#include "app/guard/application.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Seconds kNotServing{1};  // while the server is still coming up
constexpr Seconds kTryAgain{10};
constexpr Seconds kLookEvery{600};  // where it is only shown
constexpr std::size_t kPasswordBytesMax = 1024;

recover::ApplicationWish wish_of(const ApplicationConfig& application) {
  return {application.database,     application.role_name(),
          application.connections,  application.statement_timeout,
          application.lock_timeout, application.idle_in_transaction_timeout};
}

std::unexpected<Error> no_password(std::string what) {
  return fail(Error(ErrorCode::ConfigBadValue, std::move(what))
                  .with_hint("Set PGKEEL_APPLICATION_PASSWORD in the environment, or "
                             "application.password_file to a file with the password alone on its "
                             "first line."));
}

}  // namespace

bool makes_application(const Config& config) {
  const auto& application = config.application;
  if (!application.configured() || config.mode == Mode::Advise) return false;
  const bool owned = config.instance.kind == instance::Kind::Embedded;
  return application.apply == ApplyPolicy::Always ||
         (application.apply == ApplyPolicy::Owned && owned);
}

Result<std::string> application_password(const ApplicationConfig& application) {
  if (!application.password.empty()) return application.password;
  if (application.password_file.empty())
    return no_password("the application's role has no password yet");
  TRY(text, runtime::read_file(application.password_file, kPasswordBytesMax));
  auto password = text.substr(0, text.find('\n'));
  if (password.ends_with('\r')) password.pop_back();
  if (password.empty() || password.find('\0') != std::string::npos)
    return no_password(fmt::format("{} holds no password", application.password_file.string()));
  return password;
}

ApplicationKeeper::ApplicationKeeper(const Config& config, recover::Services& services,
                                     const recover::Conductor& conductor)
    : config_(config),
      services_(services),
      conductor_(conductor),
      setup_(services, wish_of(config.application),
             [&config] { return application_password(config.application); }) {}

// Never while anything is wrong: the cluster that answers then may not be the known one.
bool ApplicationKeeper::known_data_serves() const {
  return services_.senses.observation().healthy() && conductor_.findings().empty();
}

Task<Result<void>> ApplicationKeeper::attempt() {
  if (busy_) co_return fail(ErrorCode::WrongState, "the application's role is being made just now");
  busy_ = true;
  auto attempted = co_await setup_.make();
  busy_ = false;
  note(attempted);
  co_return attempted;
}

void ApplicationKeeper::note(const Result<void>& attempted) {
  const auto failure = attempted ? std::string() : attempted.error().message();
  hint_ = attempted ? std::string() : std::string(attempted.error().hint());
  if (!failure.empty() && failure != failure_)
    log_error("application role and database not made", {{"why", failure}, {"hint", hint_}});
  failure_ = failure;
}

Task<void> ApplicationKeeper::first_try() {
  const bool embedded = services_.instance.kind() == instance::Kind::Embedded;
  if (!makes_application(config_) || !embedded) co_return;
  const auto paused = services_.ledger.fact("paused_until");
  if (!paused || !paused->empty() || !services_.instance.find_postmaster()) co_return;
  static_cast<void>(co_await attempt());
}

Task<void> ApplicationKeeper::run() {
  if (!config_.application.configured()) co_return;
  while (!setup_.done()) {
    Seconds pause = kNotServing;
    if (known_data_serves() && !busy_) {
      const bool acts = makes_application(config_) && !conductor_.state().paused;
      if (acts) {
        static_cast<void>(co_await attempt());
      } else {
        const auto looked = co_await setup_.look();
        note(looked);
      }
      pause = makes_application(config_) || !failure_.empty() ? kTryAgain : kLookEvery;
    }
    if (setup_.done()) break;
    static_cast<void>(co_await services_.loop.sleep_for(pause));
  }
}

Task<Result<void>> ApplicationKeeper::apply(std::string who) {
  if (!config_.application.configured())
    co_return fail(Error(ErrorCode::WrongState, "no application is configured")
                       .with_hint("Set application.database in pgkeel.toml."));
  if (config_.mode == Mode::Advise) co_return fail(ErrorCode::AdviceOnly, "the guard only advises");
  if (!known_data_serves())
    co_return fail(ErrorCode::WrongState, "the database does not serve, or something is wrong");
  log_info("application asked for", {{"who", who}});
  auto applied = co_await attempt();
  co_return applied;
}

std::string_view ApplicationKeeper::state() const {
  if (setup_.done()) return "done";
  if (!failure_.empty()) return "failed";
  if (config_.mode == Mode::Advise) return "only advised";
  return makes_application(config_) ? "pending" : "not asked for";
}

std::optional<serve::Application> ApplicationKeeper::view() const {
  if (!config_.application.configured()) return std::nullopt;
  serve::Application view;
  view.database = config_.application.database;
  view.role = config_.application.role_name();
  view.state = state();
  view.done_at = setup_.record().done_at;
  view.failure = failure_;
  view.hint = hint_;
  for (const auto& item : setup_.items()) view.items.push_back({item.what, item.state});
  return view;
}

std::optional<serve::Warning> ApplicationKeeper::warning() const {
  if (failure_.empty() || setup_.done()) return std::nullopt;
  return serve::Warning{
      "application", fmt::format("The application's role and database are not made: {}.", failure_),
      hint_};
}

}  // namespace pgkeel::app
