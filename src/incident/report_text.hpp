// The small words and marks the report's pages share. Private to the room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "incident/model.hpp"

namespace pgkeel::incident {

/// Text that came from outside must not become Markdown or HTML, nor end a table's cell.
[[nodiscard]] std::string escaped(std::string_view text);
/// "2026-11-21 03:04:05 UTC"
[[nodiscard]] std::string day_and_clock(WallTime at);
[[nodiscard]] std::string plural(std::size_t count, std::string_view word);
/// Text without its beginning.
[[nodiscard]] std::string_view after(std::string_view text, std::string_view beginning);
/// Whether clients felt it: false when an event says that it was over without a restored service.
[[nodiscard]] bool interrupted_clients(const Incident& incident);
/// How the stability watch stands or ended, in one sentence; empty before it began.
[[nodiscard]] std::string watch_in_words(const Incident& incident);

}  // namespace pgkeel::incident
