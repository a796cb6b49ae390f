// See own_container.hpp.
#include "archive/restore/own_container.hpp"

#include <functional>

#include <fmt/format.h>

#include "base/log.hpp"

namespace pgkeel::archive {

OwnContainer::OwnContainer(const std::filesystem::path& engine_socket, std::string_view kind,
                           std::filesystem::path works_for)
    : engine_(loop_, engine_socket),
      works_for_(std::move(works_for)),
      label_(fmt::format("io.pgkeel.{}", kind)),
      name_(fmt::format("pgkeel-{}-{:016x}", kind, std::hash<std::string>{}(works_for_.string()))) {
}

OwnContainer::~OwnContainer() {
  // The engine removes it by itself; one that does not is helped.
  if (started()) static_cast<void>(ask(engine_.remove_container(id_)));
}

Result<void> OwnContainer::clear_earlier() {
  const auto found = ask(engine_.inspect(name_));
  if (!found && found.error().code == ErrorCode::NotFound) return {};
  if (!found) return fail(found.error());
  if (found->label(label_) != works_for_.string())
    return fail(Error(ErrorCode::Refused, fmt::format("container {} is not ours", name_))
                    .with_hint("Give that container another name."));
  if (found->running) {
    const auto stopped = ask(engine_.stop(found->id, Seconds(0)));
    // It may have ended by itself since.
    if (!stopped && stopped.error().code != ErrorCode::NotFound) return fail(stopped.error());
  }
  const auto removed = ask(engine_.remove_container(found->id));
  if (!removed && removed.error().code != ErrorCode::NotFound) return fail(removed.error());
  return {};
}

Result<void> OwnContainer::start(instance::NewContainer plan) {
  TRY_VOID(clear_earlier());
  plan.name = name_;
  plan.labels = {{label_, works_for_.string()}};
  plan.removed_at_end = true;
  const auto image = plan.image;
  TRY(id, ask(engine_.create(std::move(plan))));
  const auto begun = ask(engine_.start(id));
  if (!begun) {
    static_cast<void>(ask(engine_.remove_container(id)));
    return fail(begun.error());
  }
  id_ = id;
  log_debug("container started", {{"container", name_}, {"image", image}});
  return {};
}

bool OwnContainer::runs() {
  if (!started()) return false;
  const auto found = ask(engine_.inspect(id_));
  if (found) return found->running;
  return found.error().code != ErrorCode::NotFound;
}

void OwnContainer::kill() {
  if (started()) static_cast<void>(ask(engine_.stop(id_, Seconds(0))));
}

instance::ContainerMount same_place(const std::filesystem::path& directory) {
  return {.type = "bind", .name = {}, .source = directory, .destination = directory};
}

}  // namespace pgkeel::archive
