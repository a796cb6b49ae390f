// See config.hpp: one line per kind.
#include "base/result.hpp"
#include "instance/config.hpp"
#include "instance/container_instance.hpp"
#include "instance/embedded.hpp"
#include "instance/local_instance.hpp"
#include "instance/managed.hpp"
#include "instance/remote.hpp"

namespace pgkeel::instance {

namespace {

Result<ContainerPlan> container_plan(const InstanceConfig& config) {
  if (config.container.empty())
    return fail(Error(ErrorCode::ConfigBadValue, "instance.container is not set")
                    .with_hint("Give the container's name, as 'docker ps' shows it."));
  return ContainerPlan{config.container, config.engine_socket, config.data_dir,
                       config.engine_patience};
}

}  // namespace

Result<std::unique_ptr<Instance>> make_instance(runtime::Loop& loop, const InstanceConfig& config) {
  switch (config.kind) {
    case Kind::Embedded: {
      TRY(layout, embedded_layout(config));
      return std::make_unique<LocalInstance>(loop, std::move(layout));
    }
    case Kind::Managed: {
      TRY(layout, managed_layout(config));
      return std::make_unique<LocalInstance>(loop, std::move(layout));
    }
    case Kind::Container: {
      TRY(plan, container_plan(config));
      return std::make_unique<ContainerInstance>(loop, std::move(plan));
    }
    case Kind::Remote: return make_remote(config);
  }
  return fail(ErrorCode::NotSupported, "instances of this kind are not supported");
}

}  // namespace pgkeel::instance
