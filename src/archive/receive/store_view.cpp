// See store_view.hpp.
#include "archive/receive/store_view.hpp"

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {

Result<std::optional<StreamStart>> end_of_store(Store& store, std::uint64_t segment_bytes) {
  TRY(objects, store.list(kWalPrefix));
  std::optional<StreamStart> end;
  for (const auto& object : objects) {
    const auto name = parse_wal_key(object.key);
    const auto segment = name ? pg::parse_segment_name(name->name, segment_bytes) : std::nullopt;
    if (!segment) continue;
    const StreamStart here{segment->timeline, segment->end(segment_bytes)};
    if (!end || here > *end) end = here;
  }
  return end;
}

Result<InStore> look_up(Store& store, const std::string& prefix, std::string_view name,
                        std::string_view sha256) {
  TRY(objects, store.list(prefix));
  auto found = InStore::Absent;
  for (const auto& object : objects) {
    const auto known = parse_wal_key(object.key);
    if (!known || known->name != name) continue;
    if (known->sha256 == sha256) found = InStore::Same;
    else
      return fail(Error(ErrorCode::Refused,
                        fmt::format("{} is in {} already with other bytes ({}); nothing was "
                                    "replaced",
                                    name, store.describe(), object.key))
                      .with_hint("Two servers, or one that went back in time, archive to this "
                                 "store. Give the one that is not meant another archive.store."));
  }
  return found;
}

}  // namespace pgkeel::archive
