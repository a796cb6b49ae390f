// A request's target is anybody's. Goal: nothing crashes its reader, no NUL comes out of it, and
// what it yields is written back to a target that reads the same.
#include "runtime/http_target.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace pgkeel::runtime;
  HttpRequest request;
  const auto target = pgkeel::test::text_of(bytes, size);
  if (target.contains('\0') || !detail::parse_target(target, request)) return 0;
  CHECK(!request.path.contains('\0'));
  HttpRequest again;
  CHECK(detail::parse_target(detail::write_target(request), again));
  CHECK(again.path == request.path && again.query == request.query);
  return 0;
}
