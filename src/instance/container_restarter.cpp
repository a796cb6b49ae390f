// Who starts a container besides us: the engine, by its restart policy, or the Swarm it is a task
// of, which makes another container when one ends. What an engine answers is not believed: it is
// asked again what is so.
#include <fmt/format.h>

#include <charconv>

#include "instance/container_instance.hpp"

namespace pgkeel::instance {
namespace {

using runtime::Task;

int number_in(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Task<Result<Restarter>> service_restarter(const Engine* engine, std::string name) {
  CO_TRY(service, co_await engine->service(name));
  if (!service.wanted)
    co_return fail(ErrorCode::NotSupported,
                   "service " + name + " runs on every node; only its removal ends it");
  co_return Restarter{Restarter::Kind::Service, std::move(name), std::to_string(*service.wanted)};
}

Task<Result<void>> set_service(const Engine* engine, const Restarter* wanted) {
  CO_TRY(service, co_await engine->service(wanted->name));
  if (service.wanted == number_in(wanted->setting)) co_return Result<void>();
  auto done = co_await engine->scale_service(std::move(service), number_in(wanted->setting));
  co_return done;
}

Task<Result<void>> set_policy(const Engine* engine, const Restarter* wanted) {
  const auto colon = std::min(wanted->setting.find(':'), wanted->setting.size());
  const std::string_view setting = wanted->setting;
  const auto retries = colon == setting.size() ? 0 : number_in(setting.substr(colon + 1));
  auto done = co_await engine->update_restart(
      wanted->name, restart_policy_by_name(setting.substr(0, colon)), retries);
  co_return done;
}

Task<Result<Restarter>> ask_again(const Engine* engine, const Restarter* wanted) {
  if (wanted->kind == Restarter::Kind::Service) {
    auto service = co_await service_restarter(engine, wanted->name);
    co_return service;
  }
  CO_TRY(facts, co_await engine->inspect(wanted->name));
  co_return Restarter{Restarter::Kind::Container, facts.id, restart_setting(facts)};
}

}  // namespace

Task<Result<Restarter>> ContainerInstance::restarter() {
  const auto facts = co_await inspect_container();
  const bool gone = !facts && facts.error().code == ErrorCode::NotFound;
  if (!facts && !gone) co_return fail(facts.error());
  const auto task = facts ? swarm_task(*facts) : std::nullopt;
  // A service of no task has no container, and is known by its own name.
  if (!gone && !task)
    co_return Restarter{Restarter::Kind::Container, facts->id, restart_setting(*facts)};
  auto service = co_await service_restarter(&engine_, task ? task->service : plan_.container);
  if (gone && !service) co_return fail(facts.error());
  co_return service;
}

Task<Result<void>> ContainerInstance::set_restarter(Restarter wanted) {
  auto done = co_await restart_as(&engine_, std::move(wanted));
  co_return done;
}

Task<Result<void>> restart_as(const Engine* engine, Restarter wanted) {
  if (wanted.kind == Restarter::Kind::None) co_return Result<void>();
  const bool service = wanted.kind == Restarter::Kind::Service;
  const auto before = co_await ask_again(engine, &wanted);
  if (!before) co_return fail(before.error());
  if (*before == wanted) co_return Result<void>();
  auto done = Result<void>();
  if (service) done = co_await set_service(engine, &wanted);
  else done = co_await set_policy(engine, &wanted);
  if (!done) co_return fail(done.error());
  const auto now = co_await ask_again(engine, &wanted);
  if (!now) co_return fail(now.error());
  if (now->setting == wanted.setting) co_return Result<void>();
  co_return fail(ErrorCode::Refused,
                 fmt::format("the container engine answered that it was done, but {} (wanted: {})",
                             describe(*now), wanted.setting));
}

}  // namespace pgkeel::instance
