// What a message of the server's log says is damaged, by the names it uses itself.
#pragma once

#include <string>
#include <string_view>

#include "sense/log_event.hpp"

namespace pgkeel::sense {

/// The file in a message: "base/5/27253", "pg_xact/0003"; empty when none is named.
[[nodiscard]] std::string named_file(std::string_view message);
/// What stands between the first double quotes; empty when nothing does.
[[nodiscard]] std::string quoted_name(std::string_view message);

/// A file, a TOAST table, or for IndexCorrupt the index; empty for what names none and for events
/// that are about no damage.
[[nodiscard]] std::string damaged_object(const LogEvent& event);

}  // namespace pgkeel::sense
