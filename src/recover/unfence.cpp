// See unfence.hpp.
#include "recover/unfence.hpp"

#include <fmt/format.h>

#include "base/log.hpp"
#include "instance/fence.hpp"
#include "recover/held_restarts.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

std::string acceptance(const Services& services, const std::optional<incident::Identity>& there) {
  const auto known = services.ledger.identity();
  if (!known) return known.error().message();
  const auto accepted = to_accept(*known, there);
  if (!accepted) return {};
  const auto name = to_string(accepted->system_id);
  if (!known->has_value()) return fmt::format("accept the cluster {}", name);
  return fmt::format("forget the cluster {} and accept {} as the known one",
                     to_string((*known)->system_id), name);
}

}  // namespace

std::optional<incident::Identity> to_accept(const std::optional<incident::Identity>& known,
                                            const std::optional<incident::Identity>& there) {
  if (known && there && known->system_id == there->system_id) return std::nullopt;
  return there;
}

std::vector<std::string> unfence_plan(const Services& services,
                                      const std::optional<incident::Identity>& there) {
  const auto facts = services.instance.inspect_data_dir();
  std::vector<std::string> plan;
  if (auto words = acceptance(services, there); !words.empty()) plan.push_back(std::move(words));
  const auto kept = held_restarter(services.ledger);
  if (kept && *kept) plan.push_back("set back as it was: " + instance::describe(**kept));
  if (!facts.fenced.empty())
    plan.push_back(fmt::format("give {} back, which is {}", services.instance.data_dir().string(),
                               facts.fenced));
  return plan;
}

Task<Result<void>> give_data_back(Services* services, std::string who) {
  const auto data_dir = services->instance.data_dir();
  const auto fence = instance::read_fence(data_dir);
  const auto released = co_await release_restarts(services);
  if (!released) co_return fail(released.error());
  CO_TRY_VOID(instance::unfence_data(data_dir));
  if (!fence) co_return Result<void>();
  log_warning("data given back", {{"data_dir", data_dir.string()}, {"who", who}});
  co_return services->ledger.note_decision(who, "unfence", data_dir.string());
}

}  // namespace pgkeel::recover
