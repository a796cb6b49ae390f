// Numbers of PostgreSQL that must not be mixed up: a WAL position, a timeline, a system identifier,
// a transaction id, an object id. Each is its own type; none converts to another.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel {

template <class Tag, class Number>
struct Strong {
  Number value{};
  constexpr Strong() = default;
  constexpr explicit Strong(Number number) : value(number) {}
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
  [[nodiscard]] constexpr bool valid() const { return value != Number{}; }
};

/// A byte position in the WAL stream; zero is "none".
using Lsn = Strong<struct LsnTag, std::uint64_t>;
using TimelineId = Strong<struct TimelineTag, std::uint32_t>;
/// The 64-bit number initdb gives a cluster; equal means the same cluster or a physical copy.
using SystemId = Strong<struct SystemIdTag, std::uint64_t>;
/// A full (64-bit, epoch-extended) transaction id.
using Xid = Strong<struct XidTag, std::uint64_t>;
using Oid = Strong<struct OidTag, std::uint32_t>;

/// "16/B374D848", as the server prints it.
[[nodiscard]] std::string to_string(Lsn lsn);
[[nodiscard]] std::string to_string(TimelineId timeline);
[[nodiscard]] std::string to_string(SystemId system_id);
[[nodiscard]] std::string to_string(Xid xid);
[[nodiscard]] std::string to_string(Oid oid);

/// Parses "16/B374D848"; Malformed when it is anything else.
[[nodiscard]] Result<Lsn> parse_lsn(std::string_view text);
/// Parses the decimal form; Malformed when it is not a number above zero.
[[nodiscard]] Result<SystemId> parse_system_id(std::string_view text);

}  // namespace pgkeel
