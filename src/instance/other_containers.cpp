// See other_containers.hpp.
#include "instance/other_containers.hpp"

#include "instance/anchor.hpp"
#include "instance/data_dir.hpp"

namespace pgkeel::instance {
namespace {

OtherContainer other_from(const ContainerFacts& container, std::filesystem::path data_dir) {
  OtherContainer other{container.name, container.running, std::move(data_dir), std::nullopt};
  if (const auto control = read_control_file(other.data_dir)) other.system_id = control->system_id;
  return other;
}

constexpr Seconds kAskAgain{30};

std::string summary_of(const std::vector<ContainerEntry>& all) {
  std::string summary;
  for (const auto& entry : all) summary += entry.id + entry.name + entry.state + "\n";
  return summary;
}

runtime::Task<std::vector<OtherContainer>> ask_each(const Engine* engine,
                                                    std::vector<ContainerEntry> all) {
  std::vector<OtherContainer> others;
  std::size_t asked = 0;
  for (const auto& entry : all) {
    if (is_anchor(entry) || entry.mounts.empty() || ++asked > kOtherContainersMax) continue;
    const auto facts = co_await engine->inspect(entry.id);
    if (!facts && facts.error().code == ErrorCode::EngineUnreachable) break;
    auto data_dir = facts ? data_dir_outside(*facts) : std::filesystem::path();
    if (!data_dir.empty()) others.push_back(other_from(*facts, std::move(data_dir)));
  }
  co_return others;
}

}  // namespace

runtime::Task<std::vector<OtherContainer>> OtherContainers::find(const Engine* engine,
                                                                 SteadyTime now) {
  const auto all = co_await engine->list();
  if (!all) co_return std::vector<OtherContainer>();
  auto list = summary_of(*all);
  if (list == list_ && now - asked_at_ < kAskAgain) co_return found_;
  found_ = co_await ask_each(engine, *all);
  list_ = std::move(list);
  asked_at_ = now;
  co_return found_;
}

}  // namespace pgkeel::instance
