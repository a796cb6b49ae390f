// What the last undrop brought back, written in the transaction that did: by the object's oid the
// next one knows its own work, when the process was killed before it could say so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "archive/undrop/psql.hpp"

namespace pgkeel::archive {

struct UndropMarker {
  std::string database;
  std::uint32_t database_oid = 0;
  std::map<std::string, std::uint32_t> relations;  ///< "public.orders": its oid; empty: all of it
  nlohmann::json result;                           ///< what was said of it
};

/// In the scratch directory; nullopt when there is none that can be read.
[[nodiscard]] std::optional<UndropMarker> read_marker_file(const std::filesystem::path& file);
[[nodiscard]] std::string marker_text(const UndropMarker& marker);

}  // namespace pgkeel::archive
