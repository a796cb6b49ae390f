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

}  // namespace

runtime::Task<std::vector<OtherContainer>> find_other_containers(const Engine* engine) {
  std::vector<OtherContainer> others;
  const auto all = co_await engine->list();
  if (!all) co_return others;
  std::size_t asked = 0;
  for (const auto& entry : *all) {
    if (is_anchor(entry) || entry.mounts.empty() || ++asked > kOtherContainersMax) continue;
    const auto facts = co_await engine->inspect(entry.id);
    if (!facts && facts.error().code == ErrorCode::EngineUnreachable) break;
    auto data_dir = facts ? data_dir_outside(*facts) : std::filesystem::path();
    if (!data_dir.empty()) others.push_back(other_from(*facts, std::move(data_dir)));
  }
  co_return others;
}

}  // namespace pgkeel::instance
