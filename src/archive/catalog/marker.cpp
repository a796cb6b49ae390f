// See marker.hpp.
#include "archive/catalog/marker.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "archive/catalog/fields.hpp"
#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

using nlohmann::json;

constexpr std::size_t kMarkerBytesMax = 64U << 10U;

Marker read_fields(const json& from) {
  const Marker marker{fields::system_id(from, "system_identifier"),
                      fields::number<std::uint64_t>(from, "wal_segment_bytes"),
                      fields::time(from, "created_at")};
  if (!pg::valid_segment_bytes(marker.wal_segment_bytes))
    throw std::invalid_argument("impossible WAL segments");
  return marker;
}

Result<void> refuse_unmarked(Store& store) {
  for (const char* prefix : {kBackupsPrefix, kDumpsPrefix, kWalPrefix}) {
    TRY(objects, store.list(prefix));
    if (!objects.empty())
      return fail(Error(ErrorCode::Refused,
                        fmt::format("{} holds {} but no {}: whose archive it is cannot be told",
                                    store.describe(), objects.front().key, kMarkerKey))
                      .with_hint("Put the archive.json back, or use an empty store."));
  }
  return {};
}

Error foreign(const Store& store, const Marker& theirs, const Marker& ours) {
  return Error(
             ErrorCode::WrongIdentity,
             fmt::format("{} is the archive of the cluster {}, this server is {}", store.describe(),
                         to_string(theirs.system_id), to_string(ours.system_id)))
      .with_hint("Give this server an archive of its own: another directory or prefix.");
}

}  // namespace

std::string to_json(const Marker& marker) {
  const json record{{"format", kFormat},
                    {"system_identifier", to_string(marker.system_id)},
                    {"wal_segment_bytes", marker.wal_segment_bytes},
                    {"created_at", to_iso8601(marker.created_at)}};
  return record.dump(2) + "\n";
}

Result<Marker> parse_marker(std::string_view text) {
  const auto record = json::parse(text, nullptr, false);
  if (record.is_discarded() || !record.is_object())
    return fail(ErrorCode::Malformed, "no archive marker: not a JSON object");
  try {
    const int format = fields::number<int>(record, "format");
    if (format > kFormat)
      return fail(
          Error(ErrorCode::Unsupported,
                fmt::format("the archive is of format {}, this pgkeel reads {}", format, kFormat))
              .with_hint("Use the newer pgkeel that wrote it."));
    return read_fields(record);
  } catch (const std::exception& problem) {
    return fail(ErrorCode::Malformed, fmt::format("damaged archive marker: {}", problem.what()));
  }
}

Result<std::optional<Marker>> read_marker(Store& store) {
  const auto text = read_object(store, kMarkerKey, kMarkerBytesMax);
  if (!text && text.error().code == ErrorCode::NotFound) return std::nullopt;
  if (!text) return fail(text.error());
  auto marker = parse_marker(*text);
  if (!marker) return fail(std::move(marker).error().with_context("read " + store.describe()));
  return *marker;
}

Result<Marker> claim_archive(Store& store, const Marker& ours) {
  TRY(there, read_marker(store));
  if (!there) {
    TRY_VOID(refuse_unmarked(store));
    const auto written = write_object(store, kMarkerKey, to_json(ours), Replace::Never);
    if (written) return ours;
    if (written.error().code != ErrorCode::Refused) return fail(written.error());
    TRY(theirs, read_marker(store));  // somebody was faster
    if (!theirs) return fail(written.error());
    there = theirs;
  }
  if (there->system_id != ours.system_id) return fail(foreign(store, *there, ours));
  return *there;
}

}  // namespace pgkeel::archive
