// See anchor.hpp.
#include "instance/anchor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"

namespace pgkeel::instance {
namespace {

using runtime::Task;

constexpr std::string_view kLabel = "io.pgkeel.anchor";  // its value: the container it serves

NewContainer plan_for(const ContainerFacts& container, const ContainerMount& mount) {
  NewContainer plan;
  plan.name = anchor_name(container);
  plan.image = container.image_digest.empty() ? container.image : container.image_digest;
  plan.command = {"/bin/false"};
  plan.mounts = {mount};
  plan.mounts.front().writable = false;
  plan.labels = {{std::string(kLabel), container.name}};
  return plan;
}

bool holds(const ContainerFacts& anchor, const ContainerMount& wanted) {
  for (const auto& mount : anchor.mounts)
    if (mount.type == "volume" && mount.name == wanted.name) return true;
  return false;
}

// The anchor as it is; nothing when there is none.
Task<Result<std::optional<ContainerFacts>>> find_anchor(const Engine* engine, std::string name,
                                                        std::string serves) {
  auto found = co_await engine->inspect(name);
  if (!found && found.error().code == ErrorCode::NotFound)
    co_return std::optional<ContainerFacts>();
  if (!found) co_return fail(found.error());
  if (found->label(kLabel) != serves)
    co_return fail(
        Error(ErrorCode::Refused, fmt::format("container {} is no anchor of {}", name, serves))
            .with_hint("Give that container another name."));
  co_return std::optional<ContainerFacts>(std::move(*found));
}

}  // namespace

std::string anchor_name(const ContainerFacts& container) {
  return "pgkeel-anchor-" + container.name;
}

bool is_anchor(const ContainerEntry& container) {
  return std::ranges::any_of(container.labels,
                             [](const auto& label) { return label.first == kLabel; });
}

Task<Result<std::string>> keep_anchor(const Engine* engine, ContainerFacts container) {
  const auto* mount = data_mount(container);
  if (mount == nullptr || mount->type != "volume" || mount->name.empty()) co_return std::string();
  CO_TRY(anchor, co_await find_anchor(engine, anchor_name(container), container.name));
  if (anchor && holds(*anchor, *mount)) co_return mount->name;
  if (anchor) CO_TRY_VOID(co_await engine->remove_container(anchor->id));
  auto plan = plan_for(container, *mount);
  const auto made = co_await engine->create(std::move(plan));
  if (!made) co_return fail(made.error());
  log_info("anchor made", {{"container", anchor_name(container)}, {"volume", mount->name}});
  co_return mount->name;
}

Task<Result<void>> remove_anchor(const Engine* engine, ContainerFacts container) {
  CO_TRY(anchor, co_await find_anchor(engine, anchor_name(container), container.name));
  if (!anchor) co_return Result<void>();
  auto removed = co_await engine->remove_container(anchor->id);
  co_return removed;
}

}  // namespace pgkeel::instance
