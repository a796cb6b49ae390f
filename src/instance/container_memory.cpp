// How much memory a container may have, changed while it is what it is: nothing is restarted or
// re-created for it. What the engine answers is not believed; it is asked again.
#include <fmt/format.h>

#include <algorithm>

#include "instance/container_instance.hpp"

namespace pgkeel::instance {
namespace {

// The swap it may use stays what it was.
std::int64_t with_swap(const ContainerFacts& before, std::int64_t bytes) {
  if (before.memory_swap < 0) return -1;
  if (before.memory_swap == 0) return 2 * bytes;  // what engines make of no word about it
  return bytes + std::max<std::int64_t>(before.memory_swap - before.memory_limit, 0);
}

}  // namespace

runtime::Task<Result<void>> ContainerInstance::raise_memory_limit(std::int64_t bytes) {
  CO_TRY(before, co_await inspect_container());
  if (before.memory_limit >= bytes) co_return Result<void>();
  CO_TRY_VOID(co_await engine_.update_memory(before.id, {bytes, with_swap(before, bytes)}));
  CO_TRY(now, co_await engine_.inspect(before.id));
  if (now.memory_limit == bytes) co_return Result<void>();
  co_return fail(ErrorCode::Refused,
                 fmt::format("the container engine answered that it was done, but the limit is {} "
                             "bytes",
                             now.memory_limit));
}

}  // namespace pgkeel::instance
