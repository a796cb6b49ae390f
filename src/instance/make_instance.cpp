// See config.hpp: one line per kind.
#include "base/result.hpp"
#include "instance/config.hpp"
#include "instance/embedded.hpp"
#include "instance/local_instance.hpp"
#include "instance/managed.hpp"
#include "instance/remote.hpp"

namespace pgkeel::instance {

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
    case Kind::Container: break;
    case Kind::Remote: return make_remote(config);
  }
  return fail(ErrorCode::NotSupported, "instances of this kind are not supported");
}

}  // namespace pgkeel::instance
