// See marker.hpp.
#include "archive/undrop/marker.hpp"

#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::size_t kMarkerBytesMax = 16U << 20U;

}  // namespace

std::optional<UndropMarker> read_marker_file(const std::filesystem::path& file) {
  const auto text = runtime::read_file(file, kMarkerBytesMax);
  if (!text) return std::nullopt;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  UndropMarker marker;
  try {
    marker.database = json.value("database", "");
    marker.database_oid = json.value("database_oid", std::uint32_t{0});
    if (json.contains("relations") && json["relations"].is_object())
      marker.relations = json["relations"].get<std::map<std::string, std::uint32_t>>();
    marker.result = json.value("result", nlohmann::json::object());
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  if (marker.database.empty() || marker.database_oid == 0) return std::nullopt;
  return marker;
}

std::string marker_text(const UndropMarker& marker) {
  const nlohmann::json json = {{"database", marker.database},
                               {"database_oid", marker.database_oid},
                               {"relations", marker.relations},
                               {"result", marker.result}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace pgkeel::archive
