// Whoever the relay's socket lets in may still say anything. Goal: no bytes make it read outside
// them, wait for ever or put out without a bound.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "shadow/relay/session.hpp"
#include "support/temp_dir.hpp"

namespace {

using namespace pgkeel;

shadow::Shelf& empty_shelf() {
  static const test::TempDir dir;
  static const auto shelf = [] {
    shadow::ShelfPlaces places;
    places.incoming = places.cache = dir.path();
    places.store.where = dir.path().string();
    places.segment_bytes = 1U << 20U;
    auto opened = shadow::Shelf::open(places);
    CHECK(opened.has_value());
    (*opened)->received(TimelineId(1), Lsn(0x500000));
    return *std::move(opened);
  }();
  return *shelf;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(input), size);
  const auto now = SteadyClock::now();
  shadow::RelaySession session(empty_shelf(), SystemId(42), now);
  const auto half = size / 2;
  session.receive(bytes.first(half), now);
  session.pump(now);
  session.receive(bytes.subspan(half), now);
  session.pump(now);
  CHECK(session.pending().size() < (8U << 20U));
  static_cast<void>(archive::decode_standby_message(bytes));
  return 0;
}
