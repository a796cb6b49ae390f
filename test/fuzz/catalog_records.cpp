// The records of a store, as somebody else may have written them. Goal: nothing crashes a reader,
// and what was read writes back to what is read the same.
#include "archive/catalog/backup.hpp"
#include "archive/catalog/dump.hpp"
#include "archive/catalog/layout.hpp"
#include "archive/catalog/lease.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/catalog/proof.hpp"
#include "archive/restore/target.hpp"
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/wal_name.hpp"

using namespace pgkeel;

namespace {

template <class Parse>
void check(std::string_view text, Parse parse) {
  const auto once = parse(text);
  if (!once) return;
  const auto written = to_json(*once);
  const auto twice = parse(written);
  CHECK(twice && to_json(*twice) == written);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = test::text_of(bytes, size);
  check(text, archive::parse_backup);
  check(text, archive::parse_dump);
  check(text, archive::parse_lease);
  check(text, archive::parse_marker);
  check(text, archive::parse_proof);
  static_cast<void>(archive::parse_target(text));
  static_cast<void>(archive::parse_wal_key(text));
  static_cast<void>(pg::parse_history(text));
  const auto segment = pg::parse_segment_name(text, pg::kDefaultWalSegmentBytes);
  CHECK(!segment || pg::segment_name(*segment, pg::kDefaultWalSegmentBytes) == text);
  return 0;
}
