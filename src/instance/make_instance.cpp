// See config.hpp: one line per kind.
#include "base/result.hpp"
#include "instance/config.hpp"
#include "instance/embedded.hpp"
#include "instance/local_instance.hpp"
#include "instance/managed.hpp"

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
    case Kind::Container:
    case Kind::Remote: break;
  }
  return fail(ErrorCode::NotSupported, "instances of kind " + std::string(to_string(config.kind)) +
                                           " are not supported yet");
}

}  // namespace pgkeel::instance
