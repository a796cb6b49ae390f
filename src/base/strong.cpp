// Text forms of the strong types, as the server writes them.
#include "base/strong.hpp"

#include <charconv>

#include <fmt/format.h>

namespace pgkeel {
namespace {

template <class Number>
bool parse_whole(std::string_view text, Number& number, int base) {
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  return error == std::errc{} && stop == end && !text.empty();
}

}  // namespace

std::string to_string(Lsn lsn) {
  return fmt::format("{:X}/{:X}", lsn.value >> 32U, lsn.value & 0xFFFFFFFFU);
}
std::string to_string(TimelineId timeline) { return std::to_string(timeline.value); }
std::string to_string(SystemId system_id) { return std::to_string(system_id.value); }
std::string to_string(Xid xid) { return std::to_string(xid.value); }
std::string to_string(Oid oid) { return std::to_string(oid.value); }

Result<Lsn> parse_lsn(std::string_view text) {
  const auto slash = text.find('/');
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (slash == std::string_view::npos || !parse_whole(text.substr(0, slash), high, 16) ||
      !parse_whole(text.substr(slash + 1), low, 16)) {
    return fail(ErrorCode::Malformed, fmt::format("'{}' is not a WAL position", text));
  }
  return Lsn{(static_cast<std::uint64_t>(high) << 32U) | low};
}

Result<SystemId> parse_system_id(std::string_view text) {
  std::uint64_t number = 0;
  if (!parse_whole(text, number, 10) || number == 0) {
    return fail(ErrorCode::Malformed, fmt::format("'{}' is not a system identifier", text));
  }
  return SystemId{number};
}

}  // namespace pgkeel
